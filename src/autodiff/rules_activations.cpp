// Gradients of activation functions, softmax and layer_norm.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;

Value* number(Expressions& e, Value* like, double value) { return e.builder().scalar_like(like, value); }

Value* is_above(Expressions& e, Value* x, double bound) {
  return e.builder().binary("greater", x, number(e, x, bound));
}

Status relu(Step& s, Expressions& e) {
  s.give("x", e.where(is_above(e, s.operand("x"), 0), s.gradient()));
  return {};
}

Status relu6(Step& s, Expressions& e) {
  Value* const is_inside = e.builder().binary("equal", s.operand("x"), s.result());
  s.give("x", e.where(is_inside, s.gradient()));
  return {};
}

Status leaky_relu(Step& s, Expressions& e) {
  Value* const gradient = s.gradient();
  const double alpha = mil::number(s.operation(), "alpha");
  s.give("x", e.builder().select(is_above(e, s.operand("x"), 0), gradient, e.scale(gradient, alpha)));
  return {};
}

Status thresholded_relu(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  const double alpha = mil::number(s.operation(), "alpha");
  s.give("x", e.where(e.builder().binary("greater_equal", x, number(e, x, alpha)), s.gradient()));
  return {};
}

// Left of zero z = alpha · (exp(x) − 1), so dz/dx = z + alpha.
Status elu(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  Value* const slope = e.builder().add(s.result(), number(e, x, mil::number(s.operation(), "alpha")));
  Value* const gradient = s.gradient();
  s.give("x", e.builder().select(is_above(e, x, 0), gradient, e.mul(gradient, slope)));
  return {};
}

Status sigmoid(Step& s, Expressions& e) {
  Value* const z = s.result();
  s.give("x", e.mul(s.gradient(), e.mul(z, e.one_minus(z))));
  return {};
}

// With σ = sigmoid(x): dz/dx = σ + z · (1 − σ)
Status silu(Step& s, Expressions& e) {
  Value* const gate = e.unary("sigmoid", s.operand("x"));
  Value* const slope = e.builder().add(gate, e.mul(s.result(), e.one_minus(gate)));
  s.give("x", e.mul(s.gradient(), slope));
  return {};
}

Status softplus(Step& s, Expressions& e) {
  s.give("x", e.mul(s.gradient(), e.unary("sigmoid", s.operand("x"))));
  return {};
}

// z = x / (1 + |x|), dz/dx = (1 − |z|)²
Status softsign(Step& s, Expressions& e) {
  Value* const rest = e.one_minus(e.unary("abs", s.result()));
  s.give("x", e.mul(s.gradient(), e.mul(rest, rest)));
  return {};
}

// Φ(x) + x · φ(x)
Value* gelu_slope(Expressions& e, Value* x) {
  Value* const scaled = e.scale(x, std::numbers::sqrt2 / 2);
  Value* const below = e.scale(e.one_plus(e.unary("erf", scaled)), 0.5);
  Value* const bell = e.unary("exp", e.scale(e.mul(x, x), -0.5));
  return e.builder().add(below, e.scale(e.mul(x, bell), 1 / std::sqrt(2 * std::numbers::pi)));
}

// z = x · (1 + t) / 2 with t = tanh(a · (x + b · x³)): dz/dx = (1 + t) / 2 + x · (1 − t²) / 2 · a · (1 + 3b · x²)
Value* gelu_tanh_slope(Expressions& e, Value* x) {
  const double a = std::sqrt(2 / std::numbers::pi);
  constexpr double b = 0.044715;
  Value* const squared = e.mul(x, x);
  Value* const inner = e.mul(x, e.builder().add(e.scale(squared, a * b), number(e, x, a)));
  Value* const t = e.unary("tanh", inner);
  Value* const inner_slope = e.builder().add(e.scale(squared, 1.5 * a * b), number(e, x, 0.5 * a));
  Value* const bend = e.mul(e.mul(x, e.one_minus(e.mul(t, t))), inner_slope);
  return e.builder().add(e.scale(e.one_plus(t), 0.5), bend);
}

// z = x · σ with σ = sigmoid(1.702 · x): dz/dx = σ + 1.702 · z · (1 − σ)
Value* gelu_sigmoid_slope(Expressions& e, Value* x, Value* z) {
  constexpr double kSteepness = 1.702;
  Value* const gate = e.unary("sigmoid", e.scale(x, kSteepness));
  return e.builder().add(gate, e.scale(e.mul(z, e.one_minus(gate)), kSteepness));
}

Status gelu(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  const std::string mode = mil::text(s.operation(), "mode");
  Value* const slope = mode == "EXACT"                ? gelu_slope(e, x)
                       : mode == "TANH_APPROXIMATION" ? gelu_tanh_slope(e, x)
                                                      : gelu_sigmoid_slope(e, x, s.result());
  s.give("x", e.mul(s.gradient(), slope));
  return {};
}

// dx = z · (dz − sum(dz · z))
Status softmax(Step& s, Expressions& e) {
  Value* const z = s.result();
  Value* const gradient = s.gradient();
  const int64_t axis = mil::axis_of(s.operation(), "axis", z->type().rank());
  Value* const mean = e.builder().reduce("reduce_sum", e.mul(gradient, z), std::vector{axis}, true);
  s.give("x", e.mul(z, e.sub(gradient, mean)));
  return {};
}

// The normalised x and 1 / its deviation, recomputed from x.
struct Normalised {
  Value* value;
  Value* inverse_deviation;
};
Normalised normalise(Expressions& e, Value* x, const std::vector<int64_t>& axes, double epsilon) {
  mil::Builder& b = e.builder();
  Value* const centred = b.sub(x, b.reduce("reduce_mean", x, axes, true));
  Value* const variance = b.reduce("reduce_mean", b.mul(centred, centred), axes, true);
  Value* const inverse_deviation = b.rsqrt(variance, epsilon);
  return {b.mul(centred, inverse_deviation), inverse_deviation};
}

// With n the normalised x and g = dz · gamma: dx = (g − mean(g) − n · mean(g · n)) / deviation
Status layer_norm(Step& s, Expressions& e) {
  mil::Builder& b = e.builder();
  Value* const x = s.operand("x");
  const Shape& shape = x->shape();
  const std::vector<int64_t> axes = mil::reduction_axes(s.operation(), x->type().rank());
  Shape parameter(shape.size(), 1);  // of gamma and beta, aligned with x
  for (const int64_t axis : axes) parameter[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)];
  const auto give_parameter = [&](std::string_view name, Value* gradient) {
    s.give(name, e.relabel(e.spread(e.sum_to(gradient, shape, parameter), parameter), s.operand(name)->shape()));
  };

  if (s.wants("beta")) give_parameter("beta", s.gradient());
  if (!s.wants("x") && !s.wants("gamma")) return {};
  const Normalised n = normalise(e, x, axes, mil::number(s.operation(), "epsilon"));
  if (s.wants("gamma")) give_parameter("gamma", e.mul(s.gradient(), n.value));
  if (!s.wants("x")) return {};
  Value* scaled = s.full_gradient();
  if (Value* gamma = s.operand("gamma")) scaled = e.mul(scaled, e.relabel(gamma, parameter));
  Value* const centred = b.sub(scaled, b.reduce("reduce_mean", scaled, axes, true));
  Value* const along = b.mul(n.value, b.reduce("reduce_mean", b.mul(scaled, n.value), axes, true));
  s.give("x", b.mul(b.sub(centred, along), n.inverse_deviation));
  return {};
}

constexpr GradientRule kRules[] = {
    {"elu", elu},         {"gelu", gelu},         {"layer_norm", layer_norm}, {"leaky_relu", leaky_relu},
    {"relu", relu},       {"relu6", relu6},       {"sigmoid", sigmoid},       {"silu", silu},
    {"softmax", softmax}, {"softplus", softplus}, {"softsign", softsign},     {"thresholded_relu", thresholded_relu},
};

}  // namespace

std::span<const GradientRule> activation_rules() { return kRules; }

}  // namespace millwright::autodiff
