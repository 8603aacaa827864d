// Composite operations as simpler ones, which the other passes then fuse with what stands around them.
#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "cpu/view.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// The operand as a value of fp32: whatever the type of the operation, there is one rounding, at its end.
mil::Value* wide_operand(mil::Builder& b, const mil::Operation& operation, std::string_view name) {
  const mil::Argument& argument = operation.find_operand(name)->arguments.at(0);
  const auto* literal = std::get_if<mil::Literal>(&argument);
  mil::Value* value = literal != nullptr ? b.constant(*literal) : std::get<mil::Value*>(argument);
  return value->element() == mil::ElementType::fp32 ? value : b.cast(value, mil::ElementType::fp32);
}

// gamma or beta, whose shape is that of x over the axes, with the other axes as 1.
mil::Value* aligned_parameter(mil::Builder& b, const mil::Operation& operation, std::string_view name,
                              const std::vector<int64_t>& axes) {
  const mil::Shape& y = operation.result()->shape();
  mil::Shape shape(y.size(), 1);
  for (const int64_t axis : axes) shape[static_cast<size_t>(axis)] = y[static_cast<size_t>(axis)];
  return b.reshape(wide_operand(b, operation, name), shape);
}

mil::Value* decomposed_layer_norm(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* x = wide_operand(b, operation, "x");
  const std::vector<int64_t> axes = mil::reduction_axes(operation, x->type().rank());
  mil::Value* centred = b.sub(x, b.reduce("reduce_mean", x, axes, true));
  mil::Value* variance = b.reduce("reduce_mean", b.mul(centred, centred), axes, true);
  mil::Value* y = b.mul(centred, b.rsqrt(variance, mil::number(operation, "epsilon")));
  if (operation.find_operand("gamma") != nullptr) y = b.mul(y, aligned_parameter(b, operation, "gamma", axes));
  if (operation.find_operand("beta") != nullptr) y = b.add(y, aligned_parameter(b, operation, "beta", axes));
  return y;
}

mil::Value* reduced(mil::Builder& b, const mil::Operation& operation, std::string_view kind) {
  mil::Value* x = wide_operand(b, operation, "x");
  return b.reduce(kind, x, mil::reduction_axes(operation, x->type().rank()), mil::flag(operation, "keep_dims"));
}

mil::Value* log_without_shift(mil::Builder& b, mil::Value* x) {
  return b.emit("log", {mil::operand("x", x), mil::operand("epsilon", b.scalar_like(x, 0))});
}

}  // namespace

size_t decompose_composites(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* operation : operations_of(function)) {
    const std::string& kind = operation->kind();
    if (kind != "layer_norm" && kind != "reduce_l2_norm" && kind != "reduce_log_sum") continue;
    // Types that have no cast to fp32 are refused where the operation is lowered.
    const mil::ElementType element = operation->result()->element();
    if (!storage_of(element)) continue;
    mil::Builder b(function, operation);
    b.set_scope(operation->label());
    mil::Value* value = kind == "layer_norm"       ? decomposed_layer_norm(b, *operation)
                        : kind == "reduce_l2_norm" ? b.unary("sqrt", reduced(b, *operation, "reduce_sum_square"))
                                                   : log_without_shift(b, reduced(b, *operation, "reduce_sum"));
    replace_operation(*operation, value->element() == element ? value : b.cast(value, element));
    ++changed;
  }
  return changed;
}

}  // namespace millwright::cpu
