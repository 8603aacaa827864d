#include "mil/npy_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace millwright::mil {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kPrefix = 8;                        // magic and version
constexpr size_t kMostHeader = 1 << 16;              // NumPy itself writes far less
constexpr size_t kMostAxes = 32;                     // NumPy's own bound
constexpr size_t kAlignment = 64;                    // of the elements, as NumPy writes them
constexpr int64_t kMostElements = int64_t{1} << 59;  // 2^62 bytes of the widest type

struct ElementCode {
  std::string_view code;
  ElementType element;
};

constexpr ElementCode kCodes[] = {
    {"f2", ElementType::fp16},   {"f4", ElementType::fp32},   {"f8", ElementType::fp64},   {"i1", ElementType::int8},
    {"i2", ElementType::int16},  {"i4", ElementType::int32},  {"i8", ElementType::int64},  {"u1", ElementType::uint8},
    {"u2", ElementType::uint16}, {"u4", ElementType::uint32}, {"u8", ElementType::uint64}, {"b1", ElementType::boolean},
};

std::optional<std::string_view> code_of(ElementType element) {
  switch (element) {
    case ElementType::int4:
      element = ElementType::int8;
      break;
    case ElementType::uint1:
    case ElementType::uint2:
    case ElementType::uint3:
    case ElementType::uint4:
    case ElementType::uint6:
      element = ElementType::uint8;
      break;
    default:
      break;
  }
  const auto* found = std::ranges::find(kCodes, element, &ElementCode::element);
  if (found == std::end(kCodes)) return std::nullopt;
  return found->code;
}

// The dictionary in the header, a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
struct Header {
  std::string type;
  bool fortran_order = false;
  Shape shape;
};

// Reads the header from left to right; every member returns false where the text is not what it reads.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  bool read(Header& header) {
    if (!take('{')) return false;
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    while (!take('}')) {
      std::string key;
      if (!quoted(key) || !take(':')) return false;
      bool* seen = key == "descr" ? &has_type : key == "fortran_order" ? &has_order : &has_shape;
      if (*seen) return false;
      *seen = true;
      if (key == "descr") {
        if (!quoted(header.type)) return false;
      } else if (key == "fortran_order") {
        if (!boolean(header.fortran_order)) return false;
      } else if (key != "shape" || !shape(header.shape)) {
        return false;
      }
      if (!take(',') && next() != '}') return false;
    }
    return next() == '\0' && rest_.empty() && has_type && has_order && has_shape;
  }

 private:
  // The next character behind white space; 0 at the end.
  char next() {
    const size_t begin = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(begin, rest_.size()));
    return rest_.empty() ? '\0' : rest_.front();
  }

  bool take(char expected) {
    if (next() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool quoted(std::string& text) {
    const char quote = next();
    if (quote != '\'' && quote != '"') return false;
    const size_t end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return false;
    text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool boolean(bool& value) {
    next();
    for (const std::string_view word : {"True", "False"}) {
      if (!rest_.starts_with(word)) continue;
      value = word == "True";
      rest_.remove_prefix(word.size());
      return true;
    }
    return false;
  }

  bool shape(Shape& sizes) {
    if (!take('(')) return false;
    while (!take(')')) {
      int64_t size = 0;
      if (sizes.size() == kMostAxes || !integer(size)) return false;
      sizes.push_back(size);
      take('L');  // Python 2 wrote long integers so
      if (!take(',') && next() != ')') return false;
    }
    return true;
  }

  bool integer(int64_t& value) {
    constexpr std::string_view kDigits = "0123456789";
    next();
    const size_t length = std::min(rest_.find_first_not_of(kDigits), rest_.size());
    if (length == 0 || length > 18) return false;
    for (const char digit : rest_.substr(0, length)) value = 10 * value + (digit - '0');
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
};

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The number of elements, or nothing beyond kMostElements.
std::optional<int64_t> checked_count(const Shape& shape) {
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size > kMostElements / count) return std::nullopt;
    count *= size;
  }
  return count;
}

Result<ElementType> element_of(const std::string& type, const std::string& name) {
  constexpr std::string_view kExpected = "little-endian f2 f4 f8, i1 to i8, u1 to u8 or b1";
  const std::string_view code = type.empty() ? std::string_view() : std::string_view(type).substr(1);
  const auto* found = std::ranges::find(kCodes, code, &ElementCode::code);
  const bool one_byte = code.ends_with('1');
  const bool readable = !type.empty() && (type[0] == '<' || (one_byte && (type[0] == '|' || type[0] == '>')));
  if (found != std::end(kCodes) && readable) return found->element;
  if (found != std::end(kCodes) && type[0] == '>') {
    return fail("{}: elements are big-endian (\"{}\"), expected {}; convert them with astype", name, type, kExpected);
  }
  return fail("{}: elements are \"{}\", expected {}", name, type, kExpected);
}

// From columns first to rows first.
std::vector<std::byte> rows_first(std::span<const std::byte> source, const Shape& shape, size_t width) {
  std::vector<std::byte> elements(source.size());
  const std::vector<int64_t> strides = contiguous_strides(shape);
  Shape index(shape.size(), 0);
  size_t target = 0;
  for (size_t read = 0; read < source.size(); read += width) {
    std::memcpy(&elements[target * width], &source[read], width);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const auto stride = static_cast<size_t>(strides[axis]);
      if (++index[axis] < shape[axis]) {
        target += stride;
        break;
      }
      target -= stride * static_cast<size_t>(shape[axis] - 1);
      index[axis] = 0;
    }
  }
  return elements;
}

}  // namespace

Result<Literal> read_npy(const Path& path) {
  MW_ASSIGN(const MappedFile file, MappedFile::open(path));
  return decode_npy(file.bytes(), path.string());
}

Result<Literal> decode_npy(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) return fail("{}: not an .npy file: it does not begin with \\x93NUMPY", name);
  if (text.size() < kPrefix) return fail("{}: the file ends inside its header", name);
  const auto version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3) return fail("{}: expected .npy format version 1 to 3, found {}", name, version);
  const size_t length_bytes = version == 1 ? 2 : 4;
  if (text.size() < kPrefix + length_bytes) return fail("{}: the file ends inside its header", name);
  const uint64_t length = little_endian(text.substr(kPrefix, length_bytes));
  const size_t begin = kPrefix + length_bytes;
  if (length > kMostHeader) return fail("{}: the header has {} bytes, expected at most {}", name, length, kMostHeader);
  if (length > text.size() - begin) return fail("{}: the file ends inside its header", name);

  Header header;
  if (!HeaderReader(text.substr(begin, length)).read(header)) {
    return fail("{}: expected a header with descr, fortran_order and shape, found \"{}\"", name,
                text.substr(begin, std::min<size_t>(length, 80)));
  }
  MW_ASSIGN(const ElementType element, element_of(header.type, name));
  const std::optional<int64_t> count = checked_count(header.shape);
  if (!count) return fail("{}: shape {} is too large", name, shape_text(header.shape));
  const size_t width = element_bytes(element);
  const std::span<const std::byte> data = bytes.subspan(begin + length);
  if (data.size() != static_cast<uint64_t>(*count) * width) {
    return fail("{}: shape {} of {} takes {} bytes, found {}", name, shape_text(header.shape), element_name(element),
                static_cast<uint64_t>(*count) * width, data.size());
  }
  std::vector<std::byte> elements = header.fortran_order && header.shape.size() > 1
                                        ? rows_first(data, header.shape, width)
                                        : std::vector<std::byte>(data.begin(), data.end());
  if (element == ElementType::boolean) {
    for (std::byte& value : elements) value = value == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return Literal::bytes(Type::tensor(element, std::move(header.shape)), std::move(elements));
}

Result<std::string> encode_npy(const Literal& tensor) {
  const Type& type = tensor.type();
  if (!type.is_tensor() || !tensor.has_elements()) return fail("a {} is no tensor of numbers", type_text(type));
  const std::optional<std::string_view> code = code_of(type.element());
  if (!code) return fail("NumPy has no element type {}", element_name(type.element()));
  std::string shape;
  for (const int64_t size : type.shape()) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", size);
  if (type.rank() == 1) shape += ",";
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   code->ends_with('1') ? '|' : '<', *code, shape);
  const size_t begin = kPrefix + 2;
  header.append(kAlignment - (begin + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(tensor.elements().data()), tensor.elements().size());
  return bytes;
}

Status write_npy(const Path& path, const Literal& tensor) {
  MW_ASSIGN(const std::string bytes, encode_npy(tensor));
  return write_file_atomically(path, bytes);
}

}  // namespace millwright::mil
