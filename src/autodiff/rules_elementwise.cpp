// Gradients of elementwise operations. z is the result, dz its gradient; a broadcast operand's is summed back.
#include <cmath>
#include <numbers>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Value;

// The epsilons of log, inverse and rsqrt shift x; one below the normal fp32 range shifts nothing.
constexpr double kNoShift = 1.2e-38;

// dx = dz · (what the function makes of x and z).
using Derivative = Value* (*)(Expressions& e, Value* x, Value* z);
template <Derivative derivative>
Status times(Step& s, Expressions& e) {
  s.give("x", e.mul(s.gradient(), derivative(e, s.operand("x"), s.result())));
  return {};
}

// dx = dz / (what the function makes of x and z).
template <Derivative derivative>
Status divided_by(Step& s, Expressions& e) {
  s.give("x", e.div(s.gradient(), derivative(e, s.operand("x"), s.result())));
  return {};
}

Value* square(Expressions& e, Value* x) { return e.mul(x, x); }
Value* one_minus_square(Expressions& e, Value* x) { return e.one_minus(square(e, x)); }

// A step function: its derivative is zero wherever it has one.
Status no_gradient(Step&, Expressions&) { return {}; }

Status identity(Step& s, Expressions&) {
  s.give("x", s.gradient());
  return {};
}

Status cast(Step& s, Expressions& e) {
  if (s.wants("x")) s.give("x", e.builder().cast(s.gradient(), s.operand("x")->element()));
  return {};
}

Status erf(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  Value* const bell = e.unary("exp", e.scale(square(e, x), -1));
  s.give("x", e.scale(e.mul(s.gradient(), bell), 2 / std::sqrt(std::numbers::pi)));
  return {};
}

Status exp2(Step& s, Expressions& e) {
  s.give("x", e.scale(e.mul(s.gradient(), s.result()), std::numbers::ln2));
  return {};
}

Status sqrt(Step& s, Expressions& e) {
  s.give("x", e.scale(e.div(s.gradient(), s.result()), 0.5));
  return {};
}

// z = (x + epsilon)^(-1/2), dz/dx = -z³/2
// The gradient first: the third power of z alone is out of the range of fp16 where x is as small as 1e-4.
Status rsqrt(Step& s, Expressions& e) {
  Value* const z = s.result();
  s.give("x", e.scale(e.mul(e.mul(e.mul(s.gradient(), z), z), z), -0.5));
  return {};
}

Status inverse(Step& s, Expressions& e) {
  s.give("x", e.scale(e.mul(s.gradient(), square(e, s.result())), -1));
  return {};
}

Status log(Step& s, Expressions& e) {
  Value* x = s.operand("x");
  const double epsilon = mil::number(s.operation(), "epsilon");
  if (std::fabs(epsilon) > kNoShift) x = e.builder().add(x, e.builder().scalar_like(x, epsilon));
  s.give("x", e.div(s.gradient(), x));
  return {};
}

Status square_rule(Step& s, Expressions& e) {
  s.give("x", e.mul(e.scale(s.gradient(), 2), s.operand("x")));
  return {};
}

Status cos(Step& s, Expressions& e) {
  s.give("x", e.scale(e.mul(s.gradient(), e.unary("sin", s.operand("x"))), -1));
  return {};
}

Status asin(Step& s, Expressions& e) {
  s.give("x", e.div(s.gradient(), e.unary("sqrt", one_minus_square(e, s.operand("x")))));
  return {};
}

Status acos(Step& s, Expressions& e) {
  s.give("x", e.scale(e.div(s.gradient(), e.unary("sqrt", one_minus_square(e, s.operand("x")))), -1));
  return {};
}

Status add(Step& s, Expressions&) {
  s.give_summed("x", s.gradient());
  s.give_summed("y", s.gradient());
  return {};
}

Status sub(Step& s, Expressions& e) {
  s.give_summed("x", s.gradient());
  if (s.wants("y")) s.give_summed("y", e.scale(s.gradient(), -1));
  return {};
}

Status mul(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  Value* const y = s.operand("y");
  if (x == y) {
    s.give("x", e.mul(e.scale(s.gradient(), 2), x));
    return {};
  }
  if (s.wants("x")) s.give_summed("x", e.mul(s.gradient(), y));
  if (s.wants("y")) s.give_summed("y", e.mul(s.gradient(), x));
  return {};
}

// z = x / y: dx = dz / y, dy = -dx · z
Status real_div(Step& s, Expressions& e) {
  Value* const quotient = e.div(s.gradient(), s.operand("y"));
  if (s.wants("y")) s.give_summed("y", e.scale(e.mul(quotient, s.result()), -1));
  s.give_summed("x", quotient);
  return {};
}

// x^(exponent − 1) with the powers that have an operation of their own.
Value* lowered_power(Expressions& e, Value* x, double exponent) {
  if (exponent == 2) return x;
  if (exponent == 3) return square(e, x);
  return e.builder().binary("pow", x, e.builder().scalar_like(x, exponent - 1));
}

Status pow(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  Value* const y = s.operand("y");
  const auto exponent = constant_number(y);
  if (s.wants("x") && exponent) {
    s.give_summed("x", e.mul(e.scale(s.gradient(), *exponent), lowered_power(e, x, *exponent)));
  } else if (s.wants("x")) {
    Value* const power = e.builder().binary("pow", x, e.sub(y, e.builder().scalar_like(y, 1)));
    s.give_summed("x", e.mul(e.mul(s.gradient(), y), power));
  }
  if (s.wants("y")) s.give_summed("y", e.mul(e.mul(s.gradient(), s.result()), e.unary("log", x)));
  return {};
}

// z = x − floor(x / y) · y
Status mod(Step& s, Expressions& e) {
  s.give_summed("x", s.gradient());
  if (s.wants("y")) {
    Value* const count = e.builder().binary("floor_div", s.operand("x"), s.operand("y"));
    s.give_summed("y", e.scale(e.mul(s.gradient(), count), -1));
  }
  return {};
}

// Where the condition on x and y holds the gradient is x's, elsewhere y's; so x takes it where the two are equal.
Status choose(Step& s, Expressions& e, std::string_view comparison) {
  Value* const takes_x = e.builder().binary(comparison, s.operand("x"), s.operand("y"));
  if (s.wants("x")) s.give_summed("x", e.where(takes_x, s.gradient()));
  if (s.wants("y")) s.give_summed("y", e.where_not(takes_x, s.gradient()));
  return {};
}
Status maximum(Step& s, Expressions& e) { return choose(s, e, "greater_equal"); }
Status minimum(Step& s, Expressions& e) { return choose(s, e, "less_equal"); }

// x passes where clipping left it as it was.
Status clip(Step& s, Expressions& e) {
  Value* const is_inside = e.builder().binary("equal", s.operand("x"), s.result());
  s.give("x", e.where(is_inside, s.gradient()));
  return {};
}

Status select(Step& s, Expressions& e) {
  Value* const condition = s.operand("cond");
  if (s.wants("a")) s.give_summed("a", e.where(condition, s.gradient()));
  if (s.wants("b")) s.give_summed("b", e.where_not(condition, s.gradient()));
  return {};
}

constexpr GradientRule kRules[] = {
    {"abs", times<[](Expressions& e, Value* x, Value*) { return e.unary("sign", x); }>},
    {"acos", acos},
    {"add", add},
    {"asin", asin},
    {"atan", divided_by<[](Expressions& e, Value* x, Value*) { return e.one_plus(square(e, x)); }>},
    {"atanh", divided_by<[](Expressions& e, Value* x, Value*) { return one_minus_square(e, x); }>},
    {"cast", cast},
    {"ceil", no_gradient},
    {"clip", clip},
    {"cos", cos},
    {"cosh", times<[](Expressions& e, Value* x, Value*) { return e.unary("sinh", x); }>},
    {"erf", erf},
    {"exp", times<[](Expressions&, Value*, Value* z) { return z; }>},
    {"exp2", exp2},
    {"floor", no_gradient},
    {"floor_div", no_gradient},
    {"identity", identity},
    {"inverse", inverse},
    {"log", log},
    {"maximum", maximum},
    {"minimum", minimum},
    {"mod", mod},
    {"mul", mul},
    {"pow", pow},
    {"real_div", real_div},
    {"round", no_gradient},
    {"rsqrt", rsqrt},
    {"select", select},
    {"sign", no_gradient},
    {"sin", times<[](Expressions& e, Value* x, Value*) { return e.unary("cos", x); }>},
    {"sinh", times<[](Expressions& e, Value* x, Value*) { return e.unary("cosh", x); }>},
    {"sqrt", sqrt},
    {"square", square_rule},
    {"sub", sub},
    {"tan", times<[](Expressions& e, Value*, Value* z) { return e.one_plus(square(e, z)); }>},
    {"tanh", times<[](Expressions& e, Value*, Value* z) { return one_minus_square(e, z); }>},
};

}  // namespace

std::span<const GradientRule> elementwise_rules() { return kRules; }

}  // namespace millwright::autodiff
