#include "mil/blob/blob_format.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace millwright::mil {
namespace {

struct ElementCode {
  ElementType element;
  uint32_t code;
  uint64_t bits;
};

// Source: coremltools, mlmodel/src/MILBlob/Blob/BlobDataType.hpp. Codes 1 to 4 were seen in files of Apple's tools.
constexpr std::array<ElementCode, 17> kCodes = {{
    {ElementType::fp16, 1, 16},
    {ElementType::fp32, 2, 32},
    {ElementType::uint8, 3, 8},
    {ElementType::int8, 4, 8},
    {ElementType::bf16, 5, 16},
    {ElementType::int16, 6, 16},
    {ElementType::uint16, 7, 16},
    {ElementType::int4, 8, 4},
    {ElementType::uint1, 9, 1},
    {ElementType::uint2, 10, 2},
    {ElementType::uint4, 11, 4},
    {ElementType::uint3, 12, 3},
    {ElementType::uint6, 13, 6},
    {ElementType::int32, 14, 32},
    {ElementType::uint32, 15, 32},
    {ElementType::fp8e4m3fn, 16, 8},
    {ElementType::fp8e5m2, 17, 8},
}};

}  // namespace

std::optional<uint32_t> blob_code(ElementType element) {
  const auto found = std::ranges::find(kCodes, element, &ElementCode::element);
  if (found == kCodes.end()) return std::nullopt;
  return found->code;
}

std::optional<ElementType> element_from_blob_code(uint32_t code) {
  const auto found = std::ranges::find(kCodes, code, &ElementCode::code);
  if (found == kCodes.end()) return std::nullopt;
  return found->element;
}

uint64_t blob_bits(ElementType element) {
  const auto found = std::ranges::find(kCodes, element, &ElementCode::element);
  MW_CHECK(found != kCodes.end(), "blob files cannot hold {}", element_name(element));
  return found->bits;
}

bool is_packed(ElementType element) {
  const auto found = std::ranges::find(kCodes, element, &ElementCode::element);
  return found != kCodes.end() && found->bits < 8;
}

uint64_t blob_bytes(ElementType element, uint64_t count) { return (count * blob_bits(element) + 7) / 8; }

uint64_t blob_padding_bits(ElementType element, uint64_t count) {
  return 8 * blob_bytes(element, count) - count * blob_bits(element);
}

std::vector<std::byte> pack(ElementType element, std::span<const std::byte> elements) {
  const uint64_t bits = blob_bits(element);
  std::vector<std::byte> packed;
  packed.reserve(blob_bytes(element, elements.size()));
  const uint32_t mask = (1u << bits) - 1;
  uint32_t pending = 0;  // bits not yet written, at most 7 before each element
  uint64_t pending_bits = 0;
  for (const std::byte value : elements) {
    pending |= (static_cast<uint32_t>(value) & mask) << pending_bits;
    pending_bits += bits;
    if (pending_bits < 8) continue;
    packed.push_back(static_cast<std::byte>(pending & 0xff));
    pending >>= 8;
    pending_bits -= 8;
  }
  if (pending_bits > 0) packed.push_back(static_cast<std::byte>(pending & 0xff));
  return packed;
}

std::vector<std::byte> unpack(ElementType element, std::span<const std::byte> packed, uint64_t count) {
  const uint64_t bits = blob_bits(element);
  MW_CHECK(packed.size() == blob_bytes(element, count), "{} bytes for {} elements of {} bits", packed.size(), count,
           bits);
  std::vector<std::byte> elements(count);
  const uint32_t mask = (1u << bits) - 1;
  const uint32_t sign = is_signed_integer(element) ? 1u << (bits - 1) : 0;
  uint32_t pending = 0;
  uint64_t pending_bits = 0;
  size_t next = 0;
  for (std::byte& value : elements) {
    if (pending_bits < bits) {
      pending |= static_cast<uint32_t>(packed[next++]) << pending_bits;
      pending_bits += 8;
    }
    uint32_t number = pending & mask;
    if ((number & sign) != 0) number |= ~mask;
    value = static_cast<std::byte>(number & 0xff);
    pending >>= bits;
    pending_bits -= bits;
  }
  return elements;
}

}  // namespace millwright::mil
