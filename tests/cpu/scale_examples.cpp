// Examples of activations with parameters, quantization and compressed weights.
#include "operation_examples.h"

namespace millwright::cpu {
namespace {

using mil::ElementType;
using mil::Literal;
using mil::Shape;
using mil::Type;
using mil::Value;

mil::Operand number(TestFunction& f, std::string_view name, double value) {
  return mil::operand(name, f.b().scalar(ElementType::fp32, value));
}

// A constant of integers in [0, bound).
Value* constants(TestFunction& f, ElementType element, const Shape& shape, int64_t bound) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < mil::element_count(shape); ++i) numbers.push_back(static_cast<double>(f.below(bound)));
  return f.b().constant(Literal::numbers(Type::tensor(element, shape), numbers));
}

Value* weights(TestFunction& f, const Shape& shape) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < mil::element_count(shape); ++i) numbers.push_back((1 + static_cast<double>(f.below(60))) / 8);
  return f.b().constant(Literal::numbers(Type::tensor(ElementType::fp32, shape), numbers));
}

// How often a mask of the shape is set; the mask itself.
std::pair<Value*, int64_t> mask(TestFunction& f, const Shape& shape) {
  std::vector<double> numbers;
  int64_t set = 0;
  for (int64_t i = 0; i < mil::element_count(shape); ++i) {
    numbers.push_back(static_cast<double>(f.below(2)));
    set += numbers.back() != 0 ? 1 : 0;
  }
  return {f.b().constant(Literal::numbers(Type::tensor(ElementType::uint1, shape), numbers)), set};
}

void add_activations(std::vector<Example>& all) {
  for (const char* kind : {"clamped_relu", "linear_activation", "scaled_tanh", "sigmoid_hard"}) {
    all.push_back({kind, [=](TestFunction& f) {
                     return f.b().emit(kind, {mil::operand("x", viewed(f, f.shape(3), -4, 4)), number(f, "alpha", 0.6),
                                              number(f, "beta", 0.7)});
                   }});
  }
  all.push_back({"threshold", [](TestFunction& f) {
                   return f.b().emit("threshold", {mil::operand("x", viewed(f, f.shape(3))), number(f, "alpha", 0.2)});
                 }});
  all.push_back(
      {"prelu", [](TestFunction& f) {
         const Shape shape = f.shape(2 + f.below(3));
         return f.b().emit("prelu", {mil::operand("x", viewed(f, shape)), mil::operand("alpha", f.floats({shape[1]}))});
       }});
  all.push_back({"softplus_parametric", [](TestFunction& f) {
                   const Shape shape = f.shape(2 + f.below(3));
                   return f.b().emit("softplus_parametric", {mil::operand("x", viewed(f, shape, -30, 30)),
                                                             mil::operand("alpha", f.floats({shape[1]})),
                                                             mil::operand("beta", f.floats({shape[1]}))});
                 }});
}

// Scales are powers of 2, so that halves are halves in every precision.
Value* scales(TestFunction& f, const Shape& shape) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < mil::element_count(shape); ++i) numbers.push_back(1 / static_cast<double>(1 << f.below(4)));
  return f.b().constant(Literal::numbers(Type::tensor(ElementType::fp32, shape), numbers));
}

void add_quantization(std::vector<Example>& all) {
  for (const char* element : {"int8", "uint8"}) {
    all.push_back({std::string("quantize ") + element, [=](TestFunction& f) {
                     const Shape shape = f.shape(3);
                     const int64_t axis = f.below(3);
                     const Shape parameter = f.below(2) == 0 ? Shape{} : Shape{shape[static_cast<size_t>(axis)]};
                     const ElementType type = *mil::element_from_name(element);
                     std::vector<mil::Operand> operands = {
                         mil::operand("input", viewed(f, shape, -50, 150)), mil::operand("scale", scales(f, parameter)),
                         text(f, "output_dtype", element), integer(f, "axis", axis - 3 * f.below(2))};
                     if (f.below(2) == 0) {
                       operands.push_back(mil::operand("zero_point", constants(f, type, parameter, 20)));
                     }
                     return f.b().emit("quantize", std::move(operands));
                   }});
    all.push_back({std::string("dequantize ") + element, [=](TestFunction& f) {
                     const Shape shape = f.shape(3);
                     const int64_t axis = f.below(3);
                     const Shape parameter = f.below(2) == 0 ? Shape{} : Shape{shape[static_cast<size_t>(axis)]};
                     const ElementType type = *mil::element_from_name(element);
                     mil::TensorValue data{Type::tensor(type, shape), {}};
                     for (int64_t i = 0; i < data.type.count(); ++i) {
                       data.numbers.push_back(static_cast<double>(f.below(100)));
                     }
                     std::vector<mil::Operand> operands = {mil::operand("input", f.input(std::move(data))),
                                                           mil::operand("scale", weights(f, parameter)),
                                                           integer(f, "axis", axis)};
                     if (f.below(2) == 0) {
                       operands.push_back(mil::operand("zero_point", constants(f, type, parameter, 20)));
                     }
                     return f.b().emit("dequantize", std::move(operands));
                   }});
  }
}

Value* blockwise(TestFunction& f) {
  Shape data, blocks;
  for (int64_t axis = 0; axis < 3; ++axis) {
    blocks.push_back(f.size(3));
    data.push_back(blocks.back() * f.size(3));
  }
  std::vector<mil::Operand> operands = {mil::operand("data", constants(f, ElementType::int4, data, 8)),
                                        mil::operand("scale", weights(f, blocks))};
  if (f.below(2) == 0) operands.push_back(mil::operand("offset", constants(f, ElementType::int4, blocks, 8)));
  return f.b().emit("constexpr_blockwise_shift_scale", std::move(operands));
}

// A palette for indices of a shape: [groups…, 4, vector].
Value* palette(TestFunction& f, const Shape& groups, int64_t vector) {
  Shape shape = groups;
  shape.insert(shape.end(), {4, vector});
  return weights(f, shape);
}

Value* lut_to_dense(TestFunction& f) {
  const Shape groups = f.shape(2, 2);
  const Shape indices = {groups[0] * f.size(3), groups[1] * f.size(3)};
  const int64_t vector = f.size(3);
  return f.b().emit("constexpr_lut_to_dense",
                    {mil::operand("indices", constants(f, ElementType::uint2, indices, 4)),
                     mil::operand("lut", palette(f, groups, vector)), integer(f, "vector_axis", f.below(2))});
}

Value* packed_lut_to_dense(TestFunction& f) {
  const Shape shape = f.shape(3, 4);
  constexpr int64_t kBits[] = {1, 2, 3, 4, 6, 8};
  const int64_t bits = kBits[f.below(6)];
  const int64_t bytes = (bits * mil::element_count(shape) + 7) / 8;
  return f.b().emit("constexpr_lut_to_dense",
                    {mil::operand("indices", constants(f, ElementType::uint8, {bytes}, 256)),
                     mil::operand("lut", weights(f, {int64_t{1} << bits})), integers(f, "shape", shape)});
}

Value* lut_to_sparse(TestFunction& f) {
  const Shape groups = f.shape(2, 2);
  const Shape shape = {groups[0] * f.size(3), groups[1] * f.size(3)};
  const auto [marks, set] = mask(f, shape);
  const auto results =
      f.b().emit_all("constexpr_lut_to_sparse",
                     {mil::operand("indices_mask", marks),
                      mil::operand("indices_nonzero_data", constants(f, ElementType::uint2, {set}, 4)),
                      mil::operand("lut", palette(f, groups, f.size(3))), integer(f, "vector_axis", f.below(2))});
  return results[static_cast<size_t>(f.below(2))];
}

Value* sparse_blockwise(TestFunction& f) {
  const Shape blocks = f.shape(2, 3);
  const auto [marks, set] = mask(f, {blocks[0] * f.size(3), blocks[1] * f.size(3)});
  std::vector<mil::Operand> operands = {mil::operand("data_mask", marks),
                                        mil::operand("nonzero_data", constants(f, ElementType::int8, {set}, 100)),
                                        mil::operand("scale", weights(f, blocks))};
  if (f.below(2) == 0) operands.push_back(mil::operand("offset", constants(f, ElementType::int8, blocks, 8)));
  return f.b().emit_all("constexpr_sparse_blockwise_shift_scale", std::move(operands))[1];
}

void add_compression(std::vector<Example>& all) {
  all.push_back({"constexpr_blockwise_shift_scale", blockwise});
  all.push_back({"constexpr_lut_to_dense", lut_to_dense});
  all.push_back({"constexpr_lut_to_dense of packed bits", packed_lut_to_dense});
  all.push_back({"constexpr_lut_to_sparse", lut_to_sparse});
  all.push_back({"constexpr_sparse_blockwise_shift_scale", sparse_blockwise});
  all.push_back({"constexpr_sparse_to_dense", [](TestFunction& f) {
                   const auto [marks, set] = mask(f, f.shape(3));
                   return f.b().emit("constexpr_sparse_to_dense",
                                     {mil::operand("nonzero_data", weights(f, {set})), mil::operand("mask", marks)});
                 }});
  all.push_back({"constexpr_cast", [](TestFunction& f) {
                   return f.b().emit("constexpr_cast", {mil::operand("source_val", weights(f, f.shape(2))),
                                                        text(f, "output_dtype", f.below(2) == 0 ? "fp16" : "int8")});
                 }});
  all.push_back({"constexpr_affine_dequantize", [](TestFunction& f) {
                   const Shape shape = f.shape(3);
                   const int64_t axis = f.below(3);
                   const Shape parameter = f.below(2) == 0 ? Shape{} : Shape{shape[static_cast<size_t>(axis)]};
                   return f.b().emit("constexpr_affine_dequantize",
                                     {mil::operand("quantized_data", constants(f, ElementType::uint8, shape, 256)),
                                      mil::operand("zero_point", constants(f, ElementType::uint8, parameter, 20)),
                                      mil::operand("scale", weights(f, parameter)), integer(f, "axis", axis)});
                 }});
}

}  // namespace

std::vector<Example> scale_examples() {
  std::vector<Example> all;
  add_activations(all);
  add_quantization(all);
  add_compression(all);
  return all;
}

}  // namespace millwright::cpu
