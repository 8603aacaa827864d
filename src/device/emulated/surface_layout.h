// How the engine lays an operand out in a surface: one row per index of all axes but the last, each row padded to 64
// bytes (the fact base: U1, C30; channel first, C3E).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ane/chip_profile.h"
#include "mil/type.h"

namespace millwright::device {

struct SurfaceLayout {
  int64_t rows = 1;
  int64_t row_bytes = 0;   // elements of one row, without padding
  int64_t row_stride = 0;  // from one row to the next

  int64_t bytes() const { return rows * row_stride; }
  // Whether the rows follow each other without gaps, as a plain row-major array has them.
  bool is_packed() const { return row_stride == row_bytes || rows == 1; }
};

// Of a tensor of known shape. The last axis is the row; a scalar is one row of one element.
SurfaceLayout surface_layout(const mil::Type& type, ane::SurfaceRows rows);

// Between a surface and a row-major array of the same elements. Padding of a surface is not written.
void unpack_rows(const SurfaceLayout& layout, const std::byte* surface, std::byte* elements);
void pack_rows(const SurfaceLayout& layout, const std::byte* elements, std::byte* surface);

}  // namespace millwright::device
