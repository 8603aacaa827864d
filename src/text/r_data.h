// Text out of an unpacked R package: the character vectors in its lazy-load database (data/Rdata.rdx and Rdata.rdb).
// Books come by package in this form. Only what such vectors need is read; R itself is not needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace millwright::text {

// Where one object of the package lies in Rdata.rdb.
struct RIndexEntry {
  std::string name;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct RCharacterVector {
  std::string name;
  std::vector<std::string> strings;  // UTF-8; NA is empty
};

// Rdata.rdx, decompressed: a serialized list whose member `variables` names the entries. `source` stands in errors.
Result<std::vector<RIndexEntry>> parse_r_index(std::span<const std::byte> serialized, const std::string& source);

// One decompressed object; an error when it is no character vector.
Result<std::vector<std::string>> parse_r_character_vector(std::span<const std::byte> serialized,
                                                          const std::string& source);

// gzip or zlib data; an error beyond max_bytes.
Result<std::vector<std::byte>> inflate_bytes(std::span<const std::byte> compressed, size_t max_bytes,
                                             const std::string& source);

// One chunk of Rdata.rdb: its length when decompressed (u32, big-endian), then zlib data.
Result<std::vector<std::byte>> inflate_r_chunk(std::span<const std::byte> chunk, const std::string& source);

// All character vectors of the package whose `data` folder this is, in the order of the index.
Result<std::vector<RCharacterVector>> read_r_character_vectors(const Path& data_folder);

}  // namespace millwright::text
