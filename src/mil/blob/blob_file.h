// Reads and writes one weight file. The reader maps the file and believes nothing in it: every number is checked before
// it is used, and a file that is cut short or lies about itself is an error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "mil/literal.h"

namespace millwright::mil {

struct BlobRecord {
  uint64_t offset = 0;  // where the record stands: what BLOBFILE(offset = …) names
  ElementType element = ElementType::fp16;
  uint64_t size_bytes = 0;
  uint64_t data_offset = 0;
  uint64_t count = 0;  // elements
};

class BlobFile {
 public:
  static Result<BlobFile> open(const Path& path);
  // A file already in memory; `bytes` must outlive it and `name` stands for it in messages.
  static Result<BlobFile> view(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  size_t size() const { return bytes_.size(); }
  // What the header says. Some writers leave it at 1 however many records follow.
  uint32_t declared_count() const { return declared_count_; }

  // The record at `offset`, checked against the file.
  Result<BlobRecord> record(uint64_t offset) const;
  // All records, in the order of the file; an error when there are fewer than the header says.
  Result<std::vector<BlobRecord>> records() const;

  // The payload of a record that this file gave, as it stands: elements narrower than a byte are packed.
  std::span<const std::byte> payload(const BlobRecord& record) const;
  // The record at `offset` as a literal of `type`, elements narrower than a byte unpacked.
  Result<Literal> load(uint64_t offset, const Type& type) const;
  // The record at `offset`, after checking that it holds exactly the elements of `type`.
  Result<BlobRecord> record_of(uint64_t offset, const Type& type) const;

 private:
  BlobFile() = default;
  Status read_header();

  std::optional<MappedFile> mapping_;
  std::span<const std::byte> bytes_;
  std::string name_;
  uint32_t declared_count_ = 0;
};

// Writes a weight file piece by piece under a temporary name; without commit() nothing is left behind.
class BlobWriter {
 public:
  static Result<BlobWriter> create(const Path& path);

  // Appends a record and returns its offset. Payload as in the file: packed below a byte, `count` elements.
  Result<uint64_t> append(ElementType element, uint64_t count, std::span<const std::byte> payload);
  // The same for a tensor held inline whose element type has a code. Equal tensors may be given one record by the
  // caller (program_blobs.h); the writer does not look for them.
  Result<uint64_t> append(const Literal& literal);

  uint32_t count() const { return count_; }
  // Fills in the count, syncs and gives the file its name.
  Status commit();

 private:
  explicit BlobWriter(AtomicFile file) : file_(std::move(file)) {}
  Status pad();

  AtomicFile file_;
  uint32_t count_ = 0;
};

}  // namespace millwright::mil
