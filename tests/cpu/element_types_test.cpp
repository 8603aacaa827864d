// Operations on every element type that programs have: narrow and wide integers, bool, fp16, bf16. The reference
// interpreter, which wraps integers around, is the oracle; what double cannot hold is checked with numbers by hand.
#include <functional>
#include <limits>

#include "execution.h"

namespace millwright::cpu {
namespace {

using mil::ElementType;
using mil::Shape;
using mil::TensorValue;
using mil::Type;
using mil::Value;

constexpr ElementType kIntegers[] = {ElementType::int8,  ElementType::uint8,  ElementType::int16, ElementType::uint16,
                                     ElementType::int32, ElementType::uint32, ElementType::int64};
constexpr ElementType kTypes[] = {ElementType::boolean, ElementType::int8,  ElementType::uint8,  ElementType::int16,
                                  ElementType::uint16,  ElementType::int32, ElementType::uint32, ElementType::int64,
                                  ElementType::fp16,    ElementType::bf16,  ElementType::fp32};

// Random numbers that the type holds, of integers also its ends: those of wide ones so near that their products are
// exact in double.
TensorValue numbers(TestFunction& f, ElementType element, const Shape& shape) {
  TensorValue value{Type::tensor(element, shape), {}};
  for (int64_t i = 0; i < value.type.count(); ++i) {
    double number = static_cast<double>(f.below(21)) - 10;
    if (mil::is_floating(element)) {
      number += 0.25 * static_cast<double>(f.below(4));
    } else {
      const auto [lowest, highest] = mil::integer_range(element);
      const double low = std::max(static_cast<double>(lowest), -67108864.0);
      const double high = std::min(static_cast<double>(highest), 67108864.0);
      number = std::clamp(number, low, high);
      if (element != ElementType::boolean && f.below(8) == 0) number = f.below(2) == 0 ? low : high;
    }
    value.numbers.push_back(number);
  }
  return value;
}

class IntegerTest : public ::testing::TestWithParam<ElementType> {
 protected:
  Value* integers(TestFunction& f, const Shape& shape) { return f.input(numbers(f, GetParam(), shape)); }
  void expect_same(TestFunction& f, const std::string& what) {
    expect_same_as_interpreter(f.function(), f.inputs(), 0, what);
  }
};

TEST_P(IntegerTest, ArithmeticWrapsAround) {
  for (const char* kind : {"add", "sub", "mul", "floor_div", "mod", "real_div", "maximum", "minimum"}) {
    TestFunction f(3, ElementType::fp32);
    Value* x = integers(f, {40, 3});
    Value* y = integers(f, {3});
    Value* z = f.b().binary(kind, x, y);
    f.returns({z, f.b().binary("add", z, x)});
    expect_same(f, kind);
  }
  for (const char* kind : {"abs", "sign", "square", "relu", "floor", "ceil", "round"}) {
    TestFunction f(4);
    f.returns({f.b().unary(kind, integers(f, {57}))});
    expect_same(f, kind);
  }
}

TEST_P(IntegerTest, PowersAreExactModuloTheType) {
  TestFunction f(9);
  TensorValue exponents{Type::tensor(GetParam(), {6}), {0, 1, 2, 3, 4, 5}};
  TensorValue bases{Type::tensor(GetParam(), {6}), {7, 7, 3, 5, 6, 2}};
  f.returns({f.b().binary("pow", f.input(bases), f.input(exponents))});
  expect_same(f, "pow");
}

TEST_P(IntegerTest, ComparisonsSelectAndClipWork) {
  TestFunction f(5);
  Value* x = integers(f, {30});
  Value* y = integers(f, {30});
  std::vector<Value*> results;
  for (const char* kind : {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}) {
    results.push_back(f.b().binary(kind, x, y));
  }
  results.push_back(f.b().select(results[2], x, y));
  results.push_back(
      f.b().emit("clip", {mil::operand("x", x), mil::operand("alpha", f.b().scalar(ElementType::fp32, 1.5)),
                          mil::operand("beta", f.b().scalar(ElementType::fp32, 6.5))}));
  f.returns(results);
  expect_same(f, "comparisons");
}

TEST_P(IntegerTest, ReductionsWork) {
  for (const char* kind : {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum_square",
                           "reduce_l1_norm", "reduce_mean"}) {
    TestFunction f(6);
    TensorValue x{Type::tensor(GetParam(), {4, 5, 3}), {}};
    for (int i = 0; i < 60; ++i) x.numbers.push_back(static_cast<double>(1 + f.below(2)));
    Value* value = f.input(x);
    f.returns({f.b().reduce(kind, value, std::vector<int64_t>{-1, 0}, true),
               f.b().reduce(kind, value, std::vector<int64_t>{}, false)});
    expect_same(f, kind);
  }
  for (const char* kind : {"reduce_argmax", "reduce_argmin", "cumsum"}) {
    TestFunction f(7);
    f.returns({f.b().emit(kind, {mil::operand("x", integers(f, {4, 6})), mil::operand("axis", f.b().int32(-1))})});
    expect_same(f, kind);
  }
}

TEST_P(IntegerTest, MovementsKeepTheBits) {
  TestFunction f(8);
  Value* x = integers(f, {4, 6});
  Value* y = integers(f, {4, 6});
  Value* indices = f.integers({3}, -4, 4);
  const std::vector<Value*> both = {f.b().transpose(x, std::vector<int64_t>{1, 0}),
                                    f.b().transpose(y, std::vector<int64_t>{1, 0})};
  f.returns(
      {f.b().concat(both, 1), f.b().slice(x, std::vector<int64_t>{1, 2}, std::vector<int64_t>{2, 3}),
       f.b().gather(x, indices, 0), f.b().reshape(both[0], {3, 8}), f.b().tile(x, std::vector<int64_t>{2, 1}),
       f.b().emit("reverse", {mil::operand("x", x)}), f.b().pad(x, std::vector<int64_t>{1, 2, 0, 3}),
       f.b().emit("stack", {mil::operand("values", std::vector<Value*>{x, y}), mil::operand("axis", f.b().int32(0))})});
  expect_same(f, "movements");
}

TEST_P(IntegerTest, ScattersWork) {
  for (const char* mode : {"update", "add", "sub", "mul", "div", "max", "min"}) {
    TestFunction f(2);
    f.returns({f.b().emit("scatter",
                          {mil::operand("data", integers(f, {5, 3})), mil::operand("indices", f.integers({4}, -5, 5)),
                           mil::operand("updates", integers(f, {4, 3})), mil::operand("axis", f.b().int32(0)),
                           mil::operand("mode", f.b().text(mode))})});
    expect_same(f, mode);
  }
}

INSTANTIATE_TEST_SUITE_P(All, IntegerTest, ::testing::ValuesIn(kIntegers),
                         [](const auto& info) { return std::string(mil::element_name(info.param)); });

TEST(ElementTypes, EveryCastAgreesWithTheInterpreter) {
  for (const ElementType from : kTypes) {
    for (const ElementType to : kTypes) {
      TestFunction f(11);
      f.returns({f.b().cast(f.input(numbers(f, from, {61})), to)});
      // Round to nearest: the interpreter keeps floats as double.
      const auto expected = mil::interpret(f.function(), f.inputs(), mil::Precision::declared);
      const auto compiled = compile(f.function());
      ASSERT_NE(compiled, nullptr);
      const auto actual = run(*compiled, f.function(), f.inputs());
      ASSERT_TRUE(actual) << actual.error().message;
      expect_near(*actual, *expected, 0, fmt::format("{} to {}", mil::element_name(from), mil::element_name(to)));
    }
  }
}

TEST(ElementTypes, ACastToIntegersSaturates) {
  TestFunction f(0);
  Value* x = f.input({Type::tensor(ElementType::fp32, {5}), {0x1p100, -0x1p100, 300.5, -3.75, -0.25}});
  std::vector<Value*> results;
  for (const ElementType to : {ElementType::int8, ElementType::uint8, ElementType::uint16, ElementType::int64}) {
    results.push_back(f.b().cast(x, to));
  }
  f.returns(results);
  const auto compiled = compile(f.function());
  const auto actual = run(*compiled, f.function(), f.inputs());
  ASSERT_TRUE(actual) << actual.error().message;
  EXPECT_EQ((*actual)[0].numbers, (std::vector<double>{127, -128, 127, -3, 0}));
  EXPECT_EQ((*actual)[1].numbers, (std::vector<double>{255, 0, 255, 0, 0}));
  EXPECT_EQ((*actual)[2].numbers, (std::vector<double>{65535, 0, 300, 0, 0}));
  EXPECT_EQ((*actual)[3].numbers, (std::vector<double>{9223372036854775808.0, -9223372036854775808.0, 300, -3, 0}));
}

// 2^53 + 1 is no double, 2^31 no int32.
TEST(ElementTypes, WideIntegersLoseNoBits) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", Type::tensor(ElementType::int64, {3}));
  Value* y = b.input("y", Type::tensor(ElementType::int64, {3}));
  std::vector<Value*> results;
  for (const char* kind : {"add", "sub", "mul", "floor_div", "mod"}) results.push_back(b.binary(kind, x, y));
  results.push_back(b.reduce("reduce_sum", x, std::vector<int64_t>{0}, false));
  function.block().set_results(results);
  const auto compiled = compile(function);
  ASSERT_NE(compiled, nullptr);
  alignas(64) int64_t left[3] = {9007199254740993, -9007199254740993, std::numeric_limits<int64_t>::min()};
  alignas(64) int64_t right[3] = {2147483648, 3, -1};
  alignas(64) int64_t out[6][8] = {};
  void* inputs[] = {left, right};
  void* outputs[] = {out[0], out[1], out[2], out[3], out[4], out[5]};
  const Status status = compiled->run(inputs, outputs);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(out[0][0], 9007201402224641);
  EXPECT_EQ(out[1][0], 9007197107257345);
  EXPECT_EQ(out[2][1], -27021597764222979);
  EXPECT_EQ(out[2][2], std::numeric_limits<int64_t>::min());
  EXPECT_EQ(out[3][0], 4194304);
  EXPECT_EQ(out[3][1], -3002399751580331);
  EXPECT_EQ(out[3][2], std::numeric_limits<int64_t>::min());
  EXPECT_EQ(out[4][0], 1);
  EXPECT_EQ(out[4][1], 0);
  EXPECT_EQ(out[4][2], 0);
  EXPECT_EQ(out[5][0], std::numeric_limits<int64_t>::min());
}

TEST(ElementTypes, IntegersDividedByZeroGiveZero) {
  for (const ElementType element : kIntegers) {
    TestFunction f(1);
    Value* x = f.input({Type::tensor(element, {3}), {7, 0, 1}});
    Value* y = f.input({Type::tensor(element, {3}), {0, 0, 2}});
    f.returns({f.b().binary("floor_div", x, y), f.b().binary("mod", x, y), f.b().binary("real_div", x, y)});
    const auto compiled = compile(f.function());
    const auto actual = run(*compiled, f.function(), f.inputs());
    ASSERT_TRUE(actual) << actual.error().message;
    EXPECT_EQ((*actual)[0].numbers, (std::vector<double>{0, 0, 0})) << mil::element_name(element);
    EXPECT_EQ((*actual)[1].numbers, (std::vector<double>{0, 0, 1})) << mil::element_name(element);
    EXPECT_EQ((*actual)[2].numbers, (std::vector<double>{0, 0, 0})) << mil::element_name(element);
  }
}

// Indices of 16 bits, an index result of 16 bits, and weights in half precision that are converted at compile time.
TEST(ElementTypes, NarrowIndicesAreWidened) {
  TestFunction f(6);
  TensorValue indices{Type::tensor(ElementType::uint16, {3}), {2, 0, 3}};
  Value* rows = f.b().gather(f.floats({4, 5}), f.input(indices), 0);
  f.returns({rows, f.b().emit("reduce_argmax", {mil::operand("x", rows), mil::operand("axis", f.b().int32(1)),
                                                mil::operand("output_dtype", f.b().text("uint16"))})});
  expect_same_as_interpreter(f.function(), f.inputs());
}

TEST(ElementTypes, ConstantsAreConvertedOnceAtCompileTime) {
  TestFunction f(6, ElementType::fp16);
  const double weights[] = {1, 2, 3, 4, 5, 6};
  Value* weight = f.b().constant(mil::Literal::numbers(Type::tensor(ElementType::fp16, {2, 3}), weights));
  f.returns({f.b().add(f.floats({2, 3}), f.b().softmax(weight, -1))});
  const auto compiled = compile(f.function());
  ASSERT_NE(compiled, nullptr);
  EXPECT_EQ(compiled->listing(), "elementwise(1) add: in0[2, 3] const[2, 3] -> out0[2, 3]\n");
}

// The mean of a thousand numbers around 100 in fp16: rounding it before it is subtracted would leave nothing right.
TEST(ElementTypes, ALayerNormOfHalvesIsRoundedOnce) {
  TestFunction f(6, ElementType::fp16);
  f.returns({f.b().emit("layer_norm", {mil::operand("x", f.floats({3, 1000}, 100, 101)),
                                       mil::operand("axes", f.b().int32_vector(std::vector<int64_t>{-1}))})});
  expect_same_as_interpreter(f.function(), f.inputs(), tolerance_of(ElementType::fp16));
}

TEST(ElementTypes, DoublesAreRefusedByName) {
  for (const char* kind : {"add", "matmul", "softmax", "reduce_sum"}) {
    mil::Function function("main", "ios18");
    mil::Builder b(function);
    Value* x = b.input("x", Type::tensor(ElementType::fp64, {2, 2}));
    Value* y = std::string(kind) == "softmax"      ? b.softmax(x, 0)
               : std::string(kind) == "reduce_sum" ? b.reduce(kind, x, std::vector<int64_t>{0}, false)
                                                   : b.binary(kind, x, x);
    function.block().set_results({y});
    const auto compiled = CompiledFunction::compile(function, {});
    ASSERT_FALSE(compiled) << kind;
    EXPECT_EQ(compiled.error().message.find(fmt::format("{} ({}): the CPU executor has no kernel of this operation for "
                                                        "fp64",
                                                        kind, kind)),
              0u)
        << compiled.error().message;
  }
}

}  // namespace
}  // namespace millwright::cpu
