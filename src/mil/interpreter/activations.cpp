// Activation functions, softmax and layer_norm.
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

double sigmoid(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
double softplus(double x) { return std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0); }

double gelu_exact(double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}
double gelu_sigmoid(double x) { return x * sigmoid(1.702 * x); }

template <double (*function)(double)>
Values unary(const Evaluation& e) {
  TensorValue x = e.operand("x");
  for (double& number : x.numbers) number = function(number);
  return std::vector<TensorValue>{x};
}

template <double (*function)(double x, double alpha)>
Values unary_with_alpha(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const double alpha = e.number("alpha");
  for (double& number : x.numbers) number = function(number, alpha);
  return std::vector<TensorValue>{x};
}

template <double (*function)(double x, double alpha, double beta)>
Values unary_with_two(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const double alpha = e.number("alpha");
  const double beta = e.number("beta");
  for (double& number : x.numbers) number = function(number, alpha, beta);
  return std::vector<TensorValue>{x};
}

// alpha (and beta) with one number per channel, the channels on axis 1.
template <double (*function)(double x, double alpha, double beta)>
Values per_channel(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const TensorValue alpha = e.operand("alpha");
  const std::optional<TensorValue> beta = e.find("beta");
  size_t next = 0;
  for_each_index(x.type.shape(), [&](const Shape& index) {
    const size_t channel = static_cast<size_t>(index[1]);
    double& number = x.numbers[next++];
    number = function(number, alpha.numbers[channel], beta ? beta->numbers[channel] : 0.0);
  });
  return std::vector<TensorValue>{x};
}

Values gelu(const Evaluation& e) {
  const std::string mode = e.text("mode");
  if (mode == "TANH_APPROXIMATION") return unary<gelu_tanh>(e);
  if (mode == "SIGMOID_APPROXIMATION") return unary<gelu_sigmoid>(e);
  return unary<gelu_exact>(e);
}

Values softmax(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  Shape rows = shape;
  rows[axis] = 1;
  TensorValue y = e.zeros(shape);
  for_each_index(rows, [&](const Shape& row) {
    Shape index = row;
    const auto position = [&](int64_t i) {
      index[axis] = i;
      return offset_of(index, shape);
    };
    double highest = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < shape[axis]; ++i) highest = std::fmax(highest, x.numbers[position(i)]);
    double sum = 0;
    for (int64_t i = 0; i < shape[axis]; ++i) sum += std::exp(x.numbers[position(i)] - highest);
    for (int64_t i = 0; i < shape[axis]; ++i) {
      y.numbers[position(i)] = std::exp(x.numbers[position(i)] - highest) / sum;
    }
  });
  return std::vector<TensorValue>{y};
}

// The place of an element of x in gamma and beta, whose axes are the normalised ones in their order.
size_t parameter_offset(const Shape& index, const std::vector<int64_t>& axes, const Shape& parameter) {
  Shape kept;
  for (const int64_t axis : axes) kept.push_back(index[static_cast<size_t>(axis)]);
  return offset_of(kept, parameter);
}

Values layer_norm(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::optional<TensorValue> gamma = e.find("gamma");
  const std::optional<TensorValue> beta = e.find("beta");
  const Shape& shape = x.type.shape();
  std::vector<int64_t> axes = e.integers("axes");
  for (size_t axis = 0; e.integers("axes").empty() && axis < shape.size(); ++axis) {
    axes.push_back(static_cast<int64_t>(axis));
  }
  Shape groups = shape;
  Shape members(shape.size(), 1);
  Shape parameter;
  for (int64_t& axis : axes) {
    if (axis < 0) axis += static_cast<int64_t>(shape.size());
    members[static_cast<size_t>(axis)] = shape[static_cast<size_t>(axis)];
    groups[static_cast<size_t>(axis)] = 1;
    parameter.push_back(shape[static_cast<size_t>(axis)]);
  }
  const double count = static_cast<double>(element_count(members));
  const double epsilon = e.number("epsilon");
  TensorValue y = e.zeros(shape);
  for_each_index(groups, [&](const Shape& group) {
    const auto position = [&](const Shape& member) {
      Shape index = group;
      for (size_t axis = 0; axis < index.size(); ++axis) index[axis] += member[axis];
      return offset_of(index, shape);
    };
    double mean = 0;
    for_each_index(members, [&](const Shape& member) { mean += x.numbers[position(member)] / count; });
    double variance = 0;
    for_each_index(members, [&](const Shape& member) {
      const double distance = x.numbers[position(member)] - mean;
      variance += distance * distance / count;
    });
    for_each_index(members, [&](const Shape& member) {
      double number = (x.numbers[position(member)] - mean) / std::sqrt(variance + epsilon);
      const size_t place = parameter_offset(member, axes, parameter);
      if (gamma) number *= gamma->numbers[place];
      if (beta) number += beta->numbers[place];
      y.numbers[position(member)] = number;
    });
  });
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kActivations[] = {
    {"relu", unary<[](double x) { return 0 < x ? x : 0.0; }>},
    {"relu6", unary<[](double x) { return std::fmin(std::fmax(x, 0.0), 6.0); }>},
    {"sigmoid", unary<sigmoid>},
    {"silu", unary<[](double x) { return x * sigmoid(x); }>},
    {"softplus", unary<softplus>},
    {"softsign", unary<[](double x) { return x / (1 + std::fabs(x)); }>},
    {"elu", unary_with_alpha<[](double x, double alpha) { return 0 < x ? x : alpha * std::expm1(x); }>},
    {"leaky_relu", unary_with_alpha<[](double x, double alpha) { return x >= 0 ? x : alpha * x; }>},
    {"thresholded_relu", unary_with_alpha<[](double x, double alpha) { return x >= alpha ? x : 0.0; }>},
    {"threshold", unary_with_alpha<[](double x, double alpha) { return std::fmax(x, alpha); }>},
    {"clamped_relu", unary_with_two<[](double x, double a, double b) { return std::fmin(b, x >= 0 ? x : a * x); }>},
    {"linear_activation", unary_with_two<[](double x, double a, double b) { return a * x + b; }>},
    {"scaled_tanh", unary_with_two<[](double x, double a, double b) { return a * std::tanh(b * x); }>},
    {"sigmoid_hard",
     unary_with_two<[](double x, double a, double b) { return std::fmin(std::fmax(a * x + b, 0.0), 1.0); }>},
    {"prelu", per_channel<[](double x, double a, double) { return x >= 0 ? x : a * x; }>},
    {"softplus_parametric", per_channel<[](double x, double a, double b) { return a * softplus(b * x); }>},
    {"gelu", gelu},
    {"softmax", softmax},
    {"layer_norm", layer_norm},
};

}  // namespace

std::span<const Evaluator> activation_evaluators() { return kActivations; }

}  // namespace millwright::mil::interpreter
