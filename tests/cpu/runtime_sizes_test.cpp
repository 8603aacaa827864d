// Sizes that hang on the numbers of a run: counted by hand here.
#include "cpu/runtime_sizes.h"

#include <gtest/gtest.h>

#include "cpu/function_run.h"
#include "mil/parser.h"
#include "mil/specialize.h"

namespace millwright::cpu {
namespace {

using mil::Literal;
using mil::Type;

mil::Program parsed(const std::string& inputs, const std::string& statements, const std::string& results) {
  auto program = mil::parse_program(
      "program(1.3) { func main<ios17>(" + inputs + ") {\n" + statements + "} -> (" + results + "); }", "a.mil");
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

Literal floats(const std::vector<double>& values) {
  return Literal::numbers(Type::tensor(mil::ElementType::fp32, {static_cast<int64_t>(values.size())}), values);
}
Literal integers(const std::vector<int64_t>& values) { return Literal::int32_vector(values); }

struct Settled {
  size_t settled = 0;
  std::vector<Literal> results;
};

Settled settle_and_run(const mil::Program& program, const std::vector<Literal>& inputs) {
  auto function = settle_sizes(*program.functions().front(), inputs);
  if (!function) {
    ADD_FAILURE() << function.error().message;
    return {};
  }
  EXPECT_TRUE(mil::is_static(*function->function));
  auto run = run_function(*function->function, inputs, 1);
  if (!run) {
    ADD_FAILURE() << run.error().message;
    return {};
  }
  return {function->settled, run->results};
}

// Boxes whose score is high enough: what detectors end with.
const mil::Program& detector() {
  static const mil::Program program =
      parsed("tensor<fp32, [6]> scores, tensor<fp32, [6]> boxes",
             "tensor<bool, [6]> high = greater(x = scores, y = fp32(0.5));\n"
             "tensor<int32, [?, 1]> found = non_zero(x = high);\n"
             "tensor<int32, [?]> indices = squeeze(axes = tensor<int32, [1]>([1]), x = found);\n"
             "tensor<fp32, [?]> kept = gather(axis = int32(0), indices = indices, x = boxes);\n"
             "tensor<fp32, [?]> doubled = mul(x = kept, y = fp32(2));\n",
             "doubled, indices");
  return program;
}

TEST(RuntimeSizes, ResultsHaveAsManyElementsAsAreFound) {
  const std::vector<double> boxes = {10, 11, 12, 13, 14, 15};
  const Settled two = settle_and_run(detector(), {floats({0, 0.9, 0.1, 0.2, 0.8, 0.5}), floats(boxes)});
  EXPECT_EQ(two.settled, 1u);
  ASSERT_EQ(two.results.size(), 2u);
  EXPECT_EQ(two.results[0], floats({22, 28}));
  EXPECT_EQ(two.results[1], integers({1, 4}));
  const Settled all = settle_and_run(detector(), {floats({1, 1, 1, 1, 1, 1}), floats(boxes)});
  EXPECT_EQ(all.results.at(0), floats({20, 22, 24, 26, 28, 30}));
}

TEST(RuntimeSizes, NothingFoundIsATensorWithoutElements) {
  const Settled none = settle_and_run(detector(), {floats({0, 0, 0, 0, 0, 0}), floats({1, 2, 3, 4, 5, 6})});
  ASSERT_EQ(none.results.size(), 2u);
  EXPECT_EQ(none.results[0], floats({}));
  EXPECT_EQ(none.results[1], integers({}));
}

TEST(RuntimeSizes, OneSizeMayHangOnAnother) {
  const mil::Program program = parsed("tensor<fp32, [4]> x",
                                      "tensor<int32, [?, 1]> first = non_zero(x = x);\n"
                                      "tensor<int32, [?, 2]> second = non_zero(x = first);\n",
                                      "first, second");
  const Settled settled = settle_and_run(program, {floats({3, 0, 0, 7})});
  EXPECT_EQ(settled.settled, 1u);  // the second hangs on constants then
  EXPECT_EQ(settled.results.at(0),
            Literal::numbers(Type::tensor(mil::ElementType::int32, {2, 1}), std::vector<double>{0, 3}));
  EXPECT_EQ(settled.results.at(1),
            Literal::numbers(Type::tensor(mil::ElementType::int32, {1, 2}), std::vector<double>{1, 0}));
}

TEST(RuntimeSizes, BoundsOfSlicesAndRangesComeFromInputs) {
  const mil::Program program =
      parsed("tensor<fp32, [5]> x, tensor<int32, [1]> length, int32 end",
             "tensor<int32, [1]> longer = add(x = length, y = int32(1));\n"
             "tensor<fp32, [?]> part = slice_by_index(begin = tensor<int32, [1]>([1]), "
             "end = longer, x = x);\n"
             "tensor<int32, [?]> range = range_1d(end = end, start = int32(0), step = int32(2));\n",
             "part, range");
  const Settled settled = settle_and_run(program, {floats({1, 2, 3, 4, 5}), integers({3}), Literal::int32(5)});
  EXPECT_EQ(settled.settled, 2u);
  EXPECT_EQ(settled.results.at(0), floats({2, 3, 4}));
  EXPECT_EQ(settled.results.at(1), integers({0, 2, 4}));
}

TEST(RuntimeSizes, DataStayComputed) {
  const mil::Program program = parsed("tensor<fp32, [4]> x, tensor<int32, [2]> shape",
                                      "tensor<fp32, [4]> e = mul(x = x, y = fp32(3));\n"
                                      "tensor<fp32, [?, ?]> y = reshape(shape = shape, x = e);\n",
                                      "y");
  const std::vector<Literal> inputs = {floats({1, 2, 3, 4}), integers({2, -1})};
  const auto settled = settle_sizes(*program.functions().front(), inputs);
  ASSERT_TRUE(settled) << settled.error().message;
  const mil::Value& y = *settled->function->results().front();
  EXPECT_EQ(y.producer()->kind(), "reshape");
  EXPECT_EQ(y.type(), Type::tensor(mil::ElementType::fp32, {2, 2}));
}

TEST(RuntimeSizes, AnOperationThatStaysOpenIsNamed) {
  const mil::Program program = parsed("tensor<fp32, [4]> x", "tensor<fp32, [?]> y = made_up(x = x);\n", "y");
  const auto settled = settle_sizes(*program.functions().front(), std::vector<Literal>{floats({1, 2, 3, 4})});
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().message,
            "line 2, y (made_up): the size of its result tensor<fp32, [?]> is known at run time only");
}

}  // namespace
}  // namespace millwright::cpu
