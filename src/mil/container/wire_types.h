// Types and constants between mil::Type and mil::Literal and the protobuf messages ValueType and Value. Decoding checks
// every number before it allocates; it may throw protozero::exception, which the callers of the container code catch.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "mil/container/wire.h"
#include "mil/literal.h"
#include "mil/type.h"

namespace millwright::mil::wire {

// The number of an element type in the schema's DataType, and back.
uint32_t data_type(ElementType element);
std::optional<ElementType> element_from_data_type(uint64_t number);

// A ValueType message; `depth` types are around it.
Result<Type> decode_type(View bytes, int depth = 0);
void encode_type(protozero::pbf_writer& parent, uint32_t field, const Type& type);

// A Value message. Parts of lists, tuples and dictionaries must fit the type declared for them.
Result<Literal> decode_value(View bytes, const Type* declared = nullptr);
Status encode_value(protozero::pbf_writer& parent, uint32_t field, const Literal& literal);

// Bound of the product of known sizes, empty axes left out: the same as in text.
inline constexpr int64_t kLargestElementCount = int64_t{1} << 59;  // 2^62 bytes of the widest type

}  // namespace millwright::mil::wire
