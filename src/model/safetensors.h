// The safetensors file format: 8 bytes little-endian header length, a JSON header of names, element types, shapes and
// offsets, then the tensors' bytes. The reader maps the file and believes nothing before it has checked it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "mil/type.h"

namespace millwright::model {

using SafetensorsMetadata = std::map<std::string, std::string>;

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // as in the file: "F32", "BF16", …
  mil::Shape shape;
  size_t begin = 0;  // bytes from the start of the file
  size_t end = 0;

  int64_t count() const { return mil::element_count(shape); }
  // The name in quotes, as messages show it; whatever the file holds, it stays on one line.
  std::string quoted_name() const;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // by offset
  SafetensorsMetadata metadata;
};
// `source` names the file in errors. Every offset in the result lies inside `file`, no two tensors overlap, and each
// has as many bytes as its shape and dtype say.
Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file, const std::string& source);

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const Path& path);

  const Path& path() const { return path_; }
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const SafetensorsMetadata& metadata() const { return header_.metadata; }
  const SafetensorsEntry* find(std::string_view name) const;

  // The elements as fp32, from F32, F16 or BF16; `values` must have entry.count() elements.
  Status read(const SafetensorsEntry& entry, std::span<float> values) const;

 private:
  SafetensorsFile(Path path, MappedFile file, SafetensorsHeader header)
      : path_(std::move(path)), file_(std::move(file)), header_(std::move(header)) {}

  Path path_;
  MappedFile file_;
  SafetensorsHeader header_;
};

// Writes F32 tensors one after another, in the order and with the shapes announced at the start. The same input gives
// the same bytes. The file appears under its name only with finish().
class SafetensorsWriter {
 public:
  struct Tensor {
    std::string name;
    mil::Shape shape;
  };
  static Result<SafetensorsWriter> open(const Path& path, std::span<const Tensor> tensors,
                                        const SafetensorsMetadata& metadata = {});

  // The next tensor, whole.
  Status write(std::span<const float> values);
  Status finish();

 private:
  SafetensorsWriter(AtomicFile file, std::vector<int64_t> counts)
      : file_(std::move(file)), counts_(std::move(counts)) {}

  AtomicFile file_;
  std::vector<int64_t> counts_;  // elements of each announced tensor
  size_t next_ = 0;
};

}  // namespace millwright::model
