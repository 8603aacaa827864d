// Compressed weights (constexpr_…, unpacked when a program is loaded) and quantization at run time. The ios16 forms
// hold everything in attributes, the ios18 forms in operands; where they differ, `shape` marks the older one.
#include <algorithm>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

constexpr std::string_view kCategory = "compression";

// One number, or a vector with one per index of `axis`.
Status check_per_axis(const Operation& operation, std::string_view name, const Type& data) {
  if (!has_operand(operation, name)) return {};
  const Type& type = operand_type(operation, name);
  if (type.rank() == 0) return {};
  const Literal* axis = find_parameter(operation, "axis");
  if (type.rank() != 1 || (axis == nullptr && may_differ(type.shape()[0], 1))) {
    return fail("{} is {}, expected one number or a vector and axis", name, type_text(type));
  }
  if (axis == nullptr) return {};
  MW_ASSIGN(const int64_t counted, checked_axis(axis->as_integer(), data.rank(), "axis"));
  const int64_t size = data.shape()[static_cast<size_t>(counted)];
  if (type.shape()[0] == 1 || !may_differ(type.shape()[0], size)) return {};
  return fail("{} is {}, axis {} has size {}", name, type_text(type), counted, size);
}

Types infer_affine_dequantize(const Operation& operation) {
  const Type& data = operand_type(operation, "quantized_data");
  MW_TRY(check_per_axis(operation, "scale", data));
  MW_TRY(check_per_axis(operation, "zero_point", data));
  return std::vector<Type>{data.with_element(operand_type(operation, "scale").element())};
}

Types infer_dequantize(const Operation& operation) {
  const Type& input = operand_type(operation, "input");
  MW_TRY(check_per_axis(operation, "scale", input));
  MW_TRY(check_per_axis(operation, "zero_point", input));
  return std::vector<Type>{input.with_element(operand_type(operation, "scale").element())};
}

Types infer_quantize(const Operation& operation) {
  const Type& input = operand_type(operation, "input");
  MW_TRY(check_per_axis(operation, "scale", input));
  MW_TRY(check_per_axis(operation, "zero_point", input));
  const auto element = element_from_name(text(operation, "output_dtype"));
  if (!element || !is_integer(*element)) {
    return fail("output_dtype is \"{}\", expected int8 or uint8", text(operation, "output_dtype"));
  }
  return std::vector<Type>{input.with_element(*element)};
}

Types infer_cast(const Operation& operation) {
  const auto element = element_from_name(text(operation, "output_dtype"));
  if (!element || *element == ElementType::string) {
    return fail("output_dtype \"{}\" is no element type", text(operation, "output_dtype"));
  }
  return std::vector<Type>{operand_type(operation, "source_val").with_element(*element)};
}

// scale (and offset) have one entry per block of data.
Status check_blocks(const Operation& operation, std::string_view name, const Shape& data) {
  if (!has_operand(operation, name)) return {};
  const Type& type = operand_type(operation, name);
  bool fits = type.shape().size() == data.size();
  for (size_t axis = 0; fits && axis < data.size(); ++axis) {
    const int64_t blocks = type.shape()[axis];
    if (data[axis] == kUnknownDimension || blocks == kUnknownDimension) continue;
    fits = blocks > 0 && data[axis] % blocks == 0;
  }
  if (fits) return {};
  return fail("{} {} does not divide the axes of data {}", name, shape_text(type.shape()), shape_text(data));
}

Types infer_blockwise(const Operation& operation) {
  const Type& data = operand_type(operation, "data");
  MW_TRY(check_blocks(operation, "scale", data.shape()));
  MW_TRY(check_blocks(operation, "offset", data.shape()));
  MW_TRY(check_shape(operation, "offset", operand_type(operation, "scale").shape()));
  return std::vector<Type>{data.with_element(operand_type(operation, "scale").element())};
}

Types infer_sparse_blockwise(const Operation& operation) {
  MW_ASSIGN(const Type data, ranked(operation, "nonzero_data", 1, 1));
  const Type& mask = operand_type(operation, "data_mask");
  MW_TRY(check_blocks(operation, "scale", mask.shape()));
  MW_TRY(check_blocks(operation, "offset", mask.shape()));
  MW_TRY(check_shape(operation, "offset", operand_type(operation, "scale").shape()));
  return std::vector<Type>{mask, data.with_element(operand_type(operation, "scale").element())};
}

// The shape that an ios16 form unpacks to, and its number of elements.
struct Unpacked {
  Shape shape;
  int64_t count = 1;
};
Result<Unpacked> unpacked(const Operation& operation) {
  Unpacked result;
  result.shape = integers(operation, "shape");
  for (const int64_t size : result.shape) {
    if (size < 0) return fail("shape {} has a negative size", shape_text(result.shape));
    result.count = size_product(result.count, size);
  }
  if (result.count > INT64_MAX / 16) return fail("shape {} is too large", shape_text(result.shape));
  return result;
}

Status check_packed(const Operation& operation, std::string_view name, int64_t bits, int64_t count) {
  const Type& type = operand_type(operation, name);
  const int64_t bytes = (bits * count + 7) / 8;
  if (type.rank() == 1 && type.element() == ElementType::uint8 && !may_differ(type.shape()[0], bytes)) return {};
  return fail("{} is {}, expected tensor<uint8, [{}]>", name, type_text(type), bytes);
}

// Bits of a palette's index; nothing for a palette of another size.
std::optional<int64_t> palette_bits(int64_t size) {
  for (const int64_t bits : {1, 2, 3, 4, 6, 8}) {
    if (size == int64_t{1} << bits) return bits;
  }
  return std::nullopt;
}

// The vector length of an ios18 palette [groups per axis, entries, vector], checked against the indices' shape.
Result<int64_t> palette_vector(const Operation& operation, const Type& lut, const Shape& indices) {
  if (lut.shape().size() != indices.size() + 2) {
    return fail("lut is {}, expected rank {}", type_text(lut), indices.size() + 2);
  }
  for (size_t axis = 0; axis < indices.size(); ++axis) {
    const int64_t groups = lut.shape()[axis];
    if (groups == kUnknownDimension || indices[axis] == kUnknownDimension) continue;
    if (groups < 1 || indices[axis] % groups != 0) {
      return fail("lut {} does not divide axis {} of the indices {}", shape_text(lut.shape()), axis,
                  shape_text(indices));
    }
  }
  const int64_t entries = lut.shape()[indices.size()];
  if (entries != kUnknownDimension && !palette_bits(entries)) {
    return fail("lut {} has {} entries, expected 2, 4, 8, 16, 64 or 256", shape_text(lut.shape()), entries);
  }
  const int64_t vector = lut.shape().back();
  if (vector < 1) return fail("lut {} has vectors of {} elements", shape_text(lut.shape()), vector);
  if (vector > 1 && find_parameter(operation, "vector_axis") == nullptr) {
    return fail("lut {} has vectors of {} elements and vector_axis is missing", shape_text(lut.shape()), vector);
  }
  return vector;
}

// A shape grown by the palette's vectors.
Result<Shape> with_vectors(const Operation& operation, Shape shape, int64_t vector) {
  if (vector == 1) return shape;
  MW_ASSIGN(const int64_t axis,
            checked_axis(integer(operation, "vector_axis"), static_cast<int64_t>(shape.size()), "vector_axis"));
  int64_t& size = shape[static_cast<size_t>(axis)];
  size = size_product(size, vector);
  return shape;
}

Types infer_lut_to_dense(const Operation& operation) {
  const Type& lut = operand_type(operation, "lut");
  const Type& indices = operand_type(operation, "indices");
  if (!has_operand(operation, "shape")) {
    if (!is_integer(indices.element())) return fail("indices is {}, expected integers", type_text(indices));
    MW_ASSIGN(const int64_t vector, palette_vector(operation, lut, indices.shape()));
    MW_ASSIGN(Shape shape, with_vectors(operation, indices.shape(), vector));
    return std::vector<Type>{lut.with_shape(std::move(shape))};
  }
  MW_ASSIGN(Unpacked dense, unpacked(operation));
  const auto bits = lut.rank() == 1 ? palette_bits(lut.shape()[0]) : std::nullopt;
  if (!bits) return fail("lut is {}, expected a vector of 2, 4, 16, 64 or 256", type_text(lut));
  MW_TRY(check_packed(operation, "indices", *bits, dense.count));
  return std::vector<Type>{lut.with_shape(std::move(dense.shape))};
}

Types infer_lut_to_sparse(const Operation& operation) {
  MW_ASSIGN(const Type indices, ranked(operation, "indices_nonzero_data", 1, 1));
  if (!is_integer(indices.element())) {
    return fail("indices_nonzero_data is {}, expected integers", type_text(indices));
  }
  const Type& mask = operand_type(operation, "indices_mask");
  const Type& lut = operand_type(operation, "lut");
  MW_ASSIGN(const int64_t vector, palette_vector(operation, lut, mask.shape()));
  MW_ASSIGN(Shape shape, with_vectors(operation, mask.shape(), vector));
  return std::vector<Type>{mask.with_shape(std::move(shape)),
                           lut.with_shape({size_product(indices.shape()[0], vector)})};
}

Types infer_sparse_to_dense(const Operation& operation) {
  MW_ASSIGN(const Type data, ranked(operation, "nonzero_data", 1, 1));
  const Type& mask = operand_type(operation, "mask");
  if (!has_operand(operation, "shape")) return std::vector<Type>{data.with_shape(mask.shape())};
  MW_ASSIGN(Unpacked dense, unpacked(operation));
  MW_TRY(check_packed(operation, "mask", 1, dense.count));
  if (data.shape()[0] > dense.count) {
    return fail("nonzero_data is {}, shape {} has {} elements", type_text(data), shape_text(dense.shape), dense.count);
  }
  return std::vector<Type>{data.with_shape(std::move(dense.shape))};
}

}  // namespace

std::vector<OperationDefinition> compression() {
  return {
      {"constexpr_affine_dequantize",
       "ios16",
       kCategory,
       {value("quantized_data"), value("zero_point"), value("scale"), constant("axis", Expect::integer)},
       infer_affine_dequantize},
      {"constexpr_blockwise_shift_scale",
       "ios18",
       kCategory,
       {value("data"), value("scale"), optional_value("offset")},
       infer_blockwise},
      {"constexpr_cast", "ios16", kCategory, {value("source_val"), constant("output_dtype", Expect::text)}, infer_cast},
      {"constexpr_lut_to_dense",
       "ios16",
       kCategory,
       {value("indices"), value("lut"), optional_constant("shape", Expect::integers),
        optional_constant("vector_axis", Expect::integer)},
       infer_lut_to_dense},
      {"constexpr_lut_to_sparse",
       "ios18",
       kCategory,
       {value("indices_mask"), value("indices_nonzero_data"), value("lut"),
        optional_constant("vector_axis", Expect::integer)},
       infer_lut_to_sparse},
      {"constexpr_sparse_blockwise_shift_scale",
       "ios18",
       kCategory,
       {value("data_mask"), value("nonzero_data"), value("scale"), optional_value("offset")},
       infer_sparse_blockwise},
      {"constexpr_sparse_to_dense",
       "ios16",
       kCategory,
       {value("nonzero_data"), value("mask"), optional_constant("shape", Expect::integers)},
       infer_sparse_to_dense},
      {"quantize",
       "ios17",
       "quantization",
       {value("input"), value("scale"), constant("output_dtype", Expect::text), optional_value("zero_point"),
        optional_constant("axis", Expect::integer)},
       infer_quantize},
      {"dequantize",
       "ios17",
       "quantization",
       {value("input"), value("scale"), optional_value("zero_point"), optional_constant("axis", Expect::integer)},
       infer_dequantize},
  };
}

}  // namespace millwright::mil::operations
