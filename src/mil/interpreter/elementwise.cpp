// One or two operands element by element: arithmetic, functions, comparisons, logic, select, clip, cast.
#include <cmath>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

template <double (*function)(double)>
Values unary(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  TensorValue y = e.zeros(x.type.shape());
  for (size_t i = 0; i < x.numbers.size(); ++i) y.numbers[i] = function(x.numbers[i]);
  return std::vector<TensorValue>{y};
}

template <double (*function)(double, double epsilon)>
Values unary_with_epsilon(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const double epsilon = e.number("epsilon");
  TensorValue y = e.zeros(x.type.shape());
  for (size_t i = 0; i < x.numbers.size(); ++i) y.numbers[i] = function(x.numbers[i], epsilon);
  return std::vector<TensorValue>{y};
}

template <double (*function)(double, double)>
Values binary(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue y = e.operand("y");
  TensorValue z = e.zeros(*broadcast_shapes(x.type.shape(), y.type.shape()));
  size_t next = 0;
  for_each_index(z.type.shape(), [&](const Shape& index) {
    z.numbers[next++] = function(x.numbers[broadcast_offset(index, x.type.shape())],
                                 y.numbers[broadcast_offset(index, y.type.shape())]);
  });
  return std::vector<TensorValue>{z};
}

template <double (*function)(double, double)>
double or_zero(double x, double y) {
  return y == 0 ? 0 : function(x, y);
}

// As binary; an integer divided by zero gives 0, quotient and remainder.
template <double (*function)(double, double)>
Values division(const Evaluation& e) {
  if (!is_integer(e.element())) return binary<function>(e);
  return binary<or_zero<function>>(e);
}

double sign(double x) { return x > 0 ? 1 : (x < 0 ? -1 : x); }
double modulo(double x, double y) { return x - std::floor(x / y) * y; }
// NaN in either operand gives NaN.
double maximum(double x, double y) { return std::isnan(x) || x > y ? x : y; }
double minimum(double x, double y) { return std::isnan(x) || x < y ? x : y; }

Values clip(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const double alpha = e.number("alpha");
  const double beta = e.number("beta");
  for (double& number : x.numbers) number = minimum(maximum(number, alpha), beta);
  return std::vector<TensorValue>{x};
}

// Coordinates of the true elements, one row each.
TensorValue true_positions(const Evaluation& e, const TensorValue& condition) {
  std::vector<double> coordinates;
  size_t next = 0;
  for_each_index(condition.type.shape(), [&](const Shape& index) {
    if (condition.numbers[next++] != 0) coordinates.insert(coordinates.end(), index.begin(), index.end());
  });
  int64_t rows = 0;
  for (const double number : condition.numbers) rows += number != 0 ? 1 : 0;
  return {Type::tensor(e.element(), {rows, condition.type.rank()}), std::move(coordinates)};
}

Values select(const Evaluation& e) {
  const TensorValue condition = e.operand("cond");
  if (!e.find("a")) return std::vector<TensorValue>{true_positions(e, condition)};
  const TensorValue a = e.operand("a");
  const TensorValue b = e.operand("b");
  const Shape branches = *broadcast_shapes(a.type.shape(), b.type.shape());
  TensorValue y = e.zeros(*broadcast_shapes(condition.type.shape(), branches));
  size_t next = 0;
  for_each_index(y.type.shape(), [&](const Shape& index) {
    const bool chosen = condition.numbers[broadcast_offset(index, condition.type.shape())] != 0;
    const TensorValue& source = chosen ? a : b;
    y.numbers[next++] = source.numbers[broadcast_offset(index, source.type.shape())];
  });
  return std::vector<TensorValue>{y};
}

// Float to integer truncates toward zero and saturates at the ends of the type; NaN becomes 0.
double truncated(double x, ElementType to) {
  if (std::isnan(x)) return 0;
  const auto [lowest, highest] = integer_range(to);
  return minimum(maximum(std::trunc(x), static_cast<double>(lowest)), static_cast<double>(highest));
}

Values cast(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  TensorValue y = e.zeros(x.type.shape());
  const bool truncates = is_floating(x.type.element()) && is_integer(e.element());
  for (size_t i = 0; i < x.numbers.size(); ++i) {
    y.numbers[i] = truncates ? truncated(x.numbers[i], e.element()) : x.numbers[i];
  }
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kElementwise[] = {
    {"abs", unary<[](double x) { return std::fabs(x); }>},
    {"acos", unary<[](double x) { return std::acos(x); }>},
    {"asin", unary<[](double x) { return std::asin(x); }>},
    {"atan", unary<[](double x) { return std::atan(x); }>},
    {"atanh", unary<[](double x) { return std::atanh(x); }>},
    {"ceil", unary<[](double x) { return std::ceil(x); }>},
    {"cos", unary<[](double x) { return std::cos(x); }>},
    {"cosh", unary<[](double x) { return std::cosh(x); }>},
    {"erf", unary<[](double x) { return std::erf(x); }>},
    {"exp", unary<[](double x) { return std::exp(x); }>},
    {"exp2", unary<[](double x) { return std::exp2(x); }>},
    {"floor", unary<[](double x) { return std::floor(x); }>},
    {"identity", unary<[](double x) { return x; }>},
    {"logical_not", unary<[](double x) { return x == 0 ? 1.0 : 0.0; }>},
    {"round", unary<[](double x) { return std::nearbyint(x); }>},  // ties to even, as NumPy
    {"sign", unary<sign>},
    {"sin", unary<[](double x) { return std::sin(x); }>},
    {"sinh", unary<[](double x) { return std::sinh(x); }>},
    {"sqrt", unary<[](double x) { return std::sqrt(x); }>},
    {"square", unary<[](double x) { return x * x; }>},
    {"tan", unary<[](double x) { return std::tan(x); }>},
    {"tanh", unary<[](double x) { return std::tanh(x); }>},

    {"inverse", unary_with_epsilon<[](double x, double epsilon) { return 1 / (x + epsilon); }>},
    {"log", unary_with_epsilon<[](double x, double epsilon) { return std::log(x + epsilon); }>},
    {"rsqrt", unary_with_epsilon<[](double x, double epsilon) { return 1 / std::sqrt(x + epsilon); }>},

    {"add", binary<[](double x, double y) { return x + y; }>},
    {"maximum", binary<maximum>},
    {"minimum", binary<minimum>},
    {"mul", binary<[](double x, double y) { return x * y; }>},
    {"pow", binary<[](double x, double y) { return std::pow(x, y); }>},
    {"real_div", division<[](double x, double y) { return x / y; }>},
    {"sub", binary<[](double x, double y) { return x - y; }>},
    {"floor_div", division<[](double x, double y) { return std::floor(x / y); }>},
    {"mod", division<modulo>},

    {"equal", binary<[](double x, double y) { return x == y ? 1.0 : 0.0; }>},
    {"greater", binary<[](double x, double y) { return y < x ? 1.0 : 0.0; }>},
    {"greater_equal", binary<[](double x, double y) { return x >= y ? 1.0 : 0.0; }>},
    {"less", binary<[](double x, double y) { return x < y ? 1.0 : 0.0; }>},
    {"less_equal", binary<[](double x, double y) { return x <= y ? 1.0 : 0.0; }>},
    {"not_equal", binary<[](double x, double y) { return x != y ? 1.0 : 0.0; }>},
    {"logical_and", binary<[](double x, double y) { return x != 0 && y != 0 ? 1.0 : 0.0; }>},
    {"logical_or", binary<[](double x, double y) { return x != 0 || y != 0 ? 1.0 : 0.0; }>},
    {"logical_xor", binary<[](double x, double y) { return (x != 0) != (y != 0) ? 1.0 : 0.0; }>},

    {"cast", cast},
    {"clip", clip},
    {"select", select},
};

}  // namespace

std::span<const Evaluator> elementwise_evaluators() { return kElementwise; }

}  // namespace millwright::mil::interpreter
