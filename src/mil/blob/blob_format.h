// The weight file of Core ML models ("MILBlob storage format", version 2): where its fields stand, which element types
// it has codes for, and how elements narrower than a byte are packed. docs/mil-containers.md shows the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mil/type.h"

namespace millwright::mil {

inline constexpr uint32_t kBlobVersion = 2;
inline constexpr uint32_t kBlobSentinel = 0xDEADBEEF;
// Records and payloads begin at multiples of this; the file header and each record are as long.
inline constexpr uint64_t kBlobAlignment = 64;

// Byte offsets of the fields, little-endian, in the header of the file and in a record.
inline constexpr size_t kHeaderCount = 0;        // uint32
inline constexpr size_t kHeaderVersion = 4;      // uint32
inline constexpr size_t kRecordSentinel = 0;     // uint32
inline constexpr size_t kRecordElement = 4;      // uint32
inline constexpr size_t kRecordSize = 8;         // uint64, bytes of the payload
inline constexpr size_t kRecordDataOffset = 16;  // uint64, from the start of the file
inline constexpr size_t kRecordPadding = 24;     // uint64, unused bits at the payload's end, for elements below a byte

// The code of an element type, and back; nothing for types a blob file cannot hold (bool, string, fp64, int64, uint64).
std::optional<uint32_t> blob_code(ElementType element);
std::optional<ElementType> element_from_blob_code(uint32_t code);

// Width of one element in a blob file: 1 to 32 for the types with a code.
uint64_t blob_bits(ElementType element);
// Elements of 1, 2, 3, 4 or 6 bits.
bool is_packed(ElementType element);
// Bytes that `count` elements take; count at most 2^56.
uint64_t blob_bytes(ElementType element, uint64_t count);
uint64_t blob_padding_bits(ElementType element, uint64_t count);

// Between one byte per element (a Literal's form) and packed bits, filled from the least significant bit on; elements
// of 3 and 6 bits straddle bytes. `unpack` needs blob_bytes(element, count) bytes and extends the sign of int4.
std::vector<std::byte> pack(ElementType element, std::span<const std::byte> elements);
std::vector<std::byte> unpack(ElementType element, std::span<const std::byte> packed, uint64_t count);

}  // namespace millwright::mil
