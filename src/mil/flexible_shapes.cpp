#include "mil/flexible_shapes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>

namespace millwright::mil {
namespace {

constexpr std::string_view kDefaultShapes = "DefaultShapes";
constexpr std::string_view kEnumeratedShapes = "EnumeratedShapes";
constexpr std::string_view kRangeDims = "RangeDims";

bool is_text(const Literal& literal) {
  return literal.type().is_scalar() && literal.type().element() == ElementType::string && !literal.is_blob();
}

bool is_integers(const Literal& literal) {
  return literal.type().is_tensor() && is_integer(literal.type().element()) && literal.has_elements();
}

// The value of `key` in a dictionary from text.
const Literal* find(const Literal& dictionary, std::string_view key) {
  if (dictionary.type().kind() != Type::Kind::dict) return nullptr;
  for (const auto& [name, mapped] : dictionary.pairs()) {
    if (is_text(name) && name.as_string() == key) return &mapped;
  }
  return nullptr;
}

std::vector<int64_t> ranges_of(const Literal& ranges) {
  if (ranges.type().kind() != Type::Kind::list) return {};
  std::vector<int64_t> bounds;
  for (const Literal& range : ranges.items()) {
    if (!is_integers(range) || range.as_integers().size() != 2) return {};
    for (const int64_t bound : range.as_integers()) bounds.push_back(bound);
  }
  return bounds;
}

std::vector<Shape> shapes_of(const Literal& enumerated, std::string_view input) {
  if (enumerated.type().kind() != Type::Kind::dict) return {};
  std::vector<Shape> shapes;
  for (const auto& entry : enumerated.pairs()) {
    const Literal* shape = find(entry.second, input);
    if (shape != nullptr && is_integers(*shape)) shapes.push_back(shape->as_integers());
  }
  return shapes;
}

const Type& text_type() {
  static const Type type = Type::scalar(ElementType::string);
  return type;
}
const Type& shape_type() {
  static const Type type = Type::tensor(ElementType::int32, {kUnknownDimension});
  return type;
}

Literal shape_literal(const Shape& shape) {
  std::vector<std::byte> bytes(shape.size() * element_bytes(ElementType::int32));
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t size = std::clamp<int64_t>(shape[i], INT32_MIN, INT32_MAX);
    store_integer(ElementType::int32, size, &bytes[i * element_bytes(ElementType::int32)]);
  }
  return Literal::bytes(Type::tensor(ElementType::int32, {static_cast<int64_t>(shape.size())}), std::move(bytes));
}

Literal tagged(std::string_view tag, Literal content) {
  const Type type = Type::tuple({text_type(), content.type()});
  return Literal::items(type, {Literal::string(std::string(tag)), std::move(content)});
}

using Inputs = std::vector<std::pair<std::string, FlexibleShape>>;

Literal default_shapes(const Inputs& inputs) {
  std::vector<Literal::Pair> pairs;
  for (const auto& [name, shape] : inputs)
    pairs.emplace_back(Literal::string(name), shape_literal(shape.default_shape));
  return Literal::dictionary(Type::dict(text_type(), shape_type()), std::move(pairs));
}

Literal range_dims(const Inputs& inputs) {
  const Type list = Type::list(Type::tensor(ElementType::int32, {2}), kUnknownDimension);
  std::vector<Literal::Pair> pairs;
  for (const auto& [name, shape] : inputs) {
    std::vector<Literal> ranges;
    for (size_t i = 0; i + 1 < shape.ranges.size(); i += 2) {
      ranges.push_back(shape_literal({shape.ranges[i], shape.ranges[i + 1]}));
    }
    pairs.emplace_back(Literal::string(name), Literal::items(list, std::move(ranges)));
  }
  return Literal::dictionary(Type::dict(text_type(), list), std::move(pairs));
}

// Sets of shapes, one of each input; their keys have no meaning but to differ.
Literal enumerated_shapes(const Inputs& inputs) {
  const Type of_inputs = Type::dict(text_type(), shape_type());
  size_t sets = 0;
  for (const auto& [name, shape] : inputs) sets = std::max(sets, shape.shapes.size());
  std::vector<Literal::Pair> pairs;
  for (size_t i = 0; i < sets; ++i) {
    std::vector<Literal::Pair> set;
    for (const auto& [name, shape] : inputs) {
      if (i < shape.shapes.size()) set.emplace_back(Literal::string(name), shape_literal(shape.shapes[i]));
    }
    pairs.emplace_back(Literal::string(fmt::format("{:08x}", i)), Literal::dictionary(of_inputs, std::move(set)));
  }
  return Literal::dictionary(Type::dict(text_type(), of_inputs), std::move(pairs));
}

}  // namespace

FlexibleShape flexible_shape(const Function& function, std::string_view input) {
  FlexibleShape shape;
  const auto& attributes = function.attributes();
  const auto found = std::ranges::find(attributes, kFlexibleShapes, &Attribute::name);
  if (found == attributes.end() || found->value.type().kind() != Type::Kind::tuple) return shape;
  for (const Literal& item : found->value.items()) {
    if (item.type().kind() != Type::Kind::tuple || item.items().size() != 2 || !is_text(item.items()[0])) continue;
    const std::string& what = item.items()[0].as_string();
    const Literal& content = item.items()[1];
    if (what == kEnumeratedShapes) shape.shapes = shapes_of(content, input);
    const Literal* of_input = find(content, input);
    if (of_input == nullptr) continue;
    if (what == kDefaultShapes && is_integers(*of_input)) shape.default_shape = of_input->as_integers();
    if (what == kRangeDims) shape.ranges = ranges_of(*of_input);
  }
  return shape;
}

Status check_shape(const FlexibleShape& allowed, const Shape& shape) {
  if (!allowed.shapes.empty()) {
    // Counted up with or without the default.
    if (std::ranges::find(allowed.shapes, shape) != allowed.shapes.end() || shape == allowed.default_shape) return {};
    std::vector<std::string> texts;
    for (const Shape& each : allowed.shapes) texts.push_back(shape_text(each));
    return fail("the program allows {}, found {}", fmt::join(texts, ", "), shape_text(shape));
  }
  if (allowed.ranges.size() != 2 * shape.size()) return {};
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t lower = allowed.ranges[2 * axis];
    const int64_t upper = allowed.ranges[2 * axis + 1];
    if (shape[axis] >= lower && (upper < 0 || shape[axis] <= upper)) continue;
    const std::string range = upper < 0 ? fmt::format("{} or more", lower) : fmt::format("{} to {}", lower, upper);
    return fail("the program allows {} along axis {}, found {}", range, axis, shape[axis]);
  }
  return {};
}

Attribute flexible_shapes_attribute(const Inputs& inputs) {
  const auto any = [&](const auto& has) { return std::ranges::any_of(inputs, has); };
  std::vector<Literal> items = {tagged(kDefaultShapes, default_shapes(inputs))};
  if (any([](const auto& input) { return !input.second.ranges.empty(); })) {
    items.push_back(tagged(kRangeDims, range_dims(inputs)));
  } else if (any([](const auto& input) { return !input.second.shapes.empty(); })) {
    items.push_back(tagged(kEnumeratedShapes, enumerated_shapes(inputs)));
  }
  std::vector<Type> types;
  for (const Literal& item : items) types.push_back(item.type());
  return {std::string(kFlexibleShapes), Literal::items(Type::tuple(std::move(types)), std::move(items))};
}

}  // namespace millwright::mil
