// The Value half of wire_types.h. Which field of TensorValue an element type uses is what Apple's converter writes
// (coremltools, converters/mil/backend/mil/helper.py): whole bytes for fp16, int8, uint8 and uint32, integers for
// int16, uint16 and int32. Element types that it never writes inline go into bytes, packed below a byte as in weight
// files.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "mil/blob/blob_format.h"
#include "mil/container/wire_types.h"

namespace millwright::mil::wire {
namespace {

// The elements of a TensorValue, in the form that its field has.
struct Elements {
  uint32_t field = 0;               // which of tensor_value
  std::vector<int64_t> integers;    // kInts, kLongInts, kBools
  std::vector<double> numbers;      // kDoubles
  std::vector<float> floats;        // kFloats
  std::vector<SharedText> strings;  // kStrings
  std::string_view bytes;           // kBytes

  size_t count() const {
    switch (field) {
      case tensor_value::kFloats:
        return floats.size();
      case tensor_value::kDoubles:
        return numbers.size();
      case tensor_value::kStrings:
        return strings.size();
      case tensor_value::kBytes:
        return bytes.size();
      default:
        return integers.size();
    }
  }
};

// Repeated numbers may come packed or one by one, whatever the schema says; protobuf readers take both.
void read_elements(View bytes, Elements& elements) {
  protozero::pbf_reader reader(bytes);
  const uint32_t field = elements.field;
  while (reader.next()) {
    const uint32_t tag = reader.tag_and_type();
    if (tag == delimited(kOnly) && field == tensor_value::kFloats) {
      for (const float value : reader.get_packed_float()) elements.floats.push_back(value);
    } else if (tag == fixed32(kOnly) && field == tensor_value::kFloats) {
      elements.floats.push_back(reader.get_float());
    } else if (tag == delimited(kOnly) && field == tensor_value::kDoubles) {
      for (const double value : reader.get_packed_double()) elements.numbers.push_back(value);
    } else if (tag == fixed64(kOnly) && field == tensor_value::kDoubles) {
      elements.numbers.push_back(reader.get_double());
    } else if (tag == delimited(kOnly) && field == tensor_value::kStrings) {
      elements.strings.emplace_back(text(reader.get_view()));
    } else if (tag == delimited(kOnly) && field == tensor_value::kBytes) {
      elements.bytes = text(reader.get_view());
    } else if (tag == delimited(kOnly) && field == tensor_value::kInts) {
      for (const int32_t value : reader.get_packed_int32()) elements.integers.push_back(value);
    } else if (tag == varint(kOnly) && field == tensor_value::kInts) {
      elements.integers.push_back(reader.get_int32());
    } else if (tag == delimited(kOnly)) {
      for (const int64_t value : reader.get_packed_int64()) elements.integers.push_back(value);
    } else if (tag == varint(kOnly)) {
      elements.integers.push_back(reader.get_int64());
    } else {
      reader.skip();
    }
  }
}

Elements read_tensor_value(View bytes) {
  Elements elements;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    const uint32_t field = reader.tag();
    const bool known = field >= tensor_value::kFloats && field <= tensor_value::kBytes;
    if (!known || reader.tag_and_type() != delimited(field)) {
      reader.skip();
      continue;
    }
    elements = Elements();
    elements.field = field;
    read_elements(reader.get_view(), elements);
  }
  return elements;
}

// The shape with its `?` found from the count of elements.
Result<Shape> resolved_shape(const Type& type, uint64_t count) {
  Shape shape = type.shape();
  uint64_t known = 1;
  int64_t* unknown = nullptr;
  for (int64_t& size : shape) {
    if (size != kUnknownDimension) {
      known *= static_cast<uint64_t>(size);
    } else if (unknown != nullptr) {
      return fail("expected at most one unknown size in the type of a value, found {}", type_text(type));
    } else {
      unknown = &size;
    }
  }
  if (unknown != nullptr) *unknown = known == 0 ? 0 : static_cast<int64_t>(count / known);
  const uint64_t wanted = unknown == nullptr ? known : known * static_cast<uint64_t>(*unknown);
  if (wanted != count) return fail("expected the elements of {}, found {}", type_text(type), count);
  return shape;
}

// In text an empty tensor shows the brackets of the axes in front of the empty one.
Status check_empty(const Shape& shape) {
  constexpr int64_t kMostBrackets = int64_t{1} << 16;
  int64_t brackets = 1;
  for (const int64_t size : shape) {
    if (size == 0) return {};
    if (brackets > kMostBrackets / size) {
      return fail("expected at most {} rows in front of an empty axis, found the shape {}", kMostBrackets,
                  shape_text(shape));
    }
    brackets *= size;
  }
  return {};
}

// Elements that fill `bytes` of the wire.
uint64_t count_in_bytes(const Type& type, size_t bytes) {
  const ElementType element = type.element();
  if (!is_packed(element)) return bytes / element_bytes(element);
  // The bits at the end may be padding or elements: a known shape decides.
  uint64_t known = 1;
  for (const int64_t size : type.shape()) {
    if (size == kUnknownDimension) return 8 * uint64_t{bytes} / blob_bits(element);
    known *= static_cast<uint64_t>(size);
  }
  return known == bytes || blob_bytes(element, known) == bytes ? known : bytes;
}

Result<Literal> from_bytes(const Type& type, std::string_view bytes) {
  const ElementType element = type.element();
  const size_t width = element_bytes(element);
  const auto source = std::as_bytes(std::span(bytes));
  const uint64_t count = count_in_bytes(type, bytes.size());
  MW_ASSIGN(Shape shape, resolved_shape(type, count));
  if (count == 0) MW_TRY(check_empty(shape));
  Type found = type.with_shape(std::move(shape));
  if (is_packed(element)) {
    if (blob_bytes(element, count) == bytes.size()) return Literal::bytes(found, unpack(element, source, count));
    // One byte per element: through the packed form, so that no stray high bits stay.
    return Literal::bytes(found, unpack(element, pack(element, source), count));
  }
  if (bytes.size() % width != 0) {
    return fail("expected whole elements of {}, found {} bytes", element_name(element), bytes.size());
  }
  std::vector<std::byte> elements(source.begin(), source.end());
  if (element == ElementType::boolean) {
    for (std::byte& flag : elements) flag = static_cast<std::byte>(flag != std::byte{0});
  }
  return Literal::bytes(found, std::move(elements));
}

Status store_integer_checked(ElementType element, int64_t value, std::byte* destination) {
  if (element == ElementType::boolean) {
    store_integer(element, value, destination);
    return {};
  }
  // A uint64 comes as the int64 of the same bits.
  const auto [lowest, highest] = integer_range(element);
  if (element != ElementType::uint64 && (value < lowest || value > highest)) {
    return fail("{} does not fit {}", value, element_name(element));
  }
  store_integer(element, value, destination);
  return {};
}

// Whether a field of TensorValue may hold elements of this type.
bool may_hold(uint32_t field, ElementType element) {
  switch (field) {
    case tensor_value::kFloats:
    case tensor_value::kDoubles:
      return is_floating(element);
    case tensor_value::kInts:
    case tensor_value::kLongInts:
      return is_integer(element);
    case tensor_value::kBools:
      return element == ElementType::boolean;
    case tensor_value::kStrings:
      return element == ElementType::string;
    case tensor_value::kBytes:
      return element != ElementType::string;
    default:
      return true;  // nothing there: an empty tensor
  }
}

Result<Literal> decode_tensor_value(View message, const Type& type) {
  if (!type.is_tensor()) return fail("expected a value of {}, found a tensor", type_text(type));
  const ElementType element = type.element();
  Elements elements = read_tensor_value(message);
  if (!may_hold(elements.field, element)) {
    return fail("expected the elements of {} in a field for them, found field {}", type_text(type), elements.field);
  }
  if (elements.field == tensor_value::kBytes) return from_bytes(type, elements.bytes);
  const size_t count = elements.count();
  MW_ASSIGN(Shape shape, resolved_shape(type, count));
  if (count == 0) MW_TRY(check_empty(shape));
  Type found = type.with_shape(std::move(shape));
  if (element == ElementType::string) return Literal::strings(found, std::move(elements.strings));
  const size_t width = element_bytes(element);
  std::vector<std::byte> storage(count * width);
  for (size_t i = 0; i < count; ++i) {
    std::byte* const destination = storage.data() + i * width;
    if (elements.field == tensor_value::kFloats && element == ElementType::fp32) {
      std::memcpy(destination, &elements.floats[i], width);  // bit by bit, so that every NaN stays what it is
    } else if (elements.field == tensor_value::kFloats) {
      store_number(element, static_cast<double>(elements.floats[i]), destination);
    } else if (elements.field == tensor_value::kDoubles) {
      store_number(element, elements.numbers[i], destination);
    } else {
      MW_TRY(store_integer_checked(element, elements.integers[i], destination));
    }
  }
  return Literal::bytes(found, std::move(storage));
}

bool sizes_fit(int64_t declared, int64_t found) { return declared == kUnknownDimension || declared == found; }

// Whether a part of type `found` may stand where `declared` was said.
bool fits(const Type& declared, const Type& found) {
  if (declared.kind() != found.kind()) return false;
  if (declared.is_tensor()) {
    return declared.element() == found.element() && std::ranges::equal(declared.shape(), found.shape(), sizes_fit);
  }
  if (declared.kind() == Type::Kind::list && !sizes_fit(declared.list_length(), found.list_length())) return false;
  return std::ranges::equal(declared.arguments(), found.arguments(), fits);
}

Result<Literal> decode_items(View bytes, const Type& type) {
  const bool is_tuple = type.kind() == Type::Kind::tuple;
  std::vector<Literal> items;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() != delimited(kOnly)) {
      reader.skip();
      continue;
    }
    if (is_tuple && items.size() == type.arguments().size()) {
      return fail("expected {} items in {}, found more", items.size(), type_text(type));
    }
    MW_ASSIGN(Literal item, decode_value(reader.get_view(), &type.arguments()[is_tuple ? items.size() : 0]));
    items.push_back(std::move(item));
  }
  const int64_t wanted = is_tuple ? static_cast<int64_t>(type.arguments().size()) : type.list_length();
  if (!sizes_fit(wanted, static_cast<int64_t>(items.size()))) {
    return fail("expected {} items in {}, found {}", wanted, type_text(type), items.size());
  }
  return Literal::items(type, std::move(items));
}

Result<Literal::Pair> decode_pair(View bytes, const Type& type) {
  std::optional<Literal> key;
  std::optional<Literal> mapped;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(map_entry::kKey): {
        MW_ASSIGN(key, decode_value(reader.get_view(), &type.arguments()[0]));
        break;
      }
      case delimited(map_entry::kValue): {
        MW_ASSIGN(mapped, decode_value(reader.get_view(), &type.arguments()[1]));
        break;
      }
      default:
        reader.skip();
    }
  }
  if (!key || !mapped) return fail("expected key and value in an entry of {}", type_text(type));
  return Literal::Pair(std::move(*key), std::move(*mapped));
}

Result<Literal> decode_pairs(View bytes, const Type& type) {
  std::vector<Literal::Pair> pairs;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() != delimited(kOnly)) {
      reader.skip();
      continue;
    }
    MW_ASSIGN(Literal::Pair pair, decode_pair(reader.get_view(), type));
    pairs.push_back(std::move(pair));
  }
  return Literal::dictionary(type, std::move(pairs));
}

Result<Literal> decode_immediate(View bytes, const Type& type) {
  std::optional<Literal> literal;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    const auto is = [&](uint32_t field) { return reader.tag_and_type() == delimited(field); };
    if (is(immediate::kTensor)) {
      MW_ASSIGN(literal, decode_tensor_value(reader.get_view(), type));
    } else if (is(immediate::kTuple) || is(immediate::kList)) {
      const Type::Kind wanted = is(immediate::kTuple) ? Type::Kind::tuple : Type::Kind::list;
      if (type.kind() != wanted) return fail("expected a value of {}, found a tuple or list", type_text(type));
      MW_ASSIGN(literal, decode_items(reader.get_view(), type));
    } else if (is(immediate::kDictionary)) {
      if (type.kind() != Type::Kind::dict) return fail("expected a value of {}, found a dictionary", type_text(type));
      MW_ASSIGN(literal, decode_pairs(reader.get_view(), type));
    } else {
      reader.skip();
    }
  }
  if (!literal) return fail("expected the value of {}, found none", type_text(type));
  return std::move(*literal);
}

Result<Literal> decode_blob(View bytes, const Type& type) {
  BlobReference reference;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(blob_file::kFileName):
        reference.path = text(reader.get_view());
        break;
      case varint(blob_file::kOffset):
        reference.offset = reader.get_uint64();
        break;
      default:
        reader.skip();
    }
  }
  if (!type.is_tensor() || type.element() == ElementType::string || !is_static(type.shape())) {
    return fail("expected a value of {} in the program: weight files hold numbers of known shape", type_text(type));
  }
  return Literal::blob(type, std::move(reference));
}

// The type a value has, and its type as declared around it where the two differ in unknown sizes only.
Result<Type> value_type_of(std::optional<View> bytes, const Type* declared) {
  if (!bytes && declared == nullptr) return fail("expected the type of a value, found none");
  if (!bytes) return *declared;
  MW_ASSIGN(Type type, decode_type(*bytes));
  if (declared == nullptr) return type;
  if (!fits(*declared, type)) return fail("expected a value of {}, found {}", type_text(*declared), type_text(type));
  return type.is_tensor() ? std::move(type) : *declared;
}

// Written even when empty: its presence says what the value is.
template <class Write>
void encode_present(protozero::pbf_writer& parent, uint32_t field, bool empty, Write write) {
  if (empty) return parent.add_message(field, "", 0);
  protozero::pbf_writer message(parent, field);
  write(message);
}

template <class T>
std::vector<T> loaded(const Literal& literal) {
  std::vector<T> values(literal.elements().size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), literal.elements().data(), values.size() * sizeof(T));
  return values;
}

void encode_elements(protozero::pbf_writer& parent, const Literal& literal) {
  const Type& type = literal.type();
  const bool empty = type.count() == 0;
  const auto values = loaded<std::byte>(literal);
  switch (type.element()) {
    case ElementType::boolean:
      return encode_present(parent, tensor_value::kBools, empty,
                            [&](auto& message) { message.add_packed_bool(kOnly, values.begin(), values.end()); });
    case ElementType::fp32:
      return encode_present(parent, tensor_value::kFloats, empty, [&](auto& message) {
        message.add_bytes(kOnly, reinterpret_cast<const char*>(values.data()), values.size());
      });
    case ElementType::fp64:
      return encode_present(parent, tensor_value::kDoubles, empty, [&](auto& message) {
        message.add_bytes(kOnly, reinterpret_cast<const char*>(values.data()), values.size());
      });
    case ElementType::int16:
    case ElementType::uint16:
    case ElementType::int32:
      return encode_present(parent, tensor_value::kInts, empty, [&](auto& message) {
        const auto integers = literal.as_integers();
        message.add_packed_int64(kOnly, integers.begin(), integers.end());
      });
    case ElementType::int64:
    case ElementType::uint64:
      return encode_present(parent, tensor_value::kLongInts, empty, [&](auto& message) {
        const auto integers = literal.as_integers();
        message.add_packed_int64(kOnly, integers.begin(), integers.end());
      });
    default: {
      const auto bytes = is_packed(type.element()) ? pack(type.element(), values) : values;
      return encode_present(parent, tensor_value::kBytes, empty, [&](auto& message) {
        message.add_bytes(kOnly, reinterpret_cast<const char*>(bytes.data()), bytes.size());
      });
    }
  }
}

void encode_tensor_value(protozero::pbf_writer& parent, const Literal& literal) {
  protozero::pbf_writer message(parent, immediate::kTensor);
  if (literal.type().element() != ElementType::string) return encode_elements(message, literal);
  encode_present(message, tensor_value::kStrings, literal.texts().empty(), [&](auto& strings) {
    for (const SharedText& item : literal.texts()) strings.add_string(kOnly, item);
  });
}

Status encode_immediate(protozero::pbf_writer& parent, const Literal& literal) {
  protozero::pbf_writer message(parent, value::kImmediate);
  Status status;
  switch (literal.type().kind()) {
    case Type::Kind::tensor:
      encode_tensor_value(message, literal);
      break;
    case Type::Kind::list:
    case Type::Kind::tuple: {
      const uint32_t field = literal.type().kind() == Type::Kind::tuple ? immediate::kTuple : immediate::kList;
      encode_present(message, field, literal.items().empty(), [&](auto& items) {
        for (const Literal& item : literal.items()) {
          if (status) status = encode_value(items, kOnly, item);
        }
      });
      break;
    }
    case Type::Kind::dict:
      encode_present(message, immediate::kDictionary, literal.pairs().empty(), [&](auto& pairs) {
        for (const auto& [key, mapped] : literal.pairs()) {
          protozero::pbf_writer pair(pairs, kOnly);
          if (status) status = encode_value(pair, map_entry::kKey, key);
          if (status) status = encode_value(pair, map_entry::kValue, mapped);
        }
      });
      break;
    case Type::Kind::state:
      MW_CHECK(false, "a literal of {}", type_text(literal.type()));
  }
  return status;
}

}  // namespace

Result<Literal> decode_value(View bytes, const Type* declared) {
  std::optional<View> type_bytes;
  std::optional<View> immediate_bytes;
  std::optional<View> blob_bytes;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(value::kType):
        type_bytes = reader.get_view();
        break;
      case delimited(value::kImmediate):
        immediate_bytes = reader.get_view();
        break;
      case delimited(value::kBlobFile):
        blob_bytes = reader.get_view();
        break;
      default:
        reader.skip();
    }
  }
  MW_ASSIGN(const Type type, value_type_of(type_bytes, declared));
  if (blob_bytes && !immediate_bytes) return decode_blob(*blob_bytes, type);
  if (!immediate_bytes) return fail("expected the value of {}, found none", type_text(type));
  return decode_immediate(*immediate_bytes, type);
}

Status encode_value(protozero::pbf_writer& parent, uint32_t field, const Literal& literal) {
  protozero::pbf_writer message(parent, field);
  encode_type(message, value::kType, literal.type());
  if (literal.is_blob()) {
    protozero::pbf_writer blob(message, value::kBlobFile);
    blob.add_string(blob_file::kFileName, literal.blob_reference().path);
    blob.add_uint64(blob_file::kOffset, literal.blob_reference().offset);
    return {};
  }
  // Lengths of the wire format end at 2 GiB; an integer may grow from 4 to 10 bytes.
  constexpr size_t kMostBytes = size_t{1} << 27;
  if (literal.has_elements() && literal.elements().size() > kMostBytes) {
    return fail("expected at most {} bytes in an inline constant, found {}", kMostBytes, literal.elements().size());
  }
  return encode_immediate(message, literal);
}

}  // namespace millwright::mil::wire
