#include "ane/rules/weight_record.h"

#include <bit>
#include <cstring>

#include "ane/rules/walk.h"
#include "mil/blob/blob_format.h"

namespace millwright::ane {

namespace {

// Weight files are little-endian, as is every machine this runs on.
static_assert(std::endian::native == std::endian::little);

template <class T>
T load(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

std::vector<WeightUse> weight_uses(const mil::Program& program) {
  std::vector<WeightUse> uses;
  for_each_operation(program, [&](const mil::Operation& operation) {
    for (const mil::Attribute& attribute : operation.attributes()) {
      if (attribute.value.is_blob()) uses.push_back({&operation, &attribute.value});
    }
    for (const mil::Operand& operand : operation.operands()) {
      for (const mil::Argument& argument : operand.arguments) {
        const auto* literal = std::get_if<mil::Literal>(&argument);
        if (literal != nullptr && literal->is_blob()) uses.push_back({&operation, literal});
      }
    }
  });
  return uses;
}

WeightRecord read_record(std::span<const std::byte> file, uint64_t offset) {
  WeightRecord record;
  if (file.size() < mil::kBlobAlignment || offset > file.size() - mil::kBlobAlignment) return record;
  const auto bytes = file.subspan(static_cast<size_t>(offset), mil::kBlobAlignment);
  record.in_file = true;
  record.sentinel = load<uint32_t>(bytes, mil::kRecordSentinel);
  record.element_code = load<uint32_t>(bytes, mil::kRecordElement);
  record.payload_bytes = load<uint64_t>(bytes, mil::kRecordSize);
  record.payload_offset = load<uint64_t>(bytes, mil::kRecordDataOffset);
  return record;
}

}  // namespace millwright::ane
