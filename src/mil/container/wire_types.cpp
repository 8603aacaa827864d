#include "mil/container/wire_types.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "mil/parser.h"

namespace millwright::mil::wire {
namespace {

struct DataType {
  ElementType element;
  uint32_t number;
};

constexpr std::array<DataType, 22> kDataTypes = {{
    {ElementType::boolean, 1},    {ElementType::string, 2},   {ElementType::fp16, 10},   {ElementType::fp32, 11},
    {ElementType::fp64, 12},      {ElementType::bf16, 13},    {ElementType::int8, 21},   {ElementType::int16, 22},
    {ElementType::int32, 23},     {ElementType::int64, 24},   {ElementType::int4, 25},   {ElementType::uint8, 31},
    {ElementType::uint16, 32},    {ElementType::uint32, 33},  {ElementType::uint64, 34}, {ElementType::uint4, 35},
    {ElementType::uint2, 36},     {ElementType::uint1, 37},   {ElementType::uint6, 38},  {ElementType::uint3, 39},
    {ElementType::fp8e4m3fn, 40}, {ElementType::fp8e5m2, 41},
}};

Result<int64_t> decode_constant(View bytes) {
  uint64_t size = 0;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() == varint(kOnly)) {
      size = reader.get_uint64();
    } else {
      reader.skip();
    }
  }
  if (size > static_cast<uint64_t>(kLargestElementCount))
    return fail("expected a size that can be counted, found {}", size);
  return static_cast<int64_t>(size);
}

Result<int64_t> decode_unknown(View bytes) {
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() != varint(kOnly)) {
      reader.skip();
    } else if (reader.get_bool()) {
      return fail("expected one unknown size, found any number of them (a variadic dimension)");
    }
  }
  return kUnknownDimension;
}

Result<int64_t> decode_dimension(View bytes) {
  std::optional<int64_t> size;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(dimension::kConstant): {
        MW_ASSIGN(size, decode_constant(reader.get_view()));
        break;
      }
      case delimited(dimension::kUnknown): {
        MW_ASSIGN(size, decode_unknown(reader.get_view()));
        break;
      }
      default:
        reader.skip();
    }
  }
  if (!size) return fail("expected a known or unknown size in a dimension, found neither");
  return *size;
}

Status check_shape(const Shape& shape, int64_t rank) {
  if (rank < 0) return fail("expected a tensor type of known rank, found rank {}", rank);
  if (rank != static_cast<int64_t>(shape.size())) {
    return fail("expected {} dimensions in a tensor type as its rank says, found {}", rank, shape.size());
  }
  int64_t product = 1;
  for (const int64_t size : shape) {
    if (size <= 1) continue;
    if (product > kLargestElementCount / size) {
      return fail("the shape {} has more elements than can be counted", shape_text(shape));
    }
    product *= size;
  }
  return {};
}

Result<Type> decode_tensor(View bytes) {
  uint64_t number = 0;
  int64_t rank = 0;
  Shape shape;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case varint(tensor_type::kDataType):
        number = reader.get_uint64();
        break;
      case varint(tensor_type::kRank):
        rank = reader.get_int64();
        break;
      case delimited(tensor_type::kDimensions): {
        MW_ASSIGN(const int64_t size, decode_dimension(reader.get_view()));
        if (shape.size() == static_cast<size_t>(kMaximumNesting)) {
          return fail("expected at most {} axes in a tensor", kMaximumNesting);
        }
        shape.push_back(size);
        break;
      }
      default:
        reader.skip();
    }
  }
  const std::optional<ElementType> element = element_from_data_type(number);
  if (!element) return fail("expected the number of an element type, found {}", number);
  MW_TRY(check_shape(shape, rank));
  return Type::tensor(*element, std::move(shape));
}

Result<Type> decode_list(View bytes, int depth) {
  std::optional<Type> element;
  int64_t length = kUnknownDimension;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(list_type::kType): {
        MW_ASSIGN(element, decode_type(reader.get_view(), depth + 1));
        break;
      }
      case delimited(list_type::kLength): {
        MW_ASSIGN(length, decode_dimension(reader.get_view()));
        break;
      }
      default:
        reader.skip();
    }
  }
  if (!element) return fail("expected the element type of a list, found none");
  return Type::list(std::move(*element), length);
}

// The types of a tuple, or the one type in a state.
Result<std::vector<Type>> decode_parts(View bytes, int depth, std::string_view family) {
  std::vector<Type> parts;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() != delimited(kOnly)) {
      reader.skip();
      continue;
    }
    MW_ASSIGN(Type part, decode_type(reader.get_view(), depth + 1));
    parts.push_back(std::move(part));
  }
  if (parts.empty() && family != "tuple") return fail("expected the types in a {}, found none", family);
  return parts;
}

Result<Type> decode_dictionary(View bytes, int depth) {
  std::optional<Type> key;
  std::optional<Type> mapped;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(dictionary_type::kKey): {
        MW_ASSIGN(key, decode_type(reader.get_view(), depth + 1));
        break;
      }
      case delimited(dictionary_type::kValue): {
        MW_ASSIGN(mapped, decode_type(reader.get_view(), depth + 1));
        break;
      }
      default:
        reader.skip();
    }
  }
  if (!key || !mapped) return fail("expected the types of key and value in a dictionary");
  return Type::dict(std::move(*key), std::move(*mapped));
}

// Protozero drops a nested message without content, but presence is what tells the two kinds of dimension apart: both
// are written as bytes.
void encode_dimension(protozero::pbf_writer& parent, uint32_t field, int64_t size) {
  std::string inside;
  protozero::pbf_writer writer(inside);
  if (size > 0) writer.add_uint64(kOnly, static_cast<uint64_t>(size));
  protozero::pbf_writer message(parent, field);
  message.add_message(size == kUnknownDimension ? dimension::kUnknown : dimension::kConstant, inside);
}

void encode_tensor(protozero::pbf_writer& parent, const Type& type) {
  protozero::pbf_writer message(parent, value_type::kTensor);
  message.add_enum(tensor_type::kDataType, static_cast<int32_t>(data_type(type.element())));
  if (type.rank() > 0) message.add_int64(tensor_type::kRank, type.rank());
  for (const int64_t size : type.shape()) encode_dimension(message, tensor_type::kDimensions, size);
}

}  // namespace

uint32_t data_type(ElementType element) {
  const auto found = std::ranges::find(kDataTypes, element, &DataType::element);
  MW_CHECK(found != kDataTypes.end(), "no number for {}", element_name(element));
  return found->number;
}

std::optional<ElementType> element_from_data_type(uint64_t number) {
  const auto found = std::ranges::find(kDataTypes, number, &DataType::number);
  if (found == kDataTypes.end()) return std::nullopt;
  return found->element;
}

Result<Type> decode_type(View bytes, int depth) {
  if (depth >= kMaximumNesting) return fail("expected types at most {} deep inside each other", kMaximumNesting);
  std::optional<Type> type;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(value_type::kTensor): {
        MW_ASSIGN(type, decode_tensor(reader.get_view()));
        break;
      }
      case delimited(value_type::kList): {
        MW_ASSIGN(type, decode_list(reader.get_view(), depth));
        break;
      }
      case delimited(value_type::kTuple): {
        MW_ASSIGN(std::vector<Type> parts, decode_parts(reader.get_view(), depth, "tuple"));
        type = Type::tuple(std::move(parts));
        break;
      }
      case delimited(value_type::kDictionary): {
        MW_ASSIGN(type, decode_dictionary(reader.get_view(), depth));
        break;
      }
      case delimited(value_type::kState): {
        MW_ASSIGN(std::vector<Type> parts, decode_parts(reader.get_view(), depth, "state"));
        type = Type::state(std::move(parts.front()));
        break;
      }
      default:
        reader.skip();
    }
  }
  if (!type) return fail("expected a type of a kind we know, found none");
  return std::move(*type);
}

void encode_type(protozero::pbf_writer& parent, uint32_t field, const Type& type) {
  protozero::pbf_writer message(parent, field);
  switch (type.kind()) {
    case Type::Kind::tensor:
      encode_tensor(message, type);
      return;
    case Type::Kind::list: {
      protozero::pbf_writer list(message, value_type::kList);
      encode_type(list, list_type::kType, type.arguments()[0]);
      encode_dimension(list, list_type::kLength, type.list_length());
      return;
    }
    case Type::Kind::tuple: {
      if (type.arguments().empty()) return message.add_message(value_type::kTuple, std::string());
      protozero::pbf_writer tuple(message, value_type::kTuple);
      for (const Type& part : type.arguments()) encode_type(tuple, kOnly, part);
      return;
    }
    case Type::Kind::dict: {
      protozero::pbf_writer dict(message, value_type::kDictionary);
      encode_type(dict, dictionary_type::kKey, type.arguments()[0]);
      encode_type(dict, dictionary_type::kValue, type.arguments()[1]);
      return;
    }
    case Type::Kind::state: {
      protozero::pbf_writer state(message, value_type::kState);
      encode_type(state, kOnly, type.arguments()[0]);
      return;
    }
  }
}

}  // namespace millwright::mil::wire
