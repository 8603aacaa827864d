// Sizes of values as the engine moves them: on surfaces with padded rows, on chip without, and constants as they are
// stored. In doubles, because a program may claim sizes beyond 63 bits.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "mil/ir.h"

namespace millwright::ane {

// Bytes of a tensor or state, rows packed; 0 for other types.
double value_bytes(const mil::Type& type);
// The same on a surface: rows take whole multiples of 64 bytes (U1).
double surface_bytes(const mil::Type& type);

// An operation that turns stored constants into a weight at load time: constexpr_…
bool is_decompression(const mil::Operation& operation);
// A constant tensor that takes part in arithmetic, as it is or decompressed.
bool is_weight(const mil::Value& value);
// A constant that only describes an operation: axes, flags, names.
bool is_parameter(const mil::Value& value);
// Bytes of a weight that cross DRAM: as stored, or decompressed to its own type.
double weight_bytes(const mil::Value& value, bool as_stored);

// Equal for weights that name the same bytes.
using WeightKey = std::tuple<std::string, uint64_t, const void*>;
WeightKey weight_key(const mil::Value& value);

// A value that holds int8 numbers: dequantized from them, by run-time or load-time operations.
bool is_int8_source(const mil::Value& value);

}  // namespace millwright::ane
