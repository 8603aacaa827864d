// Composite operations as simpler ones, which the other passes then fuse with what stands around them.
#include <algorithm>
#include <utility>

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

// An operand with one number per channel, aligned with axis 1 of the result.
mil::Value* channel_operand(mil::Builder& b, const mil::Operation& operation, std::string_view name) {
  mil::Shape shape(operation.result()->shape().size(), 1);
  shape[1] = operation.result()->shape()[1];
  return b.reshape(wide_operand(b, operation, name), shape);
}

// y · gamma + beta per channel, with what is there of the two.
mil::Value* channel_scaled(mil::Builder& b, const mil::Operation& operation, mil::Value* y) {
  if (operation.find_operand("gamma") != nullptr) y = b.mul(y, channel_operand(b, operation, "gamma"));
  if (operation.find_operand("beta") != nullptr) y = b.add(y, channel_operand(b, operation, "beta"));
  return y;
}

// What is constant of it, the reciprocal deviation times gamma, is computed once at compile time.
mil::Value* decomposed_batch_norm(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* scale = b.rsqrt(channel_operand(b, operation, "variance"), mil::number(operation, "epsilon"));
  if (operation.find_operand("gamma") != nullptr) scale = b.mul(scale, channel_operand(b, operation, "gamma"));
  mil::Value* centred = b.sub(wide_operand(b, operation, "x"), channel_operand(b, operation, "mean"));
  mil::Value* y = b.mul(centred, scale);
  return operation.find_operand("beta") != nullptr ? b.add(y, channel_operand(b, operation, "beta")) : y;
}

mil::Value* decomposed_instance_norm(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* x = wide_operand(b, operation, "x");
  std::vector<int64_t> axes;
  for (int64_t axis = 2; axis < x->type().rank(); ++axis) axes.push_back(axis);
  mil::Value* centred = b.sub(x, b.reduce("reduce_mean", x, axes, true));
  mil::Value* variance = b.reduce("reduce_mean", b.mul(centred, centred), axes, true);
  return channel_scaled(b, operation, b.mul(centred, b.rsqrt(variance, mil::number(operation, "epsilon"))));
}

mil::Value* decomposed_l2_norm(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* x = wide_operand(b, operation, "x");
  mil::Value* sum = b.reduce("reduce_sum_square", x, std::vector<int64_t>{-3, -2, -1}, true);
  return b.mul(x, b.rsqrt(sum, mil::number(operation, "epsilon")));
}

mil::Value* decomposed_l2_reduction(mil::Builder& b, const mil::Operation& operation) {
  return b.unary("sqrt", reduced(b, operation, "reduce_sum_square"));
}

mil::Value* decomposed_log_sum(mil::Builder& b, const mil::Operation& operation) {
  return log_without_shift(b, reduced(b, operation, "reduce_sum"));
}

// quant_scale · weight + quant_bias, each one number or one per output channel, is a constant as the weight is.
mil::Value* decomposed_conv_quantized(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* weight = wide_operand(b, operation, "weight");
  const auto per_channel = [&](std::string_view name) {
    mil::Value* factors = wide_operand(b, operation, name);
    mil::Shape shape(weight->shape().size(), 1);
    shape[0] = factors->type().count();
    return b.reshape(factors, shape);
  };
  weight = b.add(b.mul(weight, per_channel("quant_scale")), per_channel("quant_bias"));
  std::vector<mil::Operand> operands = {mil::operand("weight", weight)};
  for (const mil::Operand& operand : operation.operands()) {
    const bool is_kept = operand.name != "weight" && operand.name != "nbits" && !operand.name.starts_with("quant");
    if (is_kept) operands.push_back(operand);
  }
  return b.emit("conv", std::move(operands));
}

bool has_linear_weights(const mil::Operation& operation) {
  if (mil::text(operation, "quantization_type") != "linear") return false;
  for (const std::string_view name : {"quant_scale", "quant_bias"}) {
    const mil::Argument& argument = operation.find_operand(name)->arguments.at(0);
    const auto* value = std::get_if<mil::Value*>(&argument);
    const mil::Type& type = value != nullptr ? (*value)->type() : std::get<mil::Literal>(argument).type();
    if (type.count() != 1 && type.count() != operation.result()->shape()[1]) return false;
  }
  return true;
}

using Decomposition = mil::Value* (*)(mil::Builder& b, const mil::Operation& operation);

constexpr std::pair<std::string_view, Decomposition> kDecompositions[] = {
    {"batch_norm", decomposed_batch_norm},       {"conv_quantized", decomposed_conv_quantized},
    {"instance_norm", decomposed_instance_norm}, {"l2_norm", decomposed_l2_norm},
    {"layer_norm", decomposed_layer_norm},       {"reduce_l2_norm", decomposed_l2_reduction},
    {"reduce_log_sum", decomposed_log_sum},
};

}  // namespace

bool is_decomposed(std::string_view kind) {
  return std::ranges::find(kDecompositions, kind, &std::pair<std::string_view, Decomposition>::first) !=
         std::end(kDecompositions);
}

size_t decompose_composites(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* operation : operations_of(function)) {
    const auto* found =
        std::ranges::find(kDecompositions, operation->kind(), &std::pair<std::string_view, Decomposition>::first);
    if (found == std::end(kDecompositions)) continue;
    // Types that have no cast to fp32, and other quantizations, are refused where the operation is lowered.
    const mil::ElementType element = operation->result()->element();
    if (!storage_of(element)) continue;
    if (operation->kind() == "conv_quantized" && !has_linear_weights(*operation)) continue;
    mil::Builder b(function, operation);
    b.set_scope(operation->label());
    mil::Value* value = found->second(b, *operation);
    replace_operation(*operation, value->element() == element ? value : b.cast(value, element));
    ++changed;
  }
  return changed;
}

}  // namespace millwright::cpu
