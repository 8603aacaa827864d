#include "device/emulated/engine_function.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include "mil/builder.h"
#include "mil/parameters.h"
#include "mil/registry.h"

namespace millwright::device {
namespace {

using mil::Operation;
using mil::Value;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// A slice behind the start of the last axis multiplies by 16 inside: 4096 · 16 is 2^16 (C51).
constexpr double kWidthSliceLimit = 4096;

template <size_t kCount>
bool is_one_of(std::string_view kind, const std::array<std::string_view, kCount>& kinds) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

constexpr std::array<std::string_view, 5> kProducts = {"conv", "conv_transpose", "einsum", "linear", "matmul"};
// Give numbers where they are given numbers, infinities included: comparisons, copies, and functions that are bounded
// or monotonic at infinity.
constexpr std::array<std::string_view, 44> kNeverNan = {"abs",
                                                        "atan",
                                                        "cast",
                                                        "ceil",
                                                        "clamped_relu",
                                                        "clip",
                                                        "concat",
                                                        "depth_to_space",
                                                        "erf",
                                                        "exp",
                                                        "exp2",
                                                        "expand_dims",
                                                        "fill",
                                                        "fill_like",
                                                        "flatten2d",
                                                        "floor",
                                                        "identity",
                                                        "leaky_relu",
                                                        "max_pool",
                                                        "maximum",
                                                        "minimum",
                                                        "pad",
                                                        "reduce_max",
                                                        "reduce_min",
                                                        "relu",
                                                        "relu6",
                                                        "reshape",
                                                        "reverse",
                                                        "round",
                                                        "select",
                                                        "sigmoid",
                                                        "sigmoid_hard",
                                                        "sign",
                                                        "slice_by_index",
                                                        "slice_by_size",
                                                        "softplus",
                                                        "space_to_depth",
                                                        "split",
                                                        "square",
                                                        "squeeze",
                                                        "stack",
                                                        "tanh",
                                                        "tile",
                                                        "transpose"};

// Products that each result of the operation is a sum of; 0 where it is no product.
int64_t product_terms(const Operation& operation) {
  if (!is_one_of(operation.kind(), kProducts)) return 0;
  if (operation.kind() != "conv") return std::numeric_limits<int64_t>::max();
  const Value* weight = operation.operand("weight");
  if (weight == nullptr) return std::numeric_limits<int64_t>::max();
  int64_t terms = 1;
  for (size_t axis = 1; axis < weight->shape().size(); ++axis) terms *= weight->shape()[axis];
  return terms;
}

bool is_constant(const Value* value) { return value->producer() != nullptr && value->producer()->is_const(); }

// Whether the first element along the last axis is not where the operand's begins. Unknown bounds count as behind.
bool slices_behind_the_start(const Operation& operation) {
  if (operation.kind() != "slice_by_index" && operation.kind() != "slice_by_size") return false;
  const mil::Literal* begin = operation.constant("begin");
  const Value* x = operation.operand("x");
  if (x == nullptr || x->shape().empty()) return false;
  if (begin == nullptr) return true;
  const std::vector<int64_t> begins = begin->as_integers();
  if (operation.kind() == "slice_by_index") {
    const mil::Literal* mask = operation.constant("begin_mask");
    if (mask != nullptr && mask->integer_at(mask->type().count() - 1) != 0) return false;
  }
  return !begins.empty() && begins.back() != 0;
}

class EngineFunction {
 public:
  EngineFunction(mil::Function& function, const ane::ChipProfile& profile) : function_(function), profile_(profile) {}

  void write_out() {
    mil::Block& block = function_.block();
    std::vector<Operation*> operations;
    for (const auto& operation : block.operations()) operations.push_back(operation.get());
    Operation* first = operations.empty() ? nullptr : operations.front();
    for (const auto& input : block.inputs()) {
      const bool is_fp32 = input->type().is_tensor() && input->element() == mil::ElementType::fp32;
      if (is_fp32 && !input->users().empty()) compute_in_fp16(input.get(), first);
    }
    spoil_lone_identity();
    for (size_t i = 0; i < operations.size(); ++i) {
      Operation& operation = *operations[i];
      Operation* next = i + 1 < operations.size() ? operations[i + 1] : nullptr;
      round_constant(operation);
      misread_bytes(operation);
      if (operation.kind() == "scaled_dot_product_attention" && is_in_memory()) operation.remove_operand("attn_mask");
      spoil(operation, next);
      plain_zero_divisor(operation);
      for (const auto& result : operation.results()) {
        limit_result(operation, ended_function(operation, result.get(), next), next);
      }
    }
  }

 private:
  bool hides_nan() const { return profile_.numerics.hides_nan.value_or(false); }
  bool is_in_memory() const { return profile_.rules.route.value_or(ane::Route::in_memory) == ane::Route::in_memory; }

  void limit_result(const Operation& operation, Value* result, Operation* next) {
    if (operation.is_const() || !result->type().is_tensor() || !mil::is_floating(result->element())) return;
    double limit_at = kInfinity;
    if (product_terms(operation) >= 2) limit_at = profile_.numerics.product_limit.value_or(kInfinity);
    if (profile_.numerics.width_slice_overflow.value_or(false) && slices_behind_the_start(operation)) {
      limit_at = kWidthSliceLimit;
    }
    const bool may_be_nan = hides_nan() && !is_one_of(operation.kind(), kNeverNan);
    if (may_be_nan || limit_at != kInfinity) limit(result, next, limit_at, 0);
    if (result->element() == mil::ElementType::fp32 && operation.kind() != "cast") compute_in_fp16(result, next);
  }

  // fp32 is a type of inputs and outputs only (C3F): every use of the value sees it rounded.
  void compute_in_fp16(Value* result, Operation* next) {
    Value* computed = result;
    // What was put behind the operation already is part of it.
    if (result->users().size() == 1 && result->users()[0]->kind() == "mw.engine_range") {
      computed = result->users()[0]->result();
    }
    mil::Builder b(function_, next);
    Value* rounded = b.cast(computed, mil::ElementType::fp16);
    Value* widened = b.cast(rounded, mil::ElementType::fp32);
    function_.block().replace_uses(computed, widened);
    rounded->producer()->replace_operand(widened, computed);
  }

  // Bytes of block-wise compressed weights are read with a sign (C44): what is 128 or more comes out 256 less.
  void misread_bytes(Operation& operation) {
    if (operation.kind() != "constexpr_blockwise_shift_scale" || !is_in_memory()) return;
    for (const std::string_view name : {"data", "offset"}) {
      const mil::Literal* bytes = operation.constant(name);
      if (bytes == nullptr || bytes->type().element() != mil::ElementType::uint8) continue;
      const mil::Literal read =
          mil::Literal::copied_bytes(bytes->type().with_element(mil::ElementType::int8), bytes->elements());
      if (operation.attribute(name) != nullptr) {
        operation.set_attribute(name, read);
        continue;
      }
      mil::Builder b(function_, &operation);
      operation.remove_operand(name);
      operation.add_operand(mil::operand(name, b.constant(read, name)));
    }
  }

  // Constants of fp32 are fp16 inside, too; parameters, such as an epsilon, are part of the operation.
  static void round_constant(Operation& operation) {
    const Value* value = operation.is_const() ? operation.result() : nullptr;
    if (value == nullptr || !value->type().is_tensor() || value->element() != mil::ElementType::fp32) return;
    const mil::Literal& literal = *operation.attribute("val");
    const bool is_computed_with = std::ranges::all_of(value->users(), [&](const Operation* user) {
      return std::ranges::all_of(user->operands(), [&](const mil::Operand& operand) {
        const bool holds = std::ranges::any_of(operand.arguments, [&](const mil::Argument& argument) {
          const auto* held = std::get_if<Value*>(&argument);
          return held != nullptr && *held == value;
        });
        const mil::ParameterDefinition* parameter = user->definition()->parameter(operand.name);
        return !holds || (parameter != nullptr && parameter->kind != mil::ParameterDefinition::Kind::constant);
      });
    });
    if (!is_computed_with || !literal.has_elements()) return;
    const mil::Literal halves =
        mil::Literal::numbers(literal.type().with_element(mil::ElementType::fp16), literal.as_numbers());
    operation.set_attribute("val", mil::Literal::numbers(literal.type(), halves.as_numbers()));
  }

  // A zero has no sign as a divisor: 1 / -0 is +infinity (C5A).
  void plain_zero_divisor(Operation& operation) {
    if (operation.kind() != "real_div") return;
    Value* divisor = operation.operand("y");
    if (divisor == nullptr || is_constant(divisor) || !mil::is_floating(divisor->element())) return;
    mil::Builder b(function_, &operation);
    Value* zero = b.scalar_like(divisor, 0);
    operation.replace_operand(divisor, b.select(b.binary("equal", divisor, zero), zero, divisor));
  }

  // The result with what the engine gives at the ends of a function's range.
  Value* ended_function(Operation& operation, Value* result, Operation* next) {
    const std::string_view kind = operation.kind();
    mil::Builder b(function_, next);
    const auto with_end = [&](std::string_view comparison, Value* x, double bound, double number) {
      Value* is_there = b.binary(comparison, x, b.scalar_like(x, bound));
      Value* ended = b.select(is_there, b.scalar_like(result, number), result);
      function_.block().replace_uses(result, ended);
      for (Operation* reader : {is_there->producer(), ended->producer()}) reader->replace_operand(ended, result);
      return ended;
    };
    const ane::Numerics& numerics = profile_.numerics;
    if (kind == "log" && numerics.log_of_zero.known()) {
      return with_end("equal", result, -kInfinity, *numerics.log_of_zero);
    }
    if (kind == "exp" && numerics.exp_limit.known()) {
      return with_end("greater_equal", operation.operand("x"), *numerics.exp_limit, kInfinity);
    }
    if ((kind == "softplus" || kind == "softsign") && numerics.softplus_limit.known()) {
      Value* x = operation.operand("x");
      if (kind == "softplus") stay_at_limit(operation, x, *numerics.softplus_limit);
      return with_end("equal", x, kInfinity, 0);
    }
    return result;
  }

  // Behind the limit softplus is wrong (C55): it stays where it is there.
  void stay_at_limit(Operation& operation, Value* x, double limit) {
    mil::Builder b(function_, &operation);
    operation.replace_operand(x, b.binary("minimum", x, b.scalar_like(x, limit)));
  }

  // An identity that gives the only output gives NaN (C38).
  void spoil_lone_identity() {
    if (function_.results().size() != 1) return;
    Value* result = function_.results()[0];
    const bool is_lone = result->producer() != nullptr && result->producer()->kind() == "identity" &&
                         result->type().is_tensor() && mil::is_floating(result->element());
    if (!is_lone || !is_in_memory()) return;
    mil::Builder b(function_);
    function_.block().set_results({b.splat(result->type(), std::numeric_limits<double>::quiet_NaN())});
  }

  // Every use of the value reads it through mw.engine_range from here on.
  void limit(Value* value, Operation* before, double limit_at, double nan) {
    if (!value->type().is_tensor() || !mil::is_floating(value->element())) return;
    mil::Builder b(function_, before);
    const auto number = [&](double x) { return b.constant(mil::Literal::number(mil::ElementType::fp32, x)); };
    Value* limited = b.emit("mw.engine_range", {mil::operand("x", value), mil::operand("limit", number(limit_at)),
                                                mil::operand("nan", number(nan))});
    replace(value, limited);
  }

  void replace(Value* value, Value* by) {
    function_.block().replace_uses(value, by);
    by->producer()->replace_operand(by, value);
  }

  // The wrong results that some machines were seen to give; nothing is known of them but that they are wrong.
  void spoil(Operation& operation, Operation* next) {
    if (operation.results().size() != 1 || !operation.result()->type().is_tensor()) return;
    if (operation.kind() == "pow" && profile_.numerics.pow_broken.value_or(false))
      return fill(operation, next, kInfinity);
    const bool is_elementwise_product = operation.kind() == "mul" || operation.kind() == "real_div";
    if (profile_.numerics.sqrt_broadcast_broken.value_or(false) && is_elementwise_product) {
      const Value* x = operation.operand("x");
      const Value* y = operation.operand("y");
      const bool divides_root = operation.kind() == "real_div" && is_root(x);
      const bool spreads_root = operation.kind() == "mul" && x != nullptr && y != nullptr && x->shape() != y->shape() &&
                                (is_root(x) || is_root(y));
      if (divides_root || spreads_root) return fill(operation, next, 0);
    }
    if (profile_.surfaces.m1_broadcasts.value_or(false) && is_runtime_broadcast(operation)) fill(operation, next, 0);
  }

  static bool is_root(const Value* value) {
    const Operation* producer = value == nullptr ? nullptr : value->producer();
    if (producer != nullptr && producer->kind() == "mw.engine_range") producer = producer->operand("x")->producer();
    return producer != nullptr && producer->kind() == "sqrt";
  }

  // [1, C, S] with a run-time [1, C, 1] or [1, 1, 1].
  static bool is_runtime_broadcast(const Operation& operation) {
    const Value* x = operation.operand("x");
    const Value* y = operation.operand("y");
    const bool is_elementwise = operation.definition() != nullptr && operation.definition()->category == "elementwise";
    if (!is_elementwise || x == nullptr || y == nullptr || is_constant(x) || is_constant(y)) return false;
    if (x->shape().size() != 3 || y->shape().size() != 3) return false;
    return x->shape().back() != y->shape().back();
  }

  void fill(Operation& operation, Operation* next, double number) {
    mil::Builder b(function_, next);
    Value* result = operation.result();
    function_.block().replace_uses(result, b.splat(result->type(), number));
  }

  mil::Function& function_;
  const ane::ChipProfile& profile_;
};

}  // namespace

std::unique_ptr<mil::Function> engine_function(const mil::Function& function, const ane::ChipProfile& profile) {
  std::unique_ptr<mil::Function> copy = mil::clone(function);
  EngineFunction(*copy, profile).write_out();
  return copy;
}

}  // namespace millwright::device
