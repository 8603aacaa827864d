// Image resizing: operations that resample or cut the last two axes.
#include <cmath>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

// x with its last two axes replaced.
std::vector<Type> with_image(const Type& x, int64_t height, int64_t width) {
  Shape shape = x.shape();
  shape[shape.size() - 2] = height;
  shape[shape.size() - 1] = width;
  return {x.with_shape(std::move(shape))};
}

Result<Type> image_of(const Operation& operation) { return ranked(operation, "x", 3, 5); }

// A target size, unknown where it is computed at run time.
Result<int64_t> target(const Operation& operation, std::string_view name) {
  const Literal* literal = find_parameter(operation, name);
  if (literal == nullptr) return kUnknownDimension;
  if (literal->as_integer() < 1) return fail("{} is {}, expected 1 or more", name, literal->as_integer());
  return literal->as_integer();
}

Types infer_resize_to(const Operation& operation) {
  MW_ASSIGN(const Type x, image_of(operation));
  MW_ASSIGN(const int64_t height, target(operation, "target_size_height"));
  MW_ASSIGN(const int64_t width, target(operation, "target_size_width"));
  return with_image(x, height, width);
}

Result<int64_t> scaled(const Operation& operation, std::string_view name, int64_t size) {
  const Literal* literal = find_parameter(operation, name);
  if (literal == nullptr) return kUnknownDimension;
  const double factor = literal->as_number();
  if (!(factor > 0) || factor > INT32_MAX) return fail("{} is {}, expected a positive factor", name, factor);
  if (size == kUnknownDimension) return kUnknownDimension;
  return static_cast<int64_t>(std::floor(static_cast<double>(size) * factor));
}

Types infer_upsample(const Operation& operation) {
  MW_ASSIGN(const Type x, image_of(operation));
  const Shape& shape = x.shape();
  MW_ASSIGN(const int64_t height, scaled(operation, "scale_factor_height", shape[shape.size() - 2]));
  MW_ASSIGN(const int64_t width, scaled(operation, "scale_factor_width", shape.back()));
  return with_image(x, height, width);
}

// The last resized_dims axes take the last entries of shape; a 0 keeps the size.
Types infer_resize(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 1, 5));
  const int64_t count = integer(operation, "resized_dims");
  const Type& type = operand_type(operation, "shape");
  const int64_t entries = type.rank() == 1 ? type.shape()[0] : 1;
  if (count < 1 || count > x.rank() || (entries != kUnknownDimension && count > entries)) {
    return fail("resized_dims is {}, shape is {}, x has rank {}", count, type_text(type), x.rank());
  }
  const Literal* sizes = operation.constant("shape");
  Shape shape = x.shape();
  for (int64_t i = 1; i <= count; ++i) {
    int64_t& size = shape[shape.size() - static_cast<size_t>(i)];
    if (sizes == nullptr) {
      size = kUnknownDimension;
      continue;
    }
    const int64_t wanted = sizes->integer_at(entries - i);
    if (wanted < 0) return fail("shape has the negative size {}", wanted);
    if (wanted > 0) size = wanted;
  }
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

Types infer_crop(const Operation& operation) {
  MW_ASSIGN(const Type x, image_of(operation));
  Shape image(x.shape().end() - 2, x.shape().end());
  constexpr std::string_view kNames[] = {"crop_height", "crop_width"};
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<int64_t> cut = integers(operation, kNames[i]);
    if (cut.size() != 2 || cut[0] < 0 || cut[1] < 0) return fail("{} must be two sizes of 0 or more", kNames[i]);
    if (image[i] == kUnknownDimension) continue;
    image[i] -= cut[0] + cut[1];
    if (image[i] < 0) return fail("{} leaves nothing of x {}", kNames[i], shape_text(x.shape()));
  }
  return with_image(x, image[0], image[1]);
}

// ios17: boxes [B, 4] and one image index each; before: roi [B, 1, 4 or 5, 1, 1], cut from every image.
Types infer_crop_resize(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 4, 4));
  MW_ASSIGN(const int64_t height, target(operation, "target_height"));
  MW_ASSIGN(const int64_t width, target(operation, "target_width"));
  if (has_operand(operation, "roi") == has_operand(operation, "boxes")) return fail("expected either boxes or roi");
  if (has_operand(operation, "roi")) {
    MW_ASSIGN(const Type roi, ranked(operation, "roi", 5, 5));
    return std::vector<Type>{x.with_shape({roi.shape()[0], x.shape()[0], x.shape()[1], height, width})};
  }
  MW_ASSIGN(const Type boxes, ranked(operation, "boxes", 2, 2));
  MW_TRY(check_shape(operation, "boxes", {kUnknownDimension, 4}));
  MW_TRY(check_shape(operation, "box_indices", {boxes.shape()[0]}));
  return std::vector<Type>{x.with_shape({boxes.shape()[0], x.shape()[1], height, width})};
}

Types infer_affine(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 4, 4));
  MW_ASSIGN(const Type matrix, ranked(operation, "transform_matrix", 2, 2));
  if (may_differ(matrix.shape()[1], 6)) return fail("transform_matrix is {}, expected [?, 6]", type_text(matrix));
  MW_ASSIGN(const int64_t height, target(operation, "output_height"));
  MW_ASSIGN(const int64_t width, target(operation, "output_width"));
  return with_image(x, height, width);
}

Types infer_resample(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 4, 4));
  MW_ASSIGN(const Type coordinates, ranked(operation, "coordinates", 4, 4));
  if (may_differ(coordinates.shape()[0], x.shape()[0]) || may_differ(coordinates.shape()[3], 2)) {
    return fail("coordinates is {}, expected [{}, ?, ?, 2]", type_text(coordinates), x.shape()[0]);
  }
  return with_image(x, coordinates.shape()[1], coordinates.shape()[2]);
}

ParameterDefinition size_value(std::string_view name) { return defaulted_value(name, Literal::int32(1)); }
ParameterDefinition factor(std::string_view name) {
  ParameterDefinition parameter = defaulted_value(name, Literal::int32(1));
  parameter.expect = Expect::number;
  return parameter;
}
ParameterDefinition word(std::string_view name, const char* value) { return defaulted(name, Literal::string(value)); }

// How affine and resample look up a place, and what stands outside the image.
void add_sampling(std::vector<ParameterDefinition>& parameters) {
  for (const std::string_view name : {"sampling_mode", "padding_mode", "coordinates_mode"}) {
    parameters.push_back(constant(name, Expect::text));
  }
  parameters.push_back(constant("padding_value", Expect::number));
  parameters.push_back(constant("align_corners", Expect::boolean));
}

}  // namespace

std::vector<OperationDefinition> images() {
  constexpr std::string_view kCategory = "image resizing";
  std::vector<OperationDefinition> table = {
      {"crop",
       "ios15",
       kCategory,
       {value("x"), constant("crop_height", Expect::integers), constant("crop_width", Expect::integers)},
       infer_crop},
      {"crop_resize",
       "ios15",
       kCategory,
       {value("x"), optional_value("boxes"), optional_value("roi"), size_value("target_height"),
        size_value("target_width"), defaulted_flag("normalized_coordinates", false),
        defaulted_number("spatial_scale", 1.0), word("box_coordinate_mode", "CORNERS_HEIGHT_FIRST"),
        word("sampling_mode", "DEFAULT"), defaulted_number("pad_value", 0.0),
        optional_value("box_indices", Expect::integers)},
       infer_crop_resize},
      {"resize",
       "ios17",
       kCategory,
       {value("x"), value("shape", Expect::integers), constant("resized_dims", Expect::integer),
        word("interpolation_mode", "LINEAR"), word("sampling_mode", "DEFAULT")},
       infer_resize},
      {"resize_bilinear",
       "ios15",
       kCategory,
       {value("x"), size_value("target_size_height"), size_value("target_size_width"),
        word("sampling_mode", "DEFAULT")},
       infer_resize_to},
      {"resize_nearest_neighbor",
       "ios15",
       kCategory,
       {value("x"), value("target_size_height", Expect::integer), value("target_size_width", Expect::integer)},
       infer_resize_to},
      {"upsample_bilinear",
       "ios15",
       kCategory,
       {value("x"), factor("scale_factor_height"), factor("scale_factor_width"), defaulted_flag("align_corners", true),
        optional_constant("half_pixel_centers", Expect::boolean)},
       infer_upsample},
      {"upsample_nearest_neighbor",
       "ios15",
       kCategory,
       {value("x"), factor("scale_factor_height"), factor("scale_factor_width")},
       infer_upsample},
      {"affine",
       "ios15",
       kCategory,
       {value("x"), value("transform_matrix"), value("output_height", Expect::integer),
        value("output_width", Expect::integer)},
       infer_affine},
      {"resample", "ios15", kCategory, {value("x"), value("coordinates")}, infer_resample},
  };
  add_sampling(table[table.size() - 2].parameters);
  add_sampling(table[table.size() - 1].parameters);
  return table;
}

}  // namespace millwright::mil::operations
