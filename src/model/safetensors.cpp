#include "model/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "base/half.h"
#include "base/json.h"
#include "base/parallel.h"

static_assert(std::endian::native == std::endian::little, "tensors are mapped as they stand in the file");

namespace millwright::model {
namespace {

constexpr size_t kLengthBytes = 8;
// The limit of the reference implementation (huggingface/safetensors, MAX_HEADER_SIZE).
constexpr size_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxRank = 8;
constexpr const char* kMetadataKey = "__metadata__";

// Element types of the format and their bytes. Only those that read() converts can be read.
struct Dtype {
  std::string_view name;
  size_t bytes;
};
constexpr Dtype kDtypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
                             {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                             {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};

Result<size_t> dtype_bytes(const std::string& dtype, const std::string& place) {
  for (const Dtype& known : kDtypes) {
    if (known.name == dtype) return known.bytes;
  }
  return fail("{}: unknown dtype \"{}\"", place, dtype);
}

// The bytes of a tensor, refusing a product that does not fit.
Result<size_t> tensor_bytes(const mil::Shape& shape, size_t element_bytes, const std::string& place) {
  uint64_t bytes = element_bytes;
  bool overflow = false;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size == 0) {
      empty = true;
    } else if (bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / size)) {
      overflow = true;
    } else {
      bytes *= static_cast<uint64_t>(size);
    }
  }
  if (overflow) return fail("{}: shape {} has more elements than can be counted", place, mil::shape_text(shape));
  return empty ? 0 : static_cast<size_t>(bytes);
}

Result<mil::Shape> read_shape(const Json& tensor, const std::string& place) {
  MW_ASSIGN(const Json* sizes, json_array(tensor, "shape", place));
  if (sizes->size() > kMaxRank) {
    return fail("{}: shape has {} dimensions; expected at most {}", place, sizes->size(), kMaxRank);
  }
  mil::Shape shape;
  for (const Json& size : *sizes) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > std::numeric_limits<int64_t>::max()) {
      return fail("{}: shape has a dimension that is not a whole number: {}", place, size.dump());
    }
    shape.push_back(size.get<int64_t>());
  }
  return shape;
}

// data_offsets = [begin, end] within the data, which is `data_bytes` long.
Status read_offsets(const Json& tensor, size_t data_bytes, const std::string& place, SafetensorsEntry& entry) {
  MW_ASSIGN(const Json* offsets, json_array(tensor, "data_offsets", place));
  if (offsets->size() != 2 || !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return fail("{}: data_offsets must be two whole numbers", place);
  }
  const auto begin = (*offsets)[0].get<uint64_t>();
  const auto end = (*offsets)[1].get<uint64_t>();
  if (begin > end || end > data_bytes) {
    return fail("{}: data_offsets [{}, {}] do not lie inside the {} bytes of data; the file may be truncated", place,
                begin, end, data_bytes);
  }
  entry.begin = begin;
  entry.end = end;
  return {};
}

Result<SafetensorsEntry> read_entry(const std::string& name, const Json& tensor, size_t data_bytes,
                                    const std::string& source) {
  SafetensorsEntry entry;
  entry.name = name;
  const std::string place = source + ": tensor " + entry.quoted_name();
  MW_ASSIGN(entry.dtype, json_string(tensor, "dtype", place));
  MW_ASSIGN(entry.shape, read_shape(tensor, place));
  MW_TRY(read_offsets(tensor, data_bytes, place, entry));
  MW_ASSIGN(const size_t element_bytes, dtype_bytes(entry.dtype, place));
  MW_ASSIGN(const size_t expected, tensor_bytes(entry.shape, element_bytes, place));
  if (entry.end - entry.begin != expected) {
    return fail("{}: shape {} of {} takes {} bytes; data_offsets hold {}", place, mil::shape_text(entry.shape),
                entry.dtype, expected, entry.end - entry.begin);
  }
  return entry;
}

Result<SafetensorsMetadata> read_metadata(const Json& object, const std::string& source) {
  SafetensorsMetadata metadata;
  const std::string place = source + ": " + kMetadataKey;
  MW_ASSIGN(const Json* entries, json_object(object, kMetadataKey, source));
  for (const auto& [key, value] : entries->items()) {
    if (!value.is_string()) return fail("{}: \"{}\" must be a string", place, key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// The format wants the data covered by the tensors without gaps or overlaps.
Status check_coverage(const std::vector<SafetensorsEntry>& entries, size_t data_bytes, const std::string& source) {
  size_t position = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != position) {
      return fail("{}: tensor {} begins at byte {} of the data; expected {}, where the one before it ends", source,
                  entry.quoted_name(), entry.begin, position);
    }
    position = entry.end;
  }
  if (position != data_bytes) {
    return fail("{}: {} bytes of data belong to no tensor", source, data_bytes - position);
  }
  return {};
}

// Converts in chunks over the threads; `convert(begin, end)` takes element positions.
void convert_chunks(size_t count, FunctionRef<void(size_t begin, size_t end)> convert) {
  constexpr size_t kChunk = size_t{1} << 18;
  parallel_for(static_cast<int64_t>((count + kChunk - 1) / kChunk), [&](int64_t chunk) {
    const size_t begin = static_cast<size_t>(chunk) * kChunk;
    convert(begin, std::min(begin + kChunk, count));
  });
}

}  // namespace

std::string SafetensorsEntry::quoted_name() const {
  return Json(name).dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& source) {
  if (file.size() < kLengthBytes) {
    return fail("{}: not a safetensors file: {} bytes long, expected at least {}", source, file.size(), kLengthBytes);
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) {
    return fail("{}: not a safetensors file: header of {} bytes, expected at most {}", source, length, kMaxHeaderBytes);
  }
  if (length > file.size() - kLengthBytes) {
    return fail("{}: the header should take {} bytes, but the file ends after {}; it may be truncated", source, length,
                file.size() - kLengthBytes);
  }
  const size_t data_begin = kLengthBytes + static_cast<size_t>(length);
  const size_t data_bytes = file.size() - data_begin;
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, static_cast<size_t>(length));
  MW_ASSIGN(const Json object, parse_json(text, source));
  if (!object.is_object()) return fail("{}: the header is not a JSON object", source);

  SafetensorsHeader header;
  for (const auto& [name, tensor] : object.items()) {
    if (name == kMetadataKey) {
      MW_ASSIGN(header.metadata, read_metadata(object, source));
      continue;
    }
    MW_ASSIGN(SafetensorsEntry entry, read_entry(name, tensor, data_bytes, source));
    header.entries.push_back(std::move(entry));
  }
  std::sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  MW_TRY(check_coverage(header.entries, data_bytes, source));
  for (SafetensorsEntry& entry : header.entries) {
    entry.begin += data_begin;
    entry.end += data_begin;
  }
  return header;
}

Result<SafetensorsFile> SafetensorsFile::open(const Path& path) {
  MW_ASSIGN(MappedFile file, MappedFile::open(path));
  MW_ASSIGN(SafetensorsHeader header, parse_safetensors(file.bytes(), path.string()));
  return SafetensorsFile(path, std::move(file), std::move(header));
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  for (const SafetensorsEntry& entry : header_.entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Status SafetensorsFile::read(const SafetensorsEntry& entry, std::span<float> values) const {
  MW_CHECK(static_cast<int64_t>(values.size()) == entry.count(), "{}: {} values for {}", entry.name, values.size(),
           mil::shape_text(entry.shape));
  const std::byte* bytes = file_.bytes().data() + entry.begin;
  if (entry.dtype == "F32") {
    convert_chunks(values.size(), [&](size_t begin, size_t end) {
      std::memcpy(values.data() + begin, bytes + begin * sizeof(float), (end - begin) * sizeof(float));
    });
    return {};
  }
  if (entry.dtype != "F16" && entry.dtype != "BF16") {
    return fail("{}: tensor {} has dtype {}; expected F32, F16 or BF16", path_.string(), entry.quoted_name(),
                entry.dtype);
  }
  const bool is_half = entry.dtype == "F16";
  convert_chunks(values.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      uint16_t bits = 0;  // the file does not promise alignment
      std::memcpy(&bits, bytes + i * sizeof(bits), sizeof(bits));
      values[i] = is_half ? half_bits_to_float(bits) : bfloat16_bits_to_float(bits);
    }
  });
  return {};
}

Result<SafetensorsWriter> SafetensorsWriter::open(const Path& path, std::span<const Tensor> tensors,
                                                  const SafetensorsMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::vector<int64_t> counts;
  size_t offset = 0;
  for (const Tensor& tensor : tensors) {
    MW_CHECK(tensor.name != kMetadataKey && !header.contains(tensor.name), "tensor {} twice", tensor.name);
    const int64_t count = mil::element_count(tensor.shape);
    const size_t end = offset + static_cast<size_t>(count) * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    counts.push_back(count);
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  // Spaces behind the header so that the data begin at a multiple of 8, as the format asks.
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  const uint64_t length = text.size();

  MW_ASSIGN(AtomicFile file, AtomicFile::open(path));
  MW_TRY(file.write(std::as_bytes(std::span(&length, 1))));
  MW_TRY(file.write(text));
  return SafetensorsWriter(std::move(file), std::move(counts));
}

Status SafetensorsWriter::write(std::span<const float> values) {
  MW_CHECK(next_ < counts_.size() && static_cast<int64_t>(values.size()) == counts_[next_],
           "tensor {} of {} with {} values", next_, counts_.size(), values.size());
  ++next_;
  return file_.write(std::as_bytes(values));
}

Status SafetensorsWriter::finish() {
  MW_CHECK(next_ == counts_.size(), "{} of {} tensors written", next_, counts_.size());
  return file_.commit();
}

}  // namespace millwright::model
