// What is wrong with a program or its inputs, as the executor says it: one small function each.
#include "execution.h"
#include "mil/parser.h"

namespace millwright::cpu {
namespace {

using mil::ElementType;
using mil::TensorValue;
using mil::Type;

// The message of compiling, or else of running the function on these inputs.
std::string error_of(const std::string& signature, const std::string& body, const std::vector<TensorValue>& inputs) {
  const Result<mil::Program> program = mil::parse_program(
      "program(1.3)\n{\nfunc main<ios18>(" + signature + ") {\n" + body + "\n} -> (y);\n}\n", "test.mil");
  EXPECT_TRUE(program) << program.error().message;
  const mil::Function& function = *program->functions().front();
  const auto compiled = CompiledFunction::compile(function, {});
  if (!compiled) return compiled.error().message;
  RunMemory memory(function, inputs);
  const Status status = (*compiled)->run(memory.input_pointers, memory.result_pointers);
  return status ? "" : status.error().message;
}

TensorValue fp32(const mil::Shape& shape, std::vector<double> numbers) {
  return {Type::tensor(ElementType::fp32, shape), std::move(numbers)};
}
TensorValue int32(const mil::Shape& shape, std::vector<double> numbers) {
  return {Type::tensor(ElementType::int32, shape), std::move(numbers)};
}

TEST(OperationErrors, ACoordinateOutsideItsAxis) {
  EXPECT_EQ(error_of("tensor<fp32, [2, 3]> x, tensor<int32, [1, 2]> i",
                     "tensor<fp32, [1]> y = gather_nd(indices = i, x = x);",
                     {fp32({2, 3}, {1, 2, 3, 4, 5, 6}), int32({1, 2}, {1, 3})}),
            "line 4, y (gather_nd): index 3 is outside axis 1 of size 3");
  EXPECT_EQ(error_of("tensor<fp32, [2]> x, tensor<int32, [1, 1]> i, tensor<fp32, [1]> u",
                     "tensor<fp32, [2]> y = scatter_nd(data = x, indices = i, updates = u);",
                     {fp32({2}, {1, 2}), int32({1, 1}, {-3}), fp32({1}, {1})}),
            "line 4, y (scatter_nd): index -3 is outside axis 0 of size 2");
}

// 2^32 must not become index 0.
TEST(OperationErrors, AnIndexBeyondInt32) {
  EXPECT_EQ(error_of("tensor<fp32, [2]> x, tensor<int64, [1]> i", "tensor<fp32, [1]> y = gather(indices = i, x = x);",
                     {fp32({2}, {1, 2}), {Type::tensor(ElementType::int64, {1}), {4294967296.0}}}),
            "line 4, y (gather): index 2147483647 is outside axis 0 of size 2");
}

TEST(OperationErrors, ASequenceLongerThanItsAxis) {
  EXPECT_EQ(error_of("tensor<fp32, [1, 2]> x, tensor<int32, [1]> n",
                     "tensor<fp32, [1, 2]> y = reverse_sequence(lengths = n, seq_axis = int32(1), x = x);",
                     {fp32({1, 2}, {1, 2}), int32({1}, {3})}),
            "line 4, y (reverse_sequence): length 3 is outside axis 1 of size 2");
}

TEST(OperationErrors, ASizeThatTheTypeDoesNotDeclare) {
  EXPECT_EQ(error_of("tensor<fp32, [3]> x", "tensor<int32, [2, 1]> y = non_zero(x = x);", {fp32({3}, {1, 0, 0})}),
            "line 4, y (non_zero): 1 elements are not zero, the declared result has 2 rows");
  EXPECT_EQ(error_of("tensor<fp32, [3]> x, int32 k", "tensor<fp32, [2]> y, tensor<int32, [2]> at = topk(k = k, x = x);",
                     {fp32({3}, {1, 0, 0}), int32({}, {3})}),
            "line 4, y (topk): k is 3, the declared result has 2");
  EXPECT_EQ(error_of("tensor<fp32, [4]> x, tensor<int32, [2]> s", "tensor<fp32, [2, 2]> y = reshape(shape = s, x = x);",
                     {fp32({4}, {1, 2, 3, 4}), int32({2}, {4, 1})}),
            "line 4, y (reshape): the computed shape is [4, 1], the declared one [2, 2]");
  EXPECT_EQ(error_of("tensor<int32, [2]> s", "tensor<fp32, [2, 2]> y = fill(shape = s, value = fp32(1));",
                     {int32({2}, {2, 3})}),
            "line 4, y (fill): the computed shape is [2, 3], the declared one [2, 2]");
}

TEST(OperationErrors, PositionsThatTheirTypeDoesNotHold) {
  EXPECT_EQ(
      error_of("tensor<int8, [300]> x",
               "tensor<int8, [1]> y, tensor<int8, [1]> at = topk(output_indices_dtype = string(\"int8\"), x = x);",
               {{Type::tensor(ElementType::int8, {300}), std::vector<double>(300, 0)}}),
      "line 4, y (topk): positions on axis 0 of size 300 do not fit int8");
}

TEST(OperationErrors, AFunctionThatRecurrentLayersDoNotHave) {
  EXPECT_EQ(error_of("tensor<fp32, [1, 1, 1]> x, tensor<fp32, [1, 1]> h, tensor<fp32, [1, 1]> w",
                     "tensor<fp32, [1, 1, 1]> y, tensor<fp32, [1, 1]> last = rnn(activation = string(\"swish\"), "
                     "initial_h = h, weight_hh = w, weight_ih = w, x = x);",
                     {fp32({1, 1, 1}, {1}), fp32({1, 1}, {1}), fp32({1, 1}, {1})}),
            "line 4, y (rnn): activation is \"swish\", expected sigmoid, tanh, relu, linear or sigmoid_hard");
}

// Weights are expanded when the function is compiled.
TEST(OperationErrors, CompressedWeightsThatContradictThemselves) {
  EXPECT_EQ(error_of("",
                     "tensor<fp32, [2]> y = constexpr_lut_to_dense(indices = tensor<uint2, [2]>([0, 3]), "
                     "lut = tensor<fp32, [1, 2, 1]>([[[1.0], [2.0]]]));",
                     {}),
            "line 4, y (constexpr_lut_to_dense): index 3 is outside the 2 entries of lut");
  EXPECT_EQ(error_of("",
                     "tensor<fp32, [3]> y = constexpr_sparse_to_dense(mask = tensor<uint1, [3]>([1, 0, 1]), "
                     "nonzero_data = tensor<fp32, [1]>([2.0]));",
                     {}),
            "line 4, y (constexpr_sparse_to_dense): the mask marks 2 elements, 1 are stored");
}

}  // namespace
}  // namespace millwright::cpu
