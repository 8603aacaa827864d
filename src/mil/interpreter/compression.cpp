// Compressed weights (constexpr_…) and quantization. Packed bits are read from the least significant one of each byte.
#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// The element of a scale or zero point that belongs to an index: one for all, or one per place on `axis`.
double per_axis(const Evaluation& e, const TensorValue& value, const Shape& index) {
  if (value.numbers.size() == 1) return value.numbers[0];
  return value.numbers[static_cast<size_t>(index[e.axis("axis", index.size())])];
}

Values shifted_and_scaled(const Evaluation& e, std::string_view data_name) {
  const TensorValue data = e.operand(data_name);
  const TensorValue scale = e.operand("scale");
  const std::optional<TensorValue> zero = e.find("zero_point");
  TensorValue y = e.zeros(data.type.shape());
  size_t next = 0;
  for_each_index(data.type.shape(), [&](const Shape& index) {
    const double stored = data.numbers[next] - (zero ? per_axis(e, *zero, index) : 0);
    y.numbers[next++] = per_axis(e, scale, index) * stored;
  });
  return std::vector<TensorValue>{y};
}

Values affine_dequantize(const Evaluation& e) { return shifted_and_scaled(e, "quantized_data"); }
Values dequantize(const Evaluation& e) { return shifted_and_scaled(e, "input"); }

// Halves go to the even neighbour; what the type cannot hold becomes its nearest number.
Values quantize(const Evaluation& e) {
  const TensorValue input = e.operand("input");
  const TensorValue scale = e.operand("scale");
  const std::optional<TensorValue> zero = e.find("zero_point");
  const auto [lowest, highest] = integer_range(e.element());
  TensorValue y = e.zeros(input.type.shape());
  size_t next = 0;
  for_each_index(input.type.shape(), [&](const Shape& index) {
    const double steps = std::nearbyint(input.numbers[next] / per_axis(e, scale, index));
    const double shifted = steps + (zero ? per_axis(e, *zero, index) : 0);
    y.numbers[next++] = std::clamp(shifted, static_cast<double>(lowest), static_cast<double>(highest));
  });
  return std::vector<TensorValue>{y};
}

Values cast(const Evaluation& e) {
  const TensorValue source = e.operand("source_val");
  TensorValue y = e.zeros(source.type.shape());
  y.numbers = source.numbers;
  if (is_integer(e.element())) {
    for (double& number : y.numbers) number = std::trunc(number);
  }
  return std::vector<TensorValue>{y};
}

// The block of an index: along each axis, data.shape / blocks.shape elements share one.
size_t block_offset(const Shape& index, const Shape& data, const Shape& blocks) {
  Shape block = index;
  for (size_t axis = 0; axis < block.size(); ++axis) block[axis] = index[axis] / (data[axis] / blocks[axis]);
  return offset_of(block, blocks);
}

double in_block(const Evaluation& e, double stored, const Shape& index, const Shape& data) {
  const TensorValue scale = e.operand("scale");
  const std::optional<TensorValue> offset = e.find("offset");
  const size_t block = block_offset(index, data, scale.type.shape());
  return scale.numbers[block] * (stored - (offset ? offset->numbers[block] : 0));
}

Values blockwise(const Evaluation& e) {
  const TensorValue data = e.operand("data");
  TensorValue y = e.zeros(data.type.shape());
  size_t next = 0;
  for_each_index(data.type.shape(), [&](const Shape& index) {
    y.numbers[next] = in_block(e, data.numbers[next], index, data.type.shape());
    ++next;
  });
  return std::vector<TensorValue>{y};
}

// The indices where the mask is not 0, which must be as many as there are stored values.
Result<std::vector<Shape>> marked(const Evaluation& e, const TensorValue& mask, size_t stored) {
  std::vector<Shape> places;
  size_t next = 0;
  for_each_index(mask.type.shape(), [&](const Shape& index) {
    if (mask.numbers[next++] != 0) places.push_back(index);
  });
  if (places.size() == stored) return places;
  return fail("{}: the mask marks {} elements, {} are stored", e.where(), places.size(), stored);
}

Values sparse_blockwise(const Evaluation& e) {
  const TensorValue mask = e.operand("data_mask");
  const TensorValue data = e.operand("nonzero_data");
  MW_ASSIGN(const std::vector<Shape> places, marked(e, mask, data.numbers.size()));
  TensorValue y = e.zeros(data.type.shape(), 1);
  for (size_t i = 0; i < places.size(); ++i) {
    y.numbers[i] = in_block(e, data.numbers[i], places[i], mask.type.shape());
  }
  return std::vector<TensorValue>{mask, y};
}

// `count` numbers of `bits` bits each.
std::vector<double> unpacked(const TensorValue& bytes, size_t bits, size_t count) {
  std::vector<double> numbers(count, 0.0);
  for (size_t i = 0; i < count * bits; ++i) {
    const auto byte = static_cast<unsigned>(bytes.numbers[i / 8]);
    if ((byte >> (i % 8) & 1U) != 0) numbers[i / bits] += static_cast<double>(1U << (i % bits));
  }
  return numbers;
}

// Vectors of an ios18 palette [groups per axis, entries, vector].
struct Palette {
  TensorValue lut;
  size_t axis = 0;  // along which a vector's elements lie
  int64_t vector = 1;
  int64_t entries = 1;
};
Palette palette(const Evaluation& e, size_t rank) {
  Palette result = {e.operand("lut"), 0, 1, 1};
  const Shape& shape = result.lut.type.shape();
  result.vector = shape.back();
  result.entries = shape[rank];
  if (result.vector > 1) result.axis = e.axis("vector_axis", rank);
  return result;
}

Shape grown(Shape shape, const Palette& palette) {
  if (!shape.empty()) shape[palette.axis] *= palette.vector;
  return shape;
}

// The element that a place of the grown tensor takes, `entry` being what is stored for its vector.
Result<double> palette_element(const Evaluation& e, const Palette& palette, Shape place, const Shape& indices,
                               double entry) {
  if (entry < 0 || entry >= static_cast<double>(palette.entries)) {
    return fail("{}: index {} is outside the {} entries of lut", e.where(), entry, palette.entries);
  }
  const int64_t element = place.empty() ? 0 : place[palette.axis] % palette.vector;
  if (!place.empty()) place[palette.axis] /= palette.vector;
  const Shape& lut = palette.lut.type.shape();
  for (size_t axis = 0; axis < indices.size(); ++axis) place[axis] /= indices[axis] / lut[axis];
  place.push_back(static_cast<int64_t>(entry));
  place.push_back(element);
  return palette.lut.numbers[offset_of(place, lut)];
}

Values lut_to_dense(const Evaluation& e) {
  const TensorValue indices = e.operand("indices");
  if (e.find("shape")) {
    const TensorValue lut = e.operand("lut");
    TensorValue y = e.zeros(e.integers("shape"));
    const auto bits = static_cast<size_t>(std::countr_zero(lut.numbers.size()));
    const std::vector<double> entries = unpacked(indices, bits, y.numbers.size());
    for (size_t i = 0; i < entries.size(); ++i) y.numbers[i] = lut.numbers[static_cast<size_t>(entries[i])];
    return std::vector<TensorValue>{y};
  }
  const Shape& shape = indices.type.shape();
  const Palette colours = palette(e, shape.size());
  TensorValue y = e.zeros(grown(shape, colours));
  Status status;
  size_t next = 0;
  for_each_index(y.type.shape(), [&](const Shape& place) {
    Shape stored = place;
    if (!stored.empty()) stored[colours.axis] /= colours.vector;
    const auto element = palette_element(e, colours, place, shape, indices.numbers[offset_of(stored, shape)]);
    if (element) y.numbers[next++] = *element;
    if (!element) status = tl::unexpected<Error>(element.error());
  });
  MW_TRY(status);
  return std::vector<TensorValue>{y};
}

// The values in row-major order of the grown mask.
Values lut_to_sparse(const Evaluation& e) {
  const TensorValue mask = e.operand("indices_mask");
  const TensorValue indices = e.operand("indices_nonzero_data");
  const Shape& shape = mask.type.shape();
  MW_ASSIGN(const std::vector<Shape> places, marked(e, mask, indices.numbers.size()));
  std::vector<double> entries(mask.numbers.size(), 0.0);
  for (size_t i = 0; i < places.size(); ++i) entries[offset_of(places[i], shape)] = indices.numbers[i];
  const Palette colours = palette(e, shape.size());
  TensorValue grown_mask = e.zeros(grown(shape, colours), 0);
  TensorValue y = e.zeros({static_cast<int64_t>(indices.numbers.size()) * colours.vector}, 1);
  Status status;
  size_t next = 0;
  for_each_index(grown_mask.type.shape(), [&](const Shape& place) {
    Shape stored = place;
    if (!stored.empty()) stored[colours.axis] /= colours.vector;
    if (mask.numbers[offset_of(stored, shape)] == 0) return;
    grown_mask.numbers[offset_of(place, grown_mask.type.shape())] = 1;
    const auto element = palette_element(e, colours, place, shape, entries[offset_of(stored, shape)]);
    if (element) y.numbers[next++] = *element;
    if (!element) status = tl::unexpected<Error>(element.error());
  });
  MW_TRY(status);
  return std::vector<TensorValue>{grown_mask, y};
}

Values sparse_to_dense(const Evaluation& e) {
  const TensorValue data = e.operand("nonzero_data");
  TensorValue mask = e.operand("mask");
  if (e.find("shape")) {
    const Shape shape = e.integers("shape");
    mask = {Type::tensor(ElementType::uint1, shape), unpacked(mask, 1, static_cast<size_t>(element_count(shape)))};
  }
  MW_ASSIGN(const std::vector<Shape> places, marked(e, mask, data.numbers.size()));
  TensorValue y = e.zeros(mask.type.shape());
  for (size_t i = 0; i < places.size(); ++i) y.numbers[offset_of(places[i], y.type.shape())] = data.numbers[i];
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kCompression[] = {
    {"constexpr_affine_dequantize", affine_dequantize},
    {"constexpr_blockwise_shift_scale", blockwise},
    {"constexpr_cast", cast},
    {"constexpr_lut_to_dense", lut_to_dense},
    {"constexpr_lut_to_sparse", lut_to_sparse},
    {"constexpr_sparse_blockwise_shift_scale", sparse_blockwise},
    {"constexpr_sparse_to_dense", sparse_to_dense},
    {"quantize", quantize},
    {"dequantize", dequantize},
};

}  // namespace

std::span<const Evaluator> compression_evaluators() { return kCompression; }

}  // namespace millwright::mil::interpreter
