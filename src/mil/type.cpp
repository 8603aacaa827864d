#include "mil/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"

namespace millwright::mil {
namespace {

struct ElementInfo {
  ElementType element;
  std::string_view name;
  uint8_t bytes;
  enum class Class : uint8_t { other, floating, signed_integer, unsigned_integer } kind;
};

constexpr auto kFloating = ElementInfo::Class::floating;
constexpr auto kSigned = ElementInfo::Class::signed_integer;
constexpr auto kUnsigned = ElementInfo::Class::unsigned_integer;

// In the order of the enumeration, so that an element indexes its row.
constexpr std::array<ElementInfo, 22> kElements = {{
    {ElementType::boolean, "bool", 1, ElementInfo::Class::other},
    {ElementType::string, "string", 0, ElementInfo::Class::other},
    {ElementType::fp16, "fp16", 2, kFloating},
    {ElementType::bf16, "bf16", 2, kFloating},
    {ElementType::fp32, "fp32", 4, kFloating},
    {ElementType::fp64, "fp64", 8, kFloating},
    {ElementType::fp8e4m3fn, "fp8e4m3fn", 1, kFloating},
    {ElementType::fp8e5m2, "fp8e5m2", 1, kFloating},
    {ElementType::int4, "int4", 1, kSigned},
    {ElementType::int8, "int8", 1, kSigned},
    {ElementType::int16, "int16", 2, kSigned},
    {ElementType::int32, "int32", 4, kSigned},
    {ElementType::int64, "int64", 8, kSigned},
    {ElementType::uint1, "uint1", 1, kUnsigned},
    {ElementType::uint2, "uint2", 1, kUnsigned},
    {ElementType::uint3, "uint3", 1, kUnsigned},
    {ElementType::uint4, "uint4", 1, kUnsigned},
    {ElementType::uint6, "uint6", 1, kUnsigned},
    {ElementType::uint8, "uint8", 1, kUnsigned},
    {ElementType::uint16, "uint16", 2, kUnsigned},
    {ElementType::uint32, "uint32", 4, kUnsigned},
    {ElementType::uint64, "uint64", 8, kUnsigned},
}};

const ElementInfo& info(ElementType element) { return kElements[static_cast<size_t>(element)]; }

std::string dimension_text(int64_t size) { return size == kUnknownDimension ? "?" : std::to_string(size); }

}  // namespace

std::string_view element_name(ElementType element) { return info(element).name; }

std::optional<ElementType> element_from_name(std::string_view name) {
  const auto found = std::ranges::find(kElements, name, &ElementInfo::name);
  if (found == kElements.end()) return std::nullopt;
  return found->element;
}

size_t element_bytes(ElementType element) { return info(element).bytes; }
bool is_floating(ElementType element) { return info(element).kind == kFloating; }
bool is_integer(ElementType element) { return info(element).kind == kSigned || info(element).kind == kUnsigned; }
bool is_signed_integer(ElementType element) { return info(element).kind == kSigned; }

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += ", ";
    text += dimension_text(shape[axis]);
  }
  return text + "]";
}

bool is_static(const Shape& shape) {
  return std::ranges::all_of(shape, [](int64_t size) { return size >= 0; });
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    MW_CHECK(size >= 0, "element count of the dynamic shape {}", shape_text(shape));
    MW_CHECK(size == 0 || count <= std::numeric_limits<int64_t>::max() / size, "shape {} overflows", shape_text(shape));
    count *= size;
  }
  return count;
}

std::vector<int64_t> contiguous_strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t axis = 0; axis < shorter.size(); ++axis) {
    int64_t& size = result[offset + axis];
    const int64_t other = shorter[axis];
    if (size == other || other == 1) continue;
    if (size == 1) {
      size = other;
    } else if (size == kUnknownDimension) {
      size = other;  // the unknown one must turn out to be 1 or equal
    } else if (other != kUnknownDimension) {
      return std::nullopt;
    }
  }
  return result;
}

// The data of every scalar type, in the order of the enumeration. Never destroyed: static types may outlive any order.
struct Type::Scalars {
  std::array<Data, kElements.size()> data;

  static Data* of(ElementType element) {
    static Scalars& all = *new Scalars();
    return &all.data[static_cast<size_t>(element)];
  }

 private:
  Scalars() {
    for (const ElementInfo& row : kElements) {
      Data& scalar = data[static_cast<size_t>(row.element)];
      scalar.kind = Kind::tensor;
      scalar.element = row.element;
      scalar.counted = false;
    }
  }
};

Type Type::scalar(ElementType element) { return Type(Scalars::of(element)); }

Type Type::tensor(ElementType element, Shape shape) {
  if (shape.empty()) return scalar(element);
  return Type(new Data{.kind = Kind::tensor, .element = element, .shape = std::move(shape), .arguments = {}});
}

Type Type::opened(Shape sizes) const {
  uint32_t open_axes = 0;
  for (size_t axis = 0; axis < std::min<size_t>(shape().size(), 32); ++axis) {
    if (is_open(axis)) open_axes |= uint32_t{1} << axis;
  }
  Type result = with_shape(std::move(sizes));
  if (open_axes != 0) result.data_->open_axes = open_axes;
  return result;
}

Type Type::list(Type element, int64_t length) {
  return Type(new Data{.kind = Kind::list,
                       .element = ElementType::boolean,
                       .length = length,
                       .shape = {},
                       .arguments = {std::move(element)}});
}

Type Type::tuple(std::vector<Type> elements) {
  return Type(
      new Data{.kind = Kind::tuple, .element = ElementType::boolean, .shape = {}, .arguments = std::move(elements)});
}

Type Type::dict(Type key, Type value) {
  return Type(new Data{.kind = Kind::dict,
                       .element = ElementType::boolean,
                       .shape = {},
                       .arguments = {std::move(key), std::move(value)}});
}

Type Type::state(Type wrapped) {
  return Type(
      new Data{.kind = Kind::state, .element = ElementType::boolean, .shape = {}, .arguments = {std::move(wrapped)}});
}

void Type::destroy(Data* data) { delete data; }

void Type::refuse(std::string_view what) const {
  MW_CHECK(false, "{} of {}", what, type_text(*this));
  std::abort();
}

bool Type::equals(const Type& other) const {
  if (kind() != other.kind()) return false;
  if (is_tensor()) return element() == other.element() && shape() == other.shape();
  return list_length() == other.list_length() && arguments() == other.arguments();
}

std::string type_text(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::tensor:
      if (type.is_scalar()) return std::string(element_name(type.element()));
      return fmt::format("tensor<{}, {}>", element_name(type.element()), shape_text(type.shape()));
    case Type::Kind::list:
      return fmt::format("list<{}, {}>", type_text(type.arguments()[0]), dimension_text(type.list_length()));
    case Type::Kind::tuple: {
      std::vector<std::string> parts;
      for (const Type& part : type.arguments()) parts.push_back(type_text(part));
      return fmt::format("tuple<{}>", fmt::join(parts, ", "));
    }
    case Type::Kind::dict:
      return fmt::format("dict<{}, {}>", type_text(type.arguments()[0]), type_text(type.arguments()[1]));
    case Type::Kind::state:
      return fmt::format("state<{}>", type_text(type.arguments()[0]));
  }
  return {};
}

}  // namespace millwright::mil
