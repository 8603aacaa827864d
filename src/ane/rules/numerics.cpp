// Section 6 of the catalogue: operations that come out wrong whatever a program does about it. What depends on the
// numbers themselves is the emulator's arithmetic, not a rule.
#include <algorithm>
#include <array>

#include "ane/rules/rule.h"
#include "ane/rules/walk.h"
#include "mil/parameters.h"

namespace millwright::ane {

namespace {

using mil::Operation;
using mil::Value;

// C50.
void attention_mask(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (*profile.rules.route != Route::in_memory || operation.kind() != "scaled_dot_product_attention") return;
  if (operation.find_operand("attn_mask") != nullptr) report.add(operation, "has a mask");
}

// The first element that a slice takes of its last axis; nothing when it is only known at run time.
std::optional<int64_t> first_column(const Operation& operation) {
  const Value* x = operation.operand("x");
  if (x == nullptr || !is_data(x->type()) || x->type().rank() == 0 || !mil::is_static(x->shape())) return std::nullopt;
  if (operation.kind() == "slice_by_index") {
    const auto axes = mil::slice_axes(operation, x->shape());
    return axes ? std::optional(axes->back().begin) : std::nullopt;
  }
  if (operation.kind() != "slice_by_size") return std::nullopt;
  const mil::Literal* begin = operation.constant("begin");
  if (begin == nullptr) return std::nullopt;
  const int64_t column = begin->as_integers().back();
  return column < 0 ? column + width_of(x->shape()) : column;
}

// C51.
void width_slices(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (!profile.numerics.width_slice_overflow.value_or(false)) return;
  const auto column = first_column(operation);
  if (column && *column != 0) report.add(operation, fmt::format("begins at column {} of the last axis", *column));
}

// C53.
void powers(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (*profile.numerics.pow_broken && operation.kind() == "pow") report.add(operation, "raises to a power");
}

bool is_sqrt(const Value* value) {
  return value != nullptr && value->producer() != nullptr && value->producer()->kind() == "sqrt";
}

// C54.
void square_roots(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (!*profile.numerics.sqrt_broadcast_broken) return;
  const Value* x = operation.operand("x");
  const Value* y = operation.operand("y");
  if (x == nullptr || y == nullptr) return;
  if (operation.kind() == "real_div" && is_sqrt(x)) {
    report.add(operation, "divides a square root");
  } else if (operation.kind() == "mul" && (is_sqrt(x) || is_sqrt(y)) && x->shape() != y->shape()) {
    report.add(operation, "multiplies a square root, broadcasting");
  }
}

// C55.
void softplus(const Operation& operation, const ChipProfile& profile, Report& report) {
  const Fact<double>& limit = profile.numerics.softplus_limit;
  if (limit.known() && operation.kind() == "softplus") {
    report.add(operation, fmt::format("is wrong for inputs above {}", *limit));
  }
}

}  // namespace

std::span<const Rule> numeric_rules() {
  static const Rule rules[] = {
      {"C50", Stage::silent, Verdict::warning, "attention takes no mask on the in-memory interface", "rules.route",
       "mx; or #6; mxP3", "the mask is ignored: every query sees every key",
       "decompose it into matmul, add and softmax", attention_mask},
      {"C51", Stage::silent, Verdict::warning, "slices of the last axis begin at its start",
       "numerics.width_slice_overflow", "guide ch3, ch12, ch15; forge#145", "values of 4096 and more become infinite",
       "slice another axis, or scale the values down", width_slices},
      {"C53", Stage::silent, Verdict::warning, "pow works", "numerics.pow_broken", "rl against mx; iron; forge",
       "the results are NaN or infinite", "use rsqrt, square or exp and log", powers},
      {"C54", Stage::silent, Verdict::warning, "sqrt is not broadcast or divided", "numerics.sqrt_broadcast_broken",
       "im", "the results are wrong", "use rsqrt, or pow with 0.5", square_roots},
      {"C55", Stage::silent, Verdict::warning, "inputs of softplus are small", "numerics.softplus_limit",
       "m5doc; guide ch3", "larger inputs give wrong results", "use maximum(x, 0) + log(1 + exp(-abs(x)))", softplus},
  };
  return rules;
}

}  // namespace millwright::ane
