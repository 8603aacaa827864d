#include "mil/container/feature_decoder.h"

#include <algorithm>

namespace millwright::mil {
namespace {

using namespace wire;  // the field numbers; this file is about nothing else

// A repeated int64, packed or one by one.
void add_sizes(protozero::pbf_reader& reader, uint32_t field, Shape& sizes) {
  if (reader.tag_and_type() == delimited(field)) {
    for (const int64_t size : reader.get_packed_int64()) sizes.push_back(size);
  } else if (reader.tag_and_type() == varint(field)) {
    sizes.push_back(reader.get_int64());
  } else {
    reader.skip();
  }
}

// Calls visit with every message in the field `field` of a message.
template <typename Visit>
void for_each_message(View bytes, uint32_t field, Visit visit) {
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() == delimited(field)) {
      visit(reader.get_view());
    } else {
      reader.skip();
    }
  }
}

Shape decode_shape(View bytes) {
  Shape shape;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) add_sizes(reader, kOnly, shape);
  return shape;
}

void decode_range(View bytes, std::vector<int64_t>& ranges) {
  constexpr uint32_t kLower = 1, kUpper = 2;  // of SizeRange
  uint64_t lower = 0;
  int64_t upper = 0;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case varint(kLower):
        lower = reader.get_uint64();
        break;
      case varint(kUpper):
        upper = reader.get_int64();
        break;
      default:
        reader.skip();
    }
  }
  ranges.push_back(static_cast<int64_t>(std::min<uint64_t>(lower, INT32_MAX)));
  ranges.push_back(upper);
}

FlexibleShape decode_array(View bytes) {
  FlexibleShape shape;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(array::kEnumeratedShapes):
        for_each_message(reader.get_view(), kOnly, [&](View one) { shape.shapes.push_back(decode_shape(one)); });
        break;
      case delimited(array::kShapeRange):
        for_each_message(reader.get_view(), kOnly, [&](View range) { decode_range(range, shape.ranges); });
        break;
      default:
        add_sizes(reader, array::kShape, shape.default_shape);
    }
  }
  return shape;
}

void decode_feature(View bytes, FunctionFeatures& features) {
  std::string name;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(feature::kName):
        name = text(reader.get_view());
        break;
      case delimited(feature::kType):
        for_each_message(reader.get_view(), feature_type::kMultiArray,
                         [&](View array) { features.inputs.emplace_back(std::string(), decode_array(array)); });
        break;
      default:
        reader.skip();
    }
  }
  if (!features.inputs.empty() && features.inputs.back().first.empty()) features.inputs.back().first = name;
}

FunctionFeatures decode_function_features(View bytes) {
  FunctionFeatures features;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(function_description::kName):
        features.function = text(reader.get_view());
        break;
      case delimited(function_description::kInput):
        decode_feature(reader.get_view(), features);
        break;
      default:
        reader.skip();
    }
  }
  return features;
}

}  // namespace

std::vector<FunctionFeatures> decode_features(View description) {
  std::vector<FunctionFeatures> all(1);
  for_each_message(description, description::kInput, [&](View bytes) { decode_feature(bytes, all.front()); });
  for_each_message(description, description::kFunctions,
                   [&](View bytes) { all.push_back(decode_function_features(bytes)); });
  return all;
}

void add_flexible_shapes(Program& program, const std::vector<FunctionFeatures>& features) {
  for (const FunctionFeatures& described : features) {
    Function* function = program.function(described.function.empty() ? "main" : described.function);
    if (function == nullptr) continue;
    auto& attributes = function->attributes();
    if (std::ranges::find(attributes, kFlexibleShapes, &Attribute::name) != attributes.end()) continue;
    std::vector<std::pair<std::string, FlexibleShape>> flexible;
    for (const auto& [name, shape] : described.inputs) {
      const Value* input = function->input(name);
      if (input == nullptr || !input->type().is_tensor() || is_static(input->type().shape())) continue;
      if (shape.default_shape.size() == input->type().shape().size()) flexible.emplace_back(name, shape);
    }
    if (!flexible.empty()) attributes.push_back(flexible_shapes_attribute(flexible));
  }
}

}  // namespace millwright::mil
