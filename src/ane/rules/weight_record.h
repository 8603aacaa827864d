// One record of a weight file as its bytes are, right or wrong: the reader of src/mil refuses what is damaged, the
// rules say what the engine makes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::ane {

struct WeightRecord {
  bool in_file = false;  // 64 bytes of it stand in the file
  uint32_t sentinel = 0;
  uint32_t element_code = 0;
  uint64_t payload_bytes = 0;
  uint64_t payload_offset = 0;
};

// A reference of the program into a weight file.
struct WeightUse {
  const mil::Operation* operation;
  const mil::Literal* literal;
  uint64_t offset() const { return literal->blob_reference().offset; }
  const mil::SharedText& path() const { return literal->blob_reference().path; }
};

std::vector<WeightUse> weight_uses(const mil::Program& program);

WeightRecord read_record(std::span<const std::byte> file, uint64_t offset);

}  // namespace millwright::ane
