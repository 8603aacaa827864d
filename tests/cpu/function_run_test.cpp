// Running a function on constants: small programs whose results are known by hand.
#include "cpu/function_run.h"

#include <gtest/gtest.h>

#include <limits>

#include "mil/parser.h"

namespace millwright::cpu {
namespace {

using mil::ElementType;
using mil::Literal;
using mil::Type;

mil::Program parsed(const std::string& signature, const std::string& body, const std::string& results) {
  Result<mil::Program> program = mil::parse_program(
      "program(1.3)\n{\n func main<ios18>(" + signature + ") {\n" + body + "\n } -> (" + results + ");\n}\n",
      "test.mil");
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

Literal numbers(std::vector<double> values) {
  return Literal::numbers(Type::tensor(ElementType::fp32, {static_cast<int64_t>(values.size())}), values);
}

constexpr const char* kDouble = "tensor<fp32, [2]> y = add(x = x, y = x);";

TEST(FunctionRun, GivesEveryResultAndTheTimeOfEachRun) {
  const mil::Program program = parsed("tensor<fp32, [2]> x", kDouble, "y, x");
  const std::vector<Literal> inputs = {numbers({1, -3})};
  const Result<FunctionRun> run = run_function(*program.functions().front(), inputs, 3);
  ASSERT_TRUE(run) << run.error().message;
  ASSERT_EQ(run->results.size(), 2u);
  EXPECT_EQ(run->results[0].as_numbers(), (std::vector<double>{2, -6}));
  EXPECT_EQ(run->results[1].as_numbers(), (std::vector<double>{1, -3}));
  EXPECT_EQ(run->run_seconds.size(), 3u);
}

TEST(FunctionRun, BeginsEveryRunWithTheGivenInputs) {
  mil::Program program = parsed("tensor<fp32, [2]> x", kDouble, "y");
  mil::Function& function = *program.functions().front();
  function.alias(function.results().front(), function.inputs().front().get());
  const std::vector<Literal> inputs = {numbers({1, -3})};
  const Result<FunctionRun> run = run_function(function, inputs, 4);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->results[0].as_numbers(), (std::vector<double>{2, -6}));
}

TEST(FunctionRun, GivesWhatTheLastRunLeftInTheStates) {
  const mil::Program program =
      parsed("tensor<fp32, [2]> x, state<tensor<fp32, [2]>> s",
             "tensor<fp32, [2]> old = read_state(input = s); tensor<fp32, [2]> y = add(x = x, y = old);"
             "write_state(data = y, input = s);",
             "old");
  const mil::Function& function = *program.functions().front();
  const std::vector<Literal> inputs = {numbers({1, -3}), *initial_state(function.inputs()[1]->type())};
  EXPECT_EQ(inputs[1].as_numbers(), (std::vector<double>{0, 0}));
  const Result<FunctionRun> run = run_function(function, inputs, 2);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->results[0].as_numbers(), (std::vector<double>{0, 0}));
  ASSERT_EQ(run->states.size(), 1u);
  EXPECT_EQ(run->states[0].as_numbers(), (std::vector<double>{1, -3}));
}

TEST(FunctionRun, RefusesAnInputOfAnotherType) {
  const mil::Program program = parsed("tensor<fp32, [2]> x", kDouble, "y");
  const std::vector<Literal> inputs = {numbers({1, 2, 3})};
  EXPECT_EQ(run_function(*program.functions().front(), inputs, 1).error().message,
            "input x: expected tensor<fp32, [2]>, found tensor<fp32, [3]>");
}

TEST(RandomInput, DependsOnSeedAndStreamAlone) {
  const Type type = Type::tensor(ElementType::fp16, {4, 4});
  EXPECT_EQ(*random_input(type, 1, 2), *random_input(type, 1, 2));
  EXPECT_FALSE(*random_input(type, 1, 2) == *random_input(type, 1, 3));
  EXPECT_FALSE(*random_input(type, 1, 2) == *random_input(type, 2, 2));
}

TEST(RandomInput, GivesZeroOrOneForIntegers) {
  int64_t sum = 0;
  for (const int64_t value : random_input(Type::tensor(ElementType::int32, {100}), 0, 0)->as_integers()) {
    EXPECT_TRUE(value == 0 || value == 1) << value;
    sum += value;
  }
  EXPECT_GT(sum, 20);
  EXPECT_LT(sum, 80);
}

TEST(RandomInput, NeedsKnownSizes) {
  EXPECT_EQ(
      random_input(Type::tensor(ElementType::fp32, {mil::kUnknownDimension, 2}), 0, 0).error().message,
      "there are no random numbers for a tensor<fp32, [?, 2]>; expected a tensor of numbers whose sizes are known");
}

TEST(Deviation, IsRelativeToLargeNumbersAndAbsoluteForSmallOnes) {
  const Result<Deviation> found = deviation(numbers({0.5, 110, 7}), numbers({0.25, 100, 7}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->largest, 0.25);
  EXPECT_EQ(found->index, 0);
  EXPECT_EQ(found->found, 0.5);
  EXPECT_EQ(found->expected, 0.25);
  EXPECT_DOUBLE_EQ(deviation(numbers({110}), numbers({100}))->largest, 0.1);
}

TEST(Deviation, IsInfiniteWhereOneSideAloneIsNotFinite) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(deviation(numbers({nan, inf}), numbers({nan, inf}))->largest, 0);
  EXPECT_EQ(deviation(numbers({nan}), numbers({1}))->largest, inf);
  EXPECT_EQ(deviation(numbers({1}), numbers({inf}))->largest, inf);
  EXPECT_EQ(deviation(numbers({-inf}), numbers({inf}))->largest, inf);
}

TEST(Deviation, RefusesOtherShapes) {
  EXPECT_EQ(deviation(numbers({1}), numbers({1, 2})).error().message,
            "found tensor<fp32, [1]>, expected tensor<fp32, [2]>");
}

}  // namespace
}  // namespace millwright::cpu
