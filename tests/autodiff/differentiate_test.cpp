// What differentiate() promises beside the numbers: types, zeros, labels, order, and its messages.
#include "autodiff/differentiate.h"

#include "autodiff/gradient_check.h"

namespace millwright::autodiff {
namespace {

using mil::ElementType;
using mil::Type;
using mil::Value;
using Axes = std::vector<int64_t>;

class Differentiate : public testing::Test {
 protected:
  Value* input(const char* name, ElementType element, const mil::Shape& shape) {
    return b_.input(name, Type::tensor(element, shape));
  }
  Value* sum(Value* x) { return b_.reduce("reduce_sum", x, Axes{}, false); }
  std::string error(Value* loss, const std::vector<Value*>& wrt) {
    const auto result = differentiate(function_, loss, wrt);
    return result ? "no error" : result.error().message;
  }

  mil::Function function_{"main", "ios18"};
  mil::Builder b_{function_};
};

TEST_F(Differentiate, GivesZerosForAnInputThatTheLossDoesNotDependOn) {
  Value* const x = input("x", ElementType::fp32, {2});
  Value* const unused = input("unused", ElementType::fp16, {3, 4});
  const auto gradients = differentiate(function_, sum(x), std::vector{x, unused});
  ASSERT_TRUE(gradients.has_value()) << gradients.error().message;
  EXPECT_EQ((*gradients)[1]->type(), unused->type());
  EXPECT_EQ((*gradients)[1]->producer()->kind(), "fill");
  EXPECT_EQ((*gradients)[1]->producer()->constant("value")->as_number(), 0);
}

TEST_F(Differentiate, TakesIntermediateValuesAndTheLossItself) {
  Value* const x = input("x", ElementType::fp64, {2});
  Value* const squared = b_.mul(x, x);
  Value* const loss = sum(b_.unary("exp", squared));
  const auto gradients = differentiate(function_, loss, std::vector{squared, loss, x});
  ASSERT_TRUE(gradients.has_value()) << gradients.error().message;
  function_.block().set_results(*gradients);
  const mil::TensorValue value{x->type(), {0.5, -1}};
  const auto numbers = mil::interpret(function_, std::vector{value}, mil::Precision::fp64);
  ASSERT_TRUE(numbers.has_value()) << numbers.error().message;
  EXPECT_DOUBLE_EQ((*numbers)[0].numbers[0], std::exp(0.25));
  EXPECT_EQ((*numbers)[1].numbers, std::vector<double>{1});
  EXPECT_DOUBLE_EQ((*numbers)[2].numbers[1], -2 * std::exp(1));
}

TEST_F(Differentiate, KeepsTheElementTypeOfMixedPrecision) {
  Value* const master = input("master", ElementType::fp32, {4});
  Value* const half = b_.cast(master, ElementType::fp16);
  Value* const loss = b_.cast(sum(b_.mul(half, half)), ElementType::fp32);
  const auto gradients = differentiate(function_, loss, std::vector{master, half});
  ASSERT_TRUE(gradients.has_value()) << gradients.error().message;
  EXPECT_EQ((*gradients)[0]->type(), master->type());
  EXPECT_EQ((*gradients)[1]->type(), half->type());
}

TEST_F(Differentiate, LabelsBackwardOperationsAfterTheirForwardOnes) {
  Value* const x = input("x", ElementType::fp32, {2, 6});
  std::vector<Value*> gradients;
  Value* loss = nullptr;
  {
    const mil::Builder::Scope scope(b_, "layers.0");
    Value* const first = b_.slice(x, Axes{0, 0}, Axes{2, 3}, "first");
    Value* const second = b_.slice(x, Axes{0, 3}, Axes{2, 3}, "second");
    loss = sum(b_.unary("exp", b_.mul(b_.unary("tanh", first, "gate"), second, "product"), "exp"));
  }
  const size_t forward = function_.block().operations().size();
  ASSERT_TRUE(differentiate(function_, loss, std::vector{x}).has_value());
  std::vector<std::string> labels;
  size_t position = 0;
  for (const auto& operation : function_.block().operations()) {
    if (position++ >= forward && !operation->is_const()) labels.push_back(operation->kind() + " " + operation->label());
  }
  EXPECT_EQ(labels, (std::vector<std::string>{"mul layers.0.product.grad", "mul layers.0.product.grad",
                                              "mul layers.0.gate.grad", "sub layers.0.gate.grad",
                                              "mul layers.0.gate.grad", "concat layers.0.first.grad"}));
}

TEST_F(Differentiate, AppendsTheSameOperationsEveryTime) {
  const auto listing = [] {
    RandomFunction f(7);
    Value* const x = f.variable({2, 3});
    Value* y = f.b().softmax(f.b().matmul(x, f.variable({3, 3})), -1);
    y = f.b().add(f.b().mul(y, y), f.b().add(y, f.b().unary("silu", y)));
    const auto gradients =
        differentiate(f.function(), f.b().reduce("reduce_sum", y, Axes{}, false), f.differentiated());
    std::string text;
    for (const auto& operation : f.function().block().operations()) {
      text += operation->kind();
      for (const Value* value : operation->all_operands()) text += " " + value->name();
      text += "\n";
    }
    return text;
  };
  EXPECT_EQ(listing(), listing());
}

TEST_F(Differentiate, IgnoresWhatDependsOnIntegersOnly) {
  Value* const x = input("x", ElementType::fp32, {2, 3});
  Value* const position = b_.emit("reduce_argmax", {mil::operand("x", x), mil::operand("axis", b_.int32(1))});
  Value* const picked = b_.gather(x, position, 1);
  EXPECT_TRUE(differentiate(function_, sum(picked), std::vector{x}).has_value());
}

// The gradient of `loss` at the given x, the only input.
std::vector<double> gradient_at(mil::Function& function, Value* loss, const mil::TensorValue& x) {
  const auto gradients = differentiate(function, loss, std::vector{function.inputs()[0].get()});
  if (!gradients) return {};
  function.block().set_results(*gradients);
  const auto numbers = mil::interpret(function, std::vector{x}, mil::Precision::fp64);
  return numbers ? numbers->at(0).numbers : std::vector<double>{};
}

TEST_F(Differentiate, DividesTheGradientOfAMaximumAmongEqualElements) {
  Value* const x = input("x", ElementType::fp64, {4});
  Value* const largest = b_.reduce("reduce_max", x, Axes{0}, false);
  EXPECT_EQ(gradient_at(function_, largest, {x->type(), {1, 3, 3, 2}}), (std::vector<double>{0, 0.5, 0.5, 0}));
}

TEST_F(Differentiate, GivesTheGradientOfAnElementwiseTieToTheFirstOperand) {
  Value* const x = input("x", ElementType::fp64, {3});
  Value* const loss = sum(b_.binary("maximum", x, b_.scalar(ElementType::fp64, 2)));
  EXPECT_EQ(gradient_at(function_, loss, {x->type(), {1, 2, 3}}), (std::vector<double>{0, 1, 1}));
}

TEST_F(Differentiate, KeepsSoftmaxAndItsLogarithmFiniteUnderAMask) {
  Value* const x = input("x", ElementType::fp64, {3});
  Value* const mask = b_.constant(mil::Literal::numbers(x->type(), std::vector<double>{0, -1e9, 0}));
  Value* const masked = b_.add(x, mask);
  Value* const loss =
      b_.add(b_.reduce("reduce_log_sum_exp", masked, Axes{0}, false), sum(b_.mul(b_.softmax(masked, 0), x)));
  // With p = (½, 0, ½): the logarithm gives p, and the softmax p + p · (x − Σ p · x) = p.
  EXPECT_EQ(gradient_at(function_, loss, {x->type(), {1, 1, 1}}), (std::vector<double>{1, 0, 1}));
}

TEST_F(Differentiate, RefusesALossOfSeveralElements) {
  Value* const x = input("x", ElementType::fp32, {2, 3});
  EXPECT_EQ(error(x, {x}), "the loss x is a tensor<fp32, [2, 3]>; expected a floating tensor of one element");
}

TEST_F(Differentiate, RefusesAnIntegerLoss) {
  Value* const x = input("x", ElementType::int32, {});
  EXPECT_EQ(error(x, {}), "the loss x is a int32; expected a floating tensor of one element");
}

TEST_F(Differentiate, RefusesGradientsOfIntegers) {
  Value* const tokens = input("tokens", ElementType::int32, {4});
  Value* const x = input("x", ElementType::fp32, {});
  EXPECT_EQ(
      error(x, {tokens}),
      "no gradient with respect to tokens: it is a tensor<int32, [4]>; expected a floating tensor of known shape");
}

TEST_F(Differentiate, NamesAnOperationWithoutARuleAndLeavesTheFunctionAsItWas) {
  Value* const x = input("x", ElementType::fp32, {2, 3});
  Value* const loss = sum(b_.unary("exp", b_.unary("mw.softmax", x, "probabilities")));
  const size_t before = function_.block().operations().size();
  EXPECT_EQ(error(loss, {x}), "probabilities (mw.softmax): it has no gradient rule, but the loss depends on it");
  EXPECT_EQ(function_.block().operations().size(), before);
}

TEST_F(Differentiate, RefusesUnknownShapesOnTheWay) {
  Value* const x = input("x", ElementType::fp32, {2, 3});
  Value* const sizes = input("sizes", ElementType::int32, {2});
  Value* const reshaped = b_.emit("reshape", {mil::operand("x", x), mil::operand("shape", sizes)});
  Value* const loss = sum(b_.unary("exp", reshaped, "exponential"));
  EXPECT_EQ(error(loss, {x}),
            "reduce_sum (reduce_sum): its operand exponential has the shape [?, ?]; a gradient needs known sizes");
}

TEST_F(Differentiate, NamesTheModesAndStridesThatHaveNoGradient) {
  Value* const x = input("x", ElementType::fp32, {3, 2});
  Value* const updates = input("updates", ElementType::fp32, {1, 2});
  Value* const largest = b_.emit("scatter",
                                 {mil::operand("data", x), mil::operand("indices", b_.int32_vector(Axes{1})),
                                  mil::operand("updates", updates), mil::operand("mode", b_.text("max"))},
                                 "largest");
  EXPECT_EQ(
      error(sum(largest), {x}),
      "largest (scatter): the gradient of scatter is not known for mode max; expected update, add, sub, mul or div");

  Value* const image = input("image", ElementType::fp32, {1, 2, 4, 4});
  Value* const weight = input("weight", ElementType::fp32, {2, 2, 2, 2});
  Value* const strided = b_.emit(
      "conv",
      {mil::operand("x", image), mil::operand("weight", weight), mil::operand("strides", b_.int32_vector(Axes{2, 2}))},
      "strided");
  EXPECT_EQ(error(sum(strided), {weight}),
            "strided (conv): the gradient of conv is known for strides, dilations and groups of 1 only");
}

// Sums with an empty axis, joined with what has elements; only the latter has a gradient to speak of.
TEST(EmptyTensors, ArePassedOver) {
  RandomFunction f(1);
  mil::Builder& b = f.b();
  const std::vector<int64_t> rows = {0};
  mil::Value* const empty = f.variable({0, 3});
  mil::Value* const x = f.variable({2, 3});
  mil::Value* const left = f.variable({2, 0});
  const std::vector<mil::Value*> parts = {empty, x};
  mil::Value* const joined = b.concat(parts, 0);
  mil::Value* const product = b.matmul(left, empty);  // an inner axis of size 0: zeros
  mil::Value* const shifted = b.add(b.reduce("reduce_sum", empty, rows, true), b.mul(joined, joined));
  mil::Value* const sum = b.reduce("reduce_sum", b.add(shifted, product), std::vector<int64_t>{0, 1}, false);
  check_gradients(f, sum);
}

TEST(EmptyTensors, GiveNothingToWhatTheyAreMadeFrom) {
  RandomFunction f(2);
  mil::Builder& b = f.b();
  mil::Value* const x = f.variable({2, 3});
  mil::Value* const y = f.variable({1});
  mil::Value* const none = b.slice(x, std::vector<int64_t>{1, 0}, std::vector<int64_t>{0, 3});
  const std::vector<int64_t> all = {0, 1};
  mil::Value* const sum = b.add(b.reduce("reduce_sum", b.mul(none, none), all, false), b.mul(y, y));
  check_gradients(f, sum);
}

}  // namespace
}  // namespace millwright::autodiff
