// Costs of small programs, counted by hand.
#include "mil/statistics.h"

#include <gtest/gtest.h>

#include "mil/parser.h"

namespace millwright::mil {
namespace {

FunctionStatistics count(const std::string& signature, const std::string& body, const std::string& results) {
  const Result<Program> program = parse_program(
      "program(1.3)\n{\n func main<ios18>(" + signature + ") {\n" + body + "\n } -> (" + results + ");\n}\n",
      "test.mil");
  EXPECT_TRUE(program) << program.error().message;
  return statistics(*program->functions().front());
}

TEST(Statistics, CountsProductsTwicePerMultiplication) {
  const FunctionStatistics totals = count(
      "tensor<fp32, [2, 3, 4]> x, tensor<fp32, [4, 5]> y",
      "tensor<fp32, [2, 3, 5]> p = matmul(transpose_x = bool(false), transpose_y = bool(false), x = x, y = y);", "p");
  EXPECT_EQ(totals.flops, 2 * 2 * 3 * 4 * 5);
  EXPECT_EQ(totals.bytes, 4 * (24 + 20 + 30) + 2);  // and the two switches
  EXPECT_EQ(totals.input_bytes, 4 * 44);
  EXPECT_EQ(totals.output_bytes, 4 * 30);
}

TEST(Statistics, TakesTheInnerAxisOfATransposedProduct) {
  const FunctionStatistics totals =
      count("tensor<fp32, [7, 3]> x, tensor<fp32, [7, 5]> y",
            "tensor<fp32, [3, 5]> p = matmul(transpose_x = bool(true), transpose_y = bool(false), x = x, y = y);", "p");
  EXPECT_EQ(totals.flops, 2 * 3 * 5 * 7);
}

TEST(Statistics, CountsAGroupedConvolutionByItsWeights) {
  const FunctionStatistics totals = count(
      "tensor<fp32, [1, 4, 8]> x, tensor<fp32, [6, 2, 3]> w",
      "tensor<fp32, [1, 6, 6]> p = conv(groups = int32(2), pad_type = string(\"valid\"), weight = w, x = x);", "p");
  EXPECT_EQ(totals.flops, 2 * (6 * 6) * (2 * 3));
}

TEST(Statistics, CountsElementwiseByResultsAndReductionsByWhatTheyRead) {
  const FunctionStatistics totals =
      count("tensor<fp32, [2, 3]> x",
            "tensor<fp32, [2, 3]> a = exp(x = x);\n"
            "tensor<fp32, [2]> b = reduce_sum(axes = tensor<int32, [1]>([1]), keep_dims = bool(false), x = a);\n"
            "tensor<fp32, [1, 2]> c = reshape(shape = tensor<int32, [2]>([1, 2]), x = b);",
            "c");
  EXPECT_EQ(totals.flops, 6 + 6 + 0);
  ASSERT_EQ(totals.kinds.size(), 3u);
  EXPECT_EQ(totals.kinds[0].kind, "exp");
  EXPECT_EQ(totals.kinds[1].kind, "reduce_sum");
  EXPECT_EQ(totals.kinds[2].kind, "reshape");
}

TEST(Statistics, KeepsAValueUntilItsLastUse) {
  // x 40 bytes throughout; a and b together, then b and c.
  const FunctionStatistics totals = count("tensor<fp32, [10]> x",
                                          "tensor<fp32, [10]> a = exp(x = x);\n"
                                          "tensor<fp16, [10]> b = cast(dtype = string(\"fp16\"), x = a);\n"
                                          "tensor<fp16, [10]> c = exp(x = b);",
                                          "c");
  EXPECT_EQ(totals.peak_bytes, 40 + 40 + 20);
}

TEST(Statistics, KeepsWhatIsUsedLater) {
  const FunctionStatistics totals = count("tensor<fp32, [10]> x",
                                          "tensor<fp32, [10]> a = exp(x = x);\n"
                                          "tensor<fp32, [10]> b = exp(x = a);\n"
                                          "tensor<fp32, [10]> c = exp(x = b);\n"
                                          "tensor<fp32, [10]> d = add(x = a, y = c);",
                                          "d");
  EXPECT_EQ(totals.peak_bytes, 40 * 4);
}

TEST(Statistics, CountsFloatingConstantsAsParameters) {
  const FunctionStatistics totals =
      count("tensor<fp16, [3]> x",
            "tensor<fp16, [3]> w = const()[name = string(\"w\"), val = tensor<fp16, [3]>([1, 2, 3])];\n"
            "tensor<int32, [1]> axes = const()[name = string(\"axes\"), val = tensor<int32, [1]>([0])];\n"
            "tensor<fp16, [3]> a = add(x = x, y = w);",
            "a");
  EXPECT_EQ(totals.parameters, 3);
  EXPECT_EQ(totals.constants, 2);
  EXPECT_EQ(totals.operations, 1);
}

TEST(Statistics, CountsCompressedWeightsAsWhatTheyStandFor) {
  const FunctionStatistics totals =
      count("tensor<fp32, [1]> x",
            "tensor<uint4, [2, 4]> d = const()[name = string(\"d\"), val = tensor<uint4, [2, 4]>([[0, 1, 2, 3], [4, 5, "
            "6, 7]])];\n"
            "tensor<fp16, [2, 1]> s = const()[name = string(\"s\"), val = tensor<fp16, [2, 1]>([[1], [2]])];\n"
            "tensor<fp16, [2, 4]> w = constexpr_blockwise_shift_scale(data = d, scale = s);\n"
            "tensor<fp32, [1]> a = exp(x = x);",
            "a");
  EXPECT_EQ(totals.parameters, 8);
  EXPECT_EQ(totals.constants, 3);
}

TEST(Statistics, LeavesOutOperationsWithUnknownShapes) {
  const FunctionStatistics totals = count("tensor<fp32, [?, 3]> x, tensor<fp32, [2]> y",
                                          "tensor<fp32, [?, 3]> a = exp(x = x);\n"
                                          "tensor<fp32, [2]> b = exp(x = y);",
                                          "a, b");
  EXPECT_EQ(totals.unknown_shapes, 1);
  EXPECT_EQ(totals.flops, 2);
  EXPECT_EQ(totals.operations, 2);
}

TEST(Statistics, SurvivesSizesBeyondSixtyThreeBits) {
  const std::string type = "tensor<fp32, [1073741824, 268435456]>";
  const FunctionStatistics totals =
      count(type + " x",
            type + " a = exp(x = x);\n" + type + " b = exp(x = a);\n" + type + " c = exp(x = b);\n" + type +
                " d = add(x = a, y = c);\n" + type + " e = add(x = d, y = b);",
            "e, d, a, c");
  EXPECT_GT(totals.peak_bytes, int64_t{1} << 61);
  EXPECT_EQ(totals.flops, 5 * 0x1p58);
}

}  // namespace
}  // namespace millwright::mil
