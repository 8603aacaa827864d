#include "mil/blob/blob_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "mil/blob/blob_format.h"

namespace millwright::mil {
namespace {

// The file is little-endian, as is every machine we run on.
template <class T>
T field(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <class T>
void set_field(std::array<std::byte, kBlobAlignment>& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

// Only for offsets inside a file, so it cannot overflow.
uint64_t align(uint64_t offset) { return (offset + kBlobAlignment - 1) / kBlobAlignment * kBlobAlignment; }

// Elements of a static shape, or nothing where they cannot be counted.
std::optional<uint64_t> count_of(const Shape& shape) {
  uint64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size != 0 && count > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / static_cast<uint64_t>(size)) {
      return std::nullopt;
    }
    count *= static_cast<uint64_t>(size);
  }
  return count;
}

}  // namespace

Result<BlobFile> BlobFile::open(const Path& path) {
  MW_ASSIGN(MappedFile mapping, MappedFile::open(path));
  BlobFile file;
  file.mapping_ = std::move(mapping);
  file.bytes_ = file.mapping_->bytes();
  file.name_ = path.string();
  MW_TRY(file.read_header());
  return file;
}

Result<BlobFile> BlobFile::view(std::span<const std::byte> bytes, std::string name) {
  BlobFile file;
  file.bytes_ = bytes;
  file.name_ = std::move(name);
  MW_TRY(file.read_header());
  return file;
}

Status BlobFile::read_header() {
  if (bytes_.size() < kBlobAlignment) {
    return fail("{}: expected a weight file with a header of {} bytes, found {} bytes in all", name_, kBlobAlignment,
                bytes_.size());
  }
  const uint32_t version = field<uint32_t>(bytes_, kHeaderVersion);
  if (version != kBlobVersion) {
    return fail("{}: expected a weight file of version {}, found version {}", name_, kBlobVersion, version);
  }
  declared_count_ = field<uint32_t>(bytes_, kHeaderCount);
  return {};
}

Result<BlobRecord> BlobFile::record(uint64_t offset) const {
  const uint64_t end = bytes_.size();
  if (offset % kBlobAlignment != 0 || offset == 0) {
    return fail("{}: expected a record at a multiple of {} bytes behind the header, found offset {}", name_,
                kBlobAlignment, offset);
  }
  if (offset > end - kBlobAlignment) {
    return fail("{}: expected a record at offset {}, but the file ends at {}", name_, offset, end);
  }
  const std::span<const std::byte> bytes = bytes_.subspan(offset, kBlobAlignment);
  const uint32_t sentinel = field<uint32_t>(bytes, kRecordSentinel);
  if (sentinel != kBlobSentinel) {
    return fail("{}: expected a record at offset {} (0x{:08x}), found 0x{:08x}", name_, offset, kBlobSentinel,
                sentinel);
  }
  const uint32_t code = field<uint32_t>(bytes, kRecordElement);
  const std::optional<ElementType> element = element_from_blob_code(code);
  if (!element) return fail("{}: the record at offset {} has the unknown element code {}", name_, offset, code);

  BlobRecord record{offset, *element, field<uint64_t>(bytes, kRecordSize), field<uint64_t>(bytes, kRecordDataOffset)};
  if (record.data_offset % kBlobAlignment != 0 || record.data_offset == 0 || record.data_offset == offset) {
    return fail("{}: the record at offset {} puts its data at {}; expected a multiple of {} that is free for data",
                name_, offset, record.data_offset, kBlobAlignment);
  }
  if (record.data_offset > end || record.size_bytes > end - record.data_offset) {
    return fail("{}: the record at offset {} says {} bytes at {}, but the file ends at {}", name_, offset,
                record.size_bytes, record.data_offset, end);
  }
  if (record.data_offset < offset && record.size_bytes > offset - record.data_offset) {
    return fail("{}: the record at offset {} says {} bytes at {}, which covers the record itself", name_, offset,
                record.size_bytes, record.data_offset);
  }
  // Older writers leave these bytes undefined where they have no meaning.
  const uint64_t padding = is_packed(*element) ? field<uint64_t>(bytes, kRecordPadding) : 0;
  const uint64_t width = blob_bits(*element);
  const uint64_t bits = 8 * record.size_bytes;
  if (padding >= 8 || padding > bits || (bits - padding) % width != 0) {
    return fail("{}: the record at offset {} says {} bytes with {} bits of padding, no whole number of {} elements",
                name_, offset, record.size_bytes, padding, element_name(*element));
  }
  record.count = (bits - padding) / width;
  return record;
}

Result<std::vector<BlobRecord>> BlobFile::records() const {
  std::vector<BlobRecord> records;
  uint64_t offset = kBlobAlignment;
  while (offset <= bytes_.size() - kBlobAlignment) {
    const bool expected = records.size() < declared_count_;
    // Behind the records that the header counts there may be others, or anything.
    if (!expected && field<uint32_t>(bytes_, offset) != kBlobSentinel) break;
    MW_ASSIGN(const BlobRecord found, record(offset));
    records.push_back(found);
    const uint64_t data_end = align(found.data_offset + found.size_bytes);
    offset = std::max(offset + kBlobAlignment, data_end);
  }
  if (records.size() < declared_count_) {
    return fail("{}: expected {} records as the header says, found {} before the file ends at {}", name_,
                declared_count_, records.size(), bytes_.size());
  }
  return records;
}

std::span<const std::byte> BlobFile::payload(const BlobRecord& record) const {
  MW_CHECK(record.data_offset <= bytes_.size() && record.size_bytes <= bytes_.size() - record.data_offset,
           "a record of another file");
  return bytes_.subspan(record.data_offset, record.size_bytes);
}

Result<BlobRecord> BlobFile::record_of(uint64_t offset, const Type& type) const {
  const std::optional<uint64_t> count = type.is_tensor() ? count_of(type.shape()) : std::nullopt;
  if (!count)
    return fail("{}: expected a tensor of known shape at offset {}, found {}", name_, offset, type_text(type));
  MW_ASSIGN(const BlobRecord found, record(offset));
  if (found.element != type.element() || found.count != *count) {
    return fail("{}: expected {} at offset {}, found {} elements of {}", name_, type_text(type), offset, found.count,
                element_name(found.element));
  }
  return found;
}

Result<Literal> BlobFile::load(uint64_t offset, const Type& type) const {
  MW_ASSIGN(const BlobRecord found, record_of(offset, type));
  const std::span<const std::byte> bytes = payload(found);
  if (is_packed(found.element)) return Literal::bytes(type, unpack(found.element, bytes, found.count));
  return Literal::bytes(type, {bytes.begin(), bytes.end()});
}

Result<BlobWriter> BlobWriter::create(const Path& path) {
  MW_ASSIGN(AtomicFile file, AtomicFile::open(path));
  const std::array<std::byte, kBlobAlignment> header = {};  // filled in by commit()
  MW_TRY(file.write(header));
  return BlobWriter(std::move(file));
}

Status BlobWriter::pad() {
  constexpr std::array<std::byte, kBlobAlignment> kZeros = {};
  const uint64_t end = file_.size();
  return file_.write(std::span(kZeros).first(align(end) - end));
}

Result<uint64_t> BlobWriter::append(ElementType element, uint64_t count, std::span<const std::byte> payload) {
  const std::optional<uint32_t> code = blob_code(element);
  if (!code) return fail("weight files cannot hold {}", element_name(element));
  MW_CHECK(payload.size() == blob_bytes(element, count), "{} bytes for {} elements of {}", payload.size(), count,
           element_name(element));
  if (count_ == std::numeric_limits<uint32_t>::max())
    return fail("a weight file cannot hold more than {} records", count_);
  MW_TRY(pad());
  const uint64_t offset = file_.size();
  std::array<std::byte, kBlobAlignment> record = {};
  set_field<uint32_t>(record, kRecordSentinel, kBlobSentinel);
  set_field<uint32_t>(record, kRecordElement, *code);
  set_field<uint64_t>(record, kRecordSize, payload.size());
  set_field<uint64_t>(record, kRecordDataOffset, offset + kBlobAlignment);
  set_field<uint64_t>(record, kRecordPadding, blob_padding_bits(element, count));
  MW_TRY(file_.write(record));
  MW_TRY(file_.write(payload));
  ++count_;
  return offset;
}

Result<uint64_t> BlobWriter::append(const Literal& literal) {
  const ElementType element = literal.type().element();
  if (!blob_code(element)) return fail("weight files cannot hold {}", element_name(element));
  const uint64_t count = static_cast<uint64_t>(literal.type().count());
  if (is_packed(element)) return append(element, count, pack(element, literal.elements()));
  return append(element, count, literal.elements());
}

Status BlobWriter::commit() {
  MW_TRY(pad());
  std::array<std::byte, 8> start = {};
  std::memcpy(start.data() + kHeaderCount, &count_, sizeof(count_));
  std::memcpy(start.data() + kHeaderVersion, &kBlobVersion, sizeof(kBlobVersion));
  MW_TRY(file_.write_at(0, start));
  return file_.commit();
}

}  // namespace millwright::mil
