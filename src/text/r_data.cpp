// The serialization format is that of R's own manual "R Internals", section 1.8: a header, then items that begin with a
// flags word. Numbers are big-endian (XDR). Only vectors, pairlists and symbols are read; anything else is an error.
#include "text/r_data.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "text/utf8.h"

namespace millwright::text {

namespace {

constexpr size_t kMaxIndexBytes = size_t{16} << 20;
constexpr size_t kMaxObjectBytes = size_t{64} << 20;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxItems = size_t{1} << 20;  // without the strings of string vectors; bounds the memory for values
constexpr size_t kMaxSymbolBytes = 1000;       // references copy it

// Item types, as numbered in R's Rinternals.h and serialize.c.
enum RType : uint32_t {
  kSymbol = 1,
  kPairlist = 2,
  kCharacter = 9,
  kLogical = 10,
  kInteger = 13,
  kReal = 14,
  kStrings = 16,
  kList = 19,
  kNilItem = 254,
  kReference = 255,
};
constexpr uint32_t kHasAttributes = 1u << 9;
constexpr uint32_t kHasTag = 1u << 10;
constexpr uint32_t kLatin1 = 1u << 2;  // in the levels, flags >> 12

struct RValue {
  uint32_t type = kNilItem;
  std::vector<double> numbers;       // of logical, integer and real vectors
  std::vector<std::string> strings;  // of string vectors; one for a character or symbol
  std::vector<RValue> items;         // of lists and pairlists
  std::vector<std::string> names;    // of the items
};

std::string latin1_to_utf8(std::string_view text) {
  std::string converted;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      converted += c;
    } else {
      converted += static_cast<char>(0xc0 | (code >> 6));
      converted += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return converted;
}

class RReader {
 public:
  RReader(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  Result<RValue> read_object() {
    if (bytes_.size() < 2 || bytes_[0] != std::byte{'X'} || bytes_[1] != std::byte{'\n'}) {
      return error("expected R's binary serialization (X and a line break)");
    }
    at_ = 2;
    MW_ASSIGN(const uint32_t version, word());
    if (version != 2 && version != 3)
      return error(fmt::format("expected serialization version 2 or 3, found {}", version));
    MW_TRY(word());  // written by
    MW_TRY(word());  // readable from
    if (version == 3) {
      MW_ASSIGN(const uint32_t length, word());
      MW_TRY(take(length));  // native encoding; strings carry their own
    }
    return item(0);
  }

 private:
  tl::unexpected<Error> error(std::string_view what) const {
    return fail("{}: not readable as R data at byte {}: {}", source_, at_, what);
  }

  Result<std::span<const std::byte>> take(size_t count) {
    if (count > bytes_.size() - at_)
      return error(fmt::format("truncated: {} bytes wanted, {} left", count, bytes_.size() - at_));
    const auto part = bytes_.subspan(at_, count);
    at_ += count;
    return part;
  }

  Result<uint32_t> word() {
    MW_ASSIGN(const auto part, take(4));
    uint32_t value = 0;
    for (const std::byte b : part) value = value << 8 | static_cast<uint32_t>(b);
    return value;
  }

  // The length of a vector whose elements take at least `element_bytes` each; checked before anything is allocated.
  Result<size_t> length(size_t element_bytes) {
    MW_ASSIGN(const uint32_t count, word());
    if (count > (bytes_.size() - at_) / element_bytes)
      return error(fmt::format("truncated: a vector of {} elements", count));
    return count;
  }

  Result<RValue> item(int depth) {
    if (depth > kMaxDepth) return error("nested too deeply");
    if (++items_ > kMaxItems) return error("too many items");
    MW_ASSIGN(const uint32_t flags, word());
    RValue value;
    value.type = flags & 0xff;
    switch (value.type) {
      case kNilItem:
        return value;
      case kSymbol:
        return symbol(depth);
      case kReference:
        return reference(flags);
      case kPairlist:
        return pairlist(flags, depth);
      case kCharacter: {
        MW_ASSIGN(std::string text, character(flags));
        value.strings.push_back(std::move(text));
        return value;
      }
      case kLogical:
      case kInteger:
      case kReal:
        MW_TRY(numbers(value));
        break;
      case kStrings:
        MW_TRY(strings(value));
        break;
      case kList:
        MW_TRY(list(value, depth));
        break;
      default:
        return error(fmt::format("expected vectors, found an object of type {}", value.type));
    }
    if ((flags & kHasAttributes) != 0) MW_TRY(attributes(value, depth));
    return value;
  }

  Result<RValue> symbol(int depth) {
    MW_ASSIGN(RValue name, item(depth + 1));
    if (name.type != kCharacter) return error("a symbol without a name");
    if (name.strings[0].size() > kMaxSymbolBytes) return error("a symbol with too long a name");
    name.type = kSymbol;
    symbols_.push_back(name.strings[0]);
    return name;
  }

  Result<RValue> reference(uint32_t flags) {
    uint32_t index = flags >> 8;
    if (index == 0) {
      MW_ASSIGN(index, word());
    }
    if (index == 0 || index > symbols_.size())
      return error(fmt::format("a reference to symbol {} of {}", index, symbols_.size()));
    RValue value;
    value.type = kSymbol;
    value.strings.push_back(symbols_[index - 1]);
    return value;
  }

  // A chain of cells; read in a loop, because the chain may be long.
  Result<RValue> pairlist(uint32_t flags, int depth) {
    RValue value;
    value.type = kPairlist;
    while ((flags & 0xff) == kPairlist) {
      if ((flags & kHasAttributes) != 0) MW_TRY(item(depth + 1));
      std::string tag;
      if ((flags & kHasTag) != 0) {
        MW_ASSIGN(RValue symbol_value, item(depth + 1));
        if (symbol_value.type == kSymbol) tag = std::move(symbol_value.strings[0]);
      }
      MW_ASSIGN(RValue element, item(depth + 1));
      value.names.push_back(std::move(tag));
      value.items.push_back(std::move(element));
      MW_ASSIGN(flags, word());
    }
    if ((flags & 0xff) != kNilItem) return error("a pairlist that does not end");
    return value;
  }

  Result<std::string> character(uint32_t flags) {
    MW_ASSIGN(const uint32_t size, word());
    if (size == 0xffffffffu) return std::string();  // NA
    MW_ASSIGN(const auto part, take(size));
    std::string text(reinterpret_cast<const char*>(part.data()), part.size());
    if (((flags >> 12) & kLatin1) != 0) text = latin1_to_utf8(text);
    if (find_invalid_utf8(text) != std::string_view::npos) return error("a string that is not UTF-8");
    return text;
  }

  Status numbers(RValue& value) {
    const bool is_real = value.type == kReal;
    MW_ASSIGN(const size_t count, length(is_real ? 8 : 4));
    for (size_t i = 0; i < count; ++i) {
      MW_ASSIGN(const uint32_t first, word());
      if (is_real) {
        MW_ASSIGN(const uint32_t second, word());
        value.numbers.push_back(std::bit_cast<double>(static_cast<uint64_t>(first) << 32 | second));
      } else {
        value.numbers.push_back(static_cast<int32_t>(first));
      }
    }
    return {};
  }

  Status strings(RValue& value) {
    MW_ASSIGN(const size_t count, length(8));
    for (size_t i = 0; i < count; ++i) {
      MW_ASSIGN(const uint32_t flags, word());
      if ((flags & 0xff) != kCharacter) return error("a string vector with something else in it");
      MW_ASSIGN(std::string text, character(flags));
      value.strings.push_back(std::move(text));
    }
    return {};
  }

  Status list(RValue& value, int depth) {
    MW_ASSIGN(const size_t count, length(4));
    for (size_t i = 0; i < count; ++i) {
      MW_ASSIGN(RValue element, item(depth + 1));
      value.items.push_back(std::move(element));
    }
    return {};
  }

  Status attributes(RValue& value, int depth) {
    MW_ASSIGN(RValue pairs, item(depth + 1));
    if (pairs.type != kPairlist) return error("attributes that are no pairlist");
    for (size_t i = 0; i < pairs.items.size(); ++i) {
      if (pairs.names[i] == "names") value.names = std::move(pairs.items[i].strings);
    }
    return {};
  }

  std::span<const std::byte> bytes_;
  const std::string& source_;
  size_t at_ = 0;
  size_t items_ = 0;
  std::vector<std::string> symbols_;
};

const RValue* member(const RValue& list, std::string_view name) {
  for (size_t i = 0; i < std::min(list.items.size(), list.names.size()); ++i) {
    if (list.names[i] == name) return &list.items[i];
  }
  return nullptr;
}

bool is_position(double number) { return number >= 0 && number <= 0x1p50 && number == std::floor(number); }

}  // namespace

Result<std::vector<RIndexEntry>> parse_r_index(std::span<const std::byte> serialized, const std::string& source) {
  MW_ASSIGN(const RValue index, RReader(serialized, source).read_object());
  const RValue* const variables = member(index, "variables");
  if (variables == nullptr || variables->names.size() != variables->items.size()) {
    return fail("{}: expected an index of R objects, found no named variables in it", source);
  }
  std::vector<RIndexEntry> entries;
  for (size_t i = 0; i < variables->items.size(); ++i) {
    const std::vector<double>& place = variables->items[i].numbers;
    if (place.size() != 2 || !is_position(place[0]) || !is_position(place[1])) {
      return fail("{}: \"{}\": expected an offset and a length", source, variables->names[i]);
    }
    entries.push_back({variables->names[i], static_cast<uint64_t>(place[0]), static_cast<uint64_t>(place[1])});
  }
  return entries;
}

Result<std::vector<std::string>> parse_r_character_vector(std::span<const std::byte> serialized,
                                                          const std::string& source) {
  MW_ASSIGN(RValue value, RReader(serialized, source).read_object());
  if (value.type != kStrings)
    return fail("{}: expected a character vector, found an object of type {}", source, value.type);
  return std::move(value.strings);
}

Result<std::vector<std::byte>> inflate_bytes(std::span<const std::byte> compressed, size_t max_bytes,
                                             const std::string& source) {
  constexpr int kZlibOrGzip = 15 + 32;
  constexpr size_t kStep = size_t{1} << 20;
  if (compressed.size() > kMaxObjectBytes)
    return fail("{}: more than {} bytes of compressed data", source, kMaxObjectBytes);
  z_stream stream{};
  if (inflateInit2(&stream, kZlibOrGzip) != Z_OK)
    return fail(ErrorKind::exhausted, "{}: no memory to decompress", source);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::vector<std::byte> out;
  int outcome = Z_OK;
  while (outcome == Z_OK && out.size() <= max_bytes) {
    const size_t before = out.size();
    out.resize(before + std::min(kStep, max_bytes + 1 - before));  // one byte more than allowed shows an excess
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    outcome = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > max_bytes)
    return fail("{}: expected at most {} bytes when decompressed, found more", source, max_bytes);
  if (outcome != Z_STREAM_END) return fail("{}: expected gzip or zlib data, found broken or truncated data", source);
  return out;
}

Result<std::vector<std::byte>> inflate_r_chunk(std::span<const std::byte> chunk, const std::string& source) {
  if (chunk.size() < 4) return fail("{}: truncated: expected a length of 4 bytes, found {}", source, chunk.size());
  size_t expected = 0;
  for (const std::byte b : chunk.first(4)) expected = expected << 8 | static_cast<size_t>(b);
  if (expected > kMaxObjectBytes)
    return fail("{}: expected at most {} bytes, found {}", source, kMaxObjectBytes, expected);
  MW_ASSIGN(std::vector<std::byte> bytes, inflate_bytes(chunk.subspan(4), expected, source));
  if (bytes.size() != expected)
    return fail("{}: expected {} bytes when decompressed, found {}", source, expected, bytes.size());
  return bytes;
}

Result<std::vector<RCharacterVector>> read_r_character_vectors(const Path& data_folder) {
  const Path index_path = data_folder / "Rdata.rdx";
  const Path data_path = data_folder / "Rdata.rdb";
  MW_ASSIGN(const MappedFile index_file, MappedFile::open(index_path));
  MW_ASSIGN(const MappedFile data_file, MappedFile::open(data_path));
  MW_ASSIGN(const auto index, inflate_bytes(index_file.bytes(), kMaxIndexBytes, index_path.string()));
  MW_ASSIGN(const auto entries, parse_r_index(index, index_path.string()));
  std::vector<RCharacterVector> vectors;
  for (const RIndexEntry& entry : entries) {
    const std::string source = fmt::format("{}: {}", data_path.string(), entry.name);
    if (entry.offset > data_file.size() || entry.bytes > data_file.size() - entry.offset) {
      return fail("{}: expected {} bytes at offset {}, found a file of {}", source, entry.bytes, entry.offset,
                  data_file.size());
    }
    MW_ASSIGN(const auto object, inflate_r_chunk(data_file.bytes().subspan(entry.offset, entry.bytes), source));
    MW_ASSIGN(auto strings, parse_r_character_vector(object, source));
    vectors.push_back({entry.name, std::move(strings)});
  }
  return vectors;
}

}  // namespace millwright::text
