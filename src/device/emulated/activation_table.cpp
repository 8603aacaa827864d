#include "device/emulated/activation_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <unordered_map>

#include "base/check.h"

namespace millwright::device {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) { return x / 2 * (1 + std::erf(x / std::numbers::sqrt2)); }
double silu(double x) { return x * sigmoid(x); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// Outside its range a table goes on as the function does at infinity, or stays where it ends.
enum class Tail { zero, one, quarter_turn, minus_quarter_turn, identity, stay };

double tail(Tail kind, double x, double end) {
  switch (kind) {
    case Tail::zero:
      return 0;
    case Tail::one:
      return 1;
    case Tail::quarter_turn:
      return std::numbers::pi / 2;
    case Tail::minus_quarter_turn:
      return -std::numbers::pi / 2;
    case Tail::identity:
      return x;
    case Tail::stay:
      return end;
  }
  return 0;
}

class Table {
 public:
  Table(double lowest, double highest, Tail below, Tail above, double (*function)(double))
      : lowest_(lowest), step_((highest - lowest) / (kActivationKnots - 1)), below_(below), above_(above) {
    for (int i = 0; i < kActivationKnots; ++i) knots_[static_cast<size_t>(i)] = function(lowest_ + step_ * i);
  }
  // The knot in the middle of a symmetric range.
  Table with_value_at_zero(double value) const {
    Table table = *this;
    table.knots_[kActivationKnots / 2] = value;
    return table;
  }

  double at(double x) const {
    const double place = (x - lowest_) / step_;
    if (place < 0) return tail(below_, x, knots_.front());
    if (place >= kActivationKnots - 1) return tail(above_, x, knots_.back());
    const auto knot = static_cast<size_t>(place);
    const double part = place - static_cast<double>(knot);
    return knots_[knot] + part * (knots_[knot + 1] - knots_[knot]);
  }

 private:
  double lowest_;
  double step_;
  Tail below_;
  Tail above_;
  std::array<double, kActivationKnots> knots_{};
};

const std::unordered_map<std::string_view, Table>& tables() {
  static const std::unordered_map<std::string_view, Table> all = {
      {"sigmoid", Table(-9.938, 8.320, Tail::zero, Tail::one, sigmoid)},  // C5B
      {"tanh", Table(0, 4.256, Tail::zero, Tail::one, [](double x) { return std::tanh(x); })},
      {"gelu", Table(-4, 4, Tail::zero, Tail::identity, gelu).with_value_at_zero(-0.000543)},
      {"silu", Table(-6, 6, Tail::zero, Tail::identity, silu).with_value_at_zero(-0.001259)},
      {"softplus", Table(-8, 8, Tail::zero, Tail::identity, softplus)},
      {"atan", Table(-8.3, 8.3, Tail::minus_quarter_turn, Tail::quarter_turn, [](double x) { return std::atan(x); })},
      {"sin", Table(-3.1, 3.1, Tail::stay, Tail::stay, [](double x) { return std::sin(x); })},
  };
  return all;
}

}  // namespace

std::span<const std::string_view> activations_with_table() {
  static constexpr std::string_view kKinds[] = {"atan", "cos", "gelu", "sigmoid", "silu", "sin", "softplus", "tanh"};
  return kKinds;
}

double activation_from_table(std::string_view kind, double x) {
  // Both turn their argument into [−π, π]; cos is sin a quarter turn later.
  if (kind == "sin") return tables().at(kind).at(std::remainder(x, 2 * std::numbers::pi));
  if (kind == "cos") return activation_from_table("sin", x + std::numbers::pi / 2);
  const auto found = tables().find(kind);
  MW_CHECK(found != tables().end(), "no table for {}", kind);
  if (kind == "tanh") return std::copysign(found->second.at(std::abs(x)), x);  // the table holds x >= 0
  return found->second.at(x);
}

}  // namespace millwright::device
