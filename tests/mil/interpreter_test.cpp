// The interpreter as a whole: inputs, precision, states, internal operations, messages, and that it knows the registry.
#include "mil/interpreter/interpreter.h"

#include <set>

#include "interpreter_testing.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

// Lists, branches and loops, random numbers, labels and resampling are checked and printed, not interpreted.
TEST(Interpreter, KnowsEveryOperationOfTheRegistryButThoseOfFourCategories) {
  const std::set<std::string_view> excluded = {"control flow", "random", "classify", "image resizing"};
  for (const OperationDefinition& definition : all_definitions()) {
    if (excluded.contains(definition.category)) continue;
    EXPECT_NE(is_interpreted(definition.name), definition.internal) << definition.name;
  }
  EXPECT_TRUE(is_interpreted("const"));
  EXPECT_TRUE(is_interpreted("select"));
}

TEST(Interpreter, NamesAnOperationItDoesNotRun) {
  EXPECT_EQ(error_of("random_normal", {}, {{"shape", ints({2})}}),
            "tested (random_normal): the reference interpreter does not run operations of the category random");
}

TEST(Interpreter, ReturnsResultsInTheOrderOfTheFunction) {
  Function function("main", "ios18");
  Builder b(function);
  Value* const x = b.input("x", Type::tensor(ElementType::fp32, {2}));
  Value* const doubled = b.add(x, x);
  function.block().set_results({doubled, x, b.mul(doubled, x)});
  const auto results = interpret(function, std::vector{fp32({2}, {1, 3})}, Precision::fp64);
  ASSERT_TRUE(results.has_value()) << results.error().message;
  EXPECT_EQ((*results)[0].numbers, (std::vector<double>{2, 6}));
  EXPECT_EQ((*results)[1].numbers, (std::vector<double>{1, 3}));
  EXPECT_EQ((*results)[2].numbers, (std::vector<double>{2, 18}));
}

TEST(Interpreter, KeepsDoublesUnlessAskedToRoundToTheDeclaredType) {
  const double third = 1.0 / 3;
  const NamedTensor x = {"x", tensor(ElementType::fp16, {1}, {1})};
  const NamedTensor y = {"y", tensor(ElementType::fp16, {1}, {3})};
  EXPECT_EQ(result_of("real_div", {x, y}).numbers[0], third);
  EXPECT_EQ(result_of("real_div", {x, y}, {}, Precision::declared).numbers[0], 0x1.554p-2);  // 11 bits
  const NamedTensor wide_x = {"x", fp32({1}, {1})};
  const NamedTensor wide_y = {"y", fp32({1}, {3})};
  EXPECT_EQ(result_of("real_div", {wide_x, wide_y}, {}, Precision::declared).numbers[0], static_cast<double>(1.0f / 3));
  const NamedTensor brain_x = {"x", tensor(ElementType::bf16, {1}, {1})};
  const NamedTensor brain_y = {"y", tensor(ElementType::bf16, {1}, {3})};
  EXPECT_EQ(result_of("real_div", {brain_x, brain_y}, {}, Precision::declared).numbers[0], 0x1.56p-2);  // 8 bits
}

TEST(Interpreter, RoundsInputsToTheirDeclaredType) {
  const NamedTensor x = {"x", tensor(ElementType::fp16, {1}, {1.0 / 3})};
  EXPECT_EQ(result_of("identity", {x}, {}, Precision::declared).numbers[0], 0x1.554p-2);
}

TEST(Interpreter, WrapsIntegersAroundAsTheirTypeDoes) {
  EXPECT_EQ(result_of("add", {{"x", int32({1}, {2147483647})}, {"y", int32({1}, {2})}}).numbers[0], -2147483647);
  const NamedTensor x = {"x", tensor(ElementType::uint8, {2}, {250, 3})};
  const NamedTensor y = {"y", tensor(ElementType::uint8, {2}, {10, 5})};
  EXPECT_EQ(result_of("add", {x, y}).numbers, (std::vector<double>{4, 8}));
  EXPECT_EQ(result_of("sub", {x, y}).numbers, (std::vector<double>{240, 254}));
}

TEST(Interpreter, ReadsLiteralOperands) {
  Function function("main", "ios18");
  Builder b(function);
  Value* const x = b.input("x", Type::tensor(ElementType::fp32, {2}));
  Operation* const operation = function.block().add_operation("mul");
  operation->add_operand(operand("x", x));
  operation->add_operand({"y", {Literal::numbers(x->type(), std::vector<double>{3, -1})}, false});
  function.block().set_results({operation->add_result("product", x->type())});
  const auto results = interpret(function, std::vector{fp32({2}, {2, 5})}, Precision::fp64);
  ASSERT_TRUE(results.has_value()) << results.error().message;
  EXPECT_EQ((*results)[0].numbers, (std::vector<double>{6, -5}));
}

TEST(Interpreter, TakesAnySizeForAnUnknownDimension) {
  Function function("main", "ios18");
  Builder b(function);
  Value* const x = b.input("x", Type::tensor(ElementType::fp32, {kUnknownDimension, 2}));
  function.block().set_results({b.reduce("reduce_sum", x, std::vector<int64_t>{0}, false)});
  for (const int64_t rows : {1, 3}) {
    const auto results = interpret(
        function, std::vector{TensorValue(fp32({rows, 2}, std::vector<double>(static_cast<size_t>(2 * rows), 1.5)))},
        Precision::fp64);
    ASSERT_TRUE(results.has_value()) << results.error().message;
    EXPECT_EQ((*results)[0].numbers, std::vector<double>(2, 1.5 * static_cast<double>(rows)));
  }
}

TEST(Interpreter, OrdersReadsAndWritesOfAStateByPosition) {
  Function function("main", "ios18");
  const Type type = Type::tensor(ElementType::fp32, {2});
  Builder b(function);
  Value* const state = b.input("cache", Type::state(type));
  const auto read = [&](const char* name) {
    Operation* const operation = function.block().add_operation("read_state");
    operation->add_operand(operand("input", state));
    return operation->add_result(name, type);
  };
  Value* const before = read("before");
  Value* const changed = b.add(before, before);
  Operation* const write = function.block().add_operation("write_state");
  write->add_operand(operand("input", state));
  write->add_operand(operand("data", changed));
  function.block().set_results({before, read("after")});
  const auto results = interpret(function, std::vector{fp32({2}, {1, 2})}, Precision::fp64);
  ASSERT_TRUE(results.has_value()) << results.error().message;
  EXPECT_EQ((*results)[0].numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ((*results)[1].numbers, (std::vector<double>{2, 4}));
}

TEST(Interpreter, AnUpdateStoresItsValueAndYieldsIt) {
  Function function("main", "ios18");
  const Type type = Type::tensor(ElementType::fp32, {2});
  Builder b(function);
  Value* const state = b.input("cache", Type::state(type));
  Value* const fresh = b.input("fresh", type);
  Operation* const update = function.block().add_operation("coreml_update_state");
  update->add_operand(operand("state", state));
  update->add_operand(operand("value", fresh));
  Value* const updated = update->add_result("updated", type);
  Operation* const read = function.block().add_operation("read_state");
  read->add_operand(operand("input", state));
  function.block().set_results({updated, read->add_result("after", type)});
  const auto results = interpret(function, std::vector{fp32({2}, {1, 2}), fp32({2}, {3, 4})}, Precision::fp64);
  ASSERT_TRUE(results.has_value()) << results.error().message;
  EXPECT_EQ((*results)[0].numbers, (std::vector<double>{3, 4}));
  EXPECT_EQ((*results)[1].numbers, (std::vector<double>{3, 4}));
}

TEST(Interpreter, RunsInternalOperationsAsTheirDecompositions) {
  // 2 · Σ over the batch of x · y, plus the addend
  const TensorValue product = result_of(
      "mw.matmul",
      {{"x", fp32({2, 1, 2}, {1, 2, 3, 4})}, {"y", fp32({2, 2, 1}, {5, 6, 7, 8})}, {"addend", fp32({1, 1}, {1})}},
      {{"reduce_axes", ints({0})}, {"alpha", Literal::number(ElementType::fp32, 2)}});
  expect_tensor(product, {1, 1}, {2 * (17 + 53) + 1});
}

TEST(Interpreter, ConvertsConstantsBothWays) {
  const Literal literal = Literal::numbers(Type::tensor(ElementType::fp16, {3}), std::vector<double>{1, -0.5, 65504});
  EXPECT_EQ(to_value(literal).numbers, (std::vector<double>{1, -0.5, 65504}));
  EXPECT_EQ(to_literal(to_value(literal)), literal);
}

TEST(Interpreter, RefusesTheWrongNumberOfInputs) {
  Function function("main", "ios18");
  Builder(function).input("x", Type::scalar(ElementType::fp32));
  const auto results = interpret(function, {}, Precision::fp64);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().message, "function main takes 1 inputs, 0 were given");
}

TEST(Interpreter, RefusesAnInputOfAnotherType) {
  Function function("main", "ios18");
  Builder(function).input("x", Type::tensor(ElementType::fp32, {2}));
  const auto results = interpret(function, std::vector{fp32({3}, {1, 2, 3})}, Precision::fp64);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().message,
            "input x of function main is tensor<fp32, [2]>; a tensor<fp32, [3]> with 3 numbers was given");
}

TEST(Interpreter, NamesAnUnknownOperation) {
  Function function("main", "ios18");
  Operation* const operation = function.block().add_operation("frobnicate", nullptr, {12, 3});
  operation->add_result("odd", Type::scalar(ElementType::fp32));
  const auto results = interpret(function, {}, Precision::fp64);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().message, "line 12, odd (frobnicate): the reference interpreter does not know it");
}

TEST(Interpreter, NamesAConstantWhoseWeightsAreNotLoaded) {
  Function function("main", "ios18");
  Builder b(function);
  b.constant(Literal::blob(Type::tensor(ElementType::fp16, {4}), {"weights.bin", 64}), "w1");
  const auto results = interpret(function, {}, Precision::fp64);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().message, "w1 (const): its value is in weights.bin; load the weights before interpreting");
}

}  // namespace
}  // namespace millwright::mil
