// Operations that scale by parameters per channel or block (prelu, quantization, compressed weights) as elementwise
// ones: fused, computed in fp32 and rounded once, and run when the function is compiled where they read constants.
#include <algorithm>

#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "cpu/view.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

using mil::ElementType;
using mil::Value;

// An operand or attribute as a value; nothing when it is absent.
Value* given(mil::Builder& b, const mil::Operation& operation, std::string_view name) {
  if (const mil::Operand* operand = operation.find_operand(name)) {
    const mil::Argument& argument = operand->arguments.at(0);
    if (Value* const* value = std::get_if<Value*>(&argument)) return *value;
    return b.constant(std::get<mil::Literal>(argument));
  }
  const mil::Literal* attribute = operation.attribute(name);
  return attribute == nullptr ? nullptr : b.constant(*attribute);
}

Value* as_fp32(mil::Builder& b, Value* value) {
  return value->element() == ElementType::fp32 ? value : b.cast(value, ElementType::fp32);
}

// One number for all, or one per place on `axis`, as fp32 that broadcasts to the shape.
Value* along_axis(mil::Builder& b, Value* numbers, int64_t axis, const mil::Shape& shape) {
  if (numbers->type().count() != 1) {
    mil::Shape aligned(shape.size() - static_cast<size_t>(axis), 1);
    aligned[0] = numbers->type().count();
    numbers = b.reshape(numbers, aligned);
  } else if (numbers->type().rank() > static_cast<int64_t>(shape.size())) {
    numbers = b.squeeze(numbers, std::vector<int64_t>{0});
  }
  return as_fp32(b, numbers);
}

// Axis of quantization parameters; 0 where they are single numbers.
int64_t parameter_axis(const mil::Operation& operation, int64_t rank) {
  return mil::find_parameter(operation, "axis") == nullptr ? 0 : mil::axis_of(operation, "axis", rank);
}

Value* prelu(mil::Builder& b, const mil::Operation& operation) {
  Value* x = as_fp32(b, given(b, operation, "x"));
  Value* alpha = along_axis(b, given(b, operation, "alpha"), 1, x->shape());
  return b.select(b.binary("greater_equal", x, b.scalar_like(x, 0)), x, b.mul(x, alpha));
}

Value* softplus_parametric(mil::Builder& b, const mil::Operation& operation) {
  Value* x = as_fp32(b, given(b, operation, "x"));
  Value* alpha = along_axis(b, given(b, operation, "alpha"), 1, x->shape());
  Value* beta = along_axis(b, given(b, operation, "beta"), 1, x->shape());
  return b.mul(alpha, b.unary("softplus", b.mul(beta, x)));
}

// scale · (data − zero_point)
Value* dequantized(mil::Builder& b, const mil::Operation& operation, std::string_view data_name) {
  Value* data = given(b, operation, data_name);
  const mil::Shape shape = data->shape();
  const int64_t axis = parameter_axis(operation, data->type().rank());
  Value* y = as_fp32(b, data);
  if (Value* zero = given(b, operation, "zero_point")) y = b.sub(y, along_axis(b, zero, axis, shape));
  return b.mul(y, along_axis(b, given(b, operation, "scale"), axis, shape));
}

Value* dequantize(mil::Builder& b, const mil::Operation& operation) { return dequantized(b, operation, "input"); }
Value* affine_dequantize(mil::Builder& b, const mil::Operation& operation) {
  return dequantized(b, operation, "quantized_data");
}

// round(input / scale) + zero_point, cut to the range of the result's type.
Value* quantize(mil::Builder& b, const mil::Operation& operation) {
  Value* input = given(b, operation, "input");
  const mil::Shape shape = input->shape();
  const int64_t axis = parameter_axis(operation, input->type().rank());
  Value* scale = along_axis(b, given(b, operation, "scale"), axis, shape);
  Value* y = b.unary("round", b.real_div(as_fp32(b, input), scale));
  if (Value* zero = given(b, operation, "zero_point")) y = b.add(y, along_axis(b, zero, axis, shape));
  const auto [lowest, highest] = mil::integer_range(operation.result()->element());
  return b.emit("clip",
                {mil::operand("x", y), mil::operand("alpha", b.scalar(ElementType::fp32, static_cast<double>(lowest))),
                 mil::operand("beta", b.scalar(ElementType::fp32, static_cast<double>(highest)))});
}

// Every axis that has several blocks of several elements becomes two: the block's number and the place inside.
struct BlockShapes {
  mil::Shape data;
  mil::Shape blocks;
};
BlockShapes block_shapes(const mil::Shape& data, const mil::Shape& blocks) {
  BlockShapes shapes;
  for (size_t axis = 0; axis < data.size(); ++axis) {
    shapes.data.push_back(blocks[axis]);
    shapes.blocks.push_back(blocks[axis]);
    const int64_t inside = blocks[axis] == 0 ? 1 : data[axis] / blocks[axis];
    if (inside == 1) continue;
    if (blocks[axis] == 1) {
      shapes.data.back() = inside;
      continue;
    }
    shapes.data.push_back(inside);
    shapes.blocks.push_back(1);
  }
  return shapes;
}

// scale · (data − offset), both with one number per block.
Value* blockwise(mil::Builder& b, const mil::Operation& operation) {
  Value* data = given(b, operation, "data");
  Value* scale = given(b, operation, "scale");
  const mil::Shape shape = data->shape();
  const BlockShapes shapes = block_shapes(shape, scale->shape());
  const bool is_split = shapes.data != shape;
  const auto per_block = [&](Value* value) { return is_split ? b.reshape(value, shapes.blocks) : value; };
  Value* y = as_fp32(b, is_split ? b.reshape(data, shapes.data) : data);
  if (Value* offset = given(b, operation, "offset")) y = b.sub(y, as_fp32(b, per_block(offset)));
  y = b.mul(y, as_fp32(b, per_block(scale)));
  return is_split ? b.reshape(y, shape) : y;
}

Value* constexpr_cast(mil::Builder& b, const mil::Operation& operation) {
  return b.cast(given(b, operation, "source_val"), operation.result()->element());
}

struct Decomposition {
  std::string_view kind;
  Value* (*build)(mil::Builder& b, const mil::Operation& operation);
};
constexpr Decomposition kDecompositions[] = {
    {"prelu", prelu},
    {"softplus_parametric", softplus_parametric},
    {"quantize", quantize},
    {"dequantize", dequantize},
    {"constexpr_affine_dequantize", affine_dequantize},
    {"constexpr_blockwise_shift_scale", blockwise},
    {"constexpr_cast", constexpr_cast},
};

// Types that no cast brings to fp32 are refused, with their names, where the operation is lowered.
bool has_cast(ElementType element) { return storage_of(element).has_value(); }

bool is_computable(const mil::Operation& operation) {
  if (operation.kind() == "constexpr_cast") return true;  // a cast names what it does not know itself
  const auto has_casts = [](const mil::Argument& argument) {
    Value* const* value = std::get_if<Value*>(&argument);
    const mil::Type& type = value != nullptr ? (*value)->type() : std::get<mil::Literal>(argument).type();
    return !type.is_tensor() || type.element() == ElementType::string || has_cast(type.element());
  };
  for (const mil::Operand& operand : operation.operands()) {
    if (!std::ranges::all_of(operand.arguments, has_casts)) return false;
  }
  return has_cast(operation.result()->element());
}

}  // namespace

std::vector<std::string_view> kinds_decomposed_to_scales() {
  std::vector<std::string_view> kinds;
  for (const Decomposition& one : kDecompositions) kinds.push_back(one.kind);
  return kinds;
}

size_t decompose_scales(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* operation : operations_of(function)) {
    const auto* found = std::ranges::find(kDecompositions, operation->kind(), &Decomposition::kind);
    if (found == std::end(kDecompositions) || !is_computable(*operation)) continue;
    mil::Builder b(function, operation);
    b.set_scope(operation->label());
    Value* value = found->build(b, *operation);
    const ElementType element = operation->result()->element();
    replace_operation(*operation, value->element() == element ? value : b.cast(value, element));
    ++changed;
  }
  return changed;
}

}  // namespace millwright::cpu
