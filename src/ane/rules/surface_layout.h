// How tensors lie in surfaces, and which surface belongs to which tensor.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ane/chip_profile.h"
#include "mil/type.h"

namespace millwright::ane {

// Rows of padded surfaces take whole multiples of this (U1).
inline constexpr int64_t kRowBytes = 64;

// Bytes from one row of the last axis to the next.
int64_t row_stride(const mil::Type& type, SurfaceRows rows);
// What a surface must hold: every row of the last axis. The shape must be static. A size that no
// machine has is cut to the largest int64.
int64_t surface_bytes(const mil::Type& type, SurfaceRows rows);

// order[i] is the index of the name that slot i of a request binds to (U2).
std::vector<size_t> binding_order(std::span<const std::string_view> names, Binding binding);

}  // namespace millwright::ane
