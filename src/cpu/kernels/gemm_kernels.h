// The instruction-set dependent parts of the matrix product: packing of operands into panels and the product of packed
// panels. Internal to gemm.cpp, which owns blocking, batches and threads.
#pragma once

#include <cstdint>

#include "cpu/kernels/layout.h"

namespace millwright::cpu {

// K is cut into blocks of at most this many. One B panel block (256 x 32 floats on AVX-512) is 32 KiB and one A panel
// block (12 rows) 13 KiB: together they just fit a 48 KiB L1 cache.
inline constexpr int64_t kGemmKBlock = 256;

// Row pitch, in floats, of an A panel stored row by row: a little more than a K block, so that the rows of a panel fall
// into different cache sets (a pitch of 1 KiB would put them into four).
inline constexpr int64_t kGemmRowPitch = kGemmKBlock + 16;

// A rectangle of an operand: `count` rows of A (columns of B) by `k`.
struct GemmPackSource {
  const void* data = nullptr;
  int64_t stride = 0;  // between rows of A, between columns of B
  int64_t k_stride = 0;
  Storage storage = Storage::float32;
};

// One strip of C: a panel's rows (of A) or columns (of B). Offsets in elements.
struct GemmPanel {
  int64_t source_offset = 0;
  int64_t c_offset = 0;
  int64_t valid = 0;  // rows or columns that exist; the rest of the panel is zeros
};

// Memory that the next block's packing will read: `rows` of `row_lines` cache lines each. A product fetches it into L2
// while it computes, so that cold weights cost no waiting. rows == 0: nothing.
struct GemmPrefetch {
  const char* first = nullptr;
  int64_t row_stride = 0;  // bytes
  int64_t row_lines = 0;
  int64_t rows = 0;
};

// The elements of one A panel for one k block, packed or in place. Row form: row r at data + r * stride, k contiguous.
// K-major form: k at data + k * stride, rows contiguous.
struct GemmPanelData {
  const float* data = nullptr;
  int64_t stride = 0;
};

struct GemmBlock {
  bool a_k_major = false;
  const GemmPanel* a_panels = nullptr;
  const GemmPanelData* a = nullptr;  // one per panel
  int64_t a_count = 0;
  const GemmPanel* b_panels = nullptr;
  const float* b = nullptr;  // packed, at the first k of this block
  int64_t b_panel_stride = 0;
  int64_t b_count = 0;
  int64_t k = 0;
  float* c = nullptr;
  int64_t c_row_stride = 0;
  int64_t c_column_stride = 1;
  const float* addend = nullptr;  // nullptr, or laid out as c
  float alpha = 1.0f;
  GemmPrefetch prefetch;
};

struct GemmKernels {
  int64_t panel_rows = 0;      // of A
  int64_t panel_columns = 0;   // of B
  int64_t k_major_pitch = 0;   // floats between neighbouring k of a k-major A panel
  int64_t a_panel_floats = 0;  // of either layout
  // `destination` points at the first k of this piece inside the panel. A row by row: row r at r * kGemmRowPitch.
  void (*pack_a_rows)(const GemmPackSource& source, int64_t count, int64_t k, float* destination) = nullptr;
  // A k-major: k at k * k_major_pitch; the source's rows are contiguous unless `count` is at most one panel. `count`
  // may span panels, which are then panel_stride apart.
  void (*pack_a_k_major)(const GemmPackSource& source, int64_t count, int64_t k, float* destination,
                         int64_t panel_stride) = nullptr;
  // B: k at k * panel_columns.
  void (*pack_b)(const GemmPackSource& source, int64_t count, int64_t k, float* destination) = nullptr;
  void (*multiply)(const GemmBlock& block) = nullptr;
};

// Those of the best (or forced) target.
const GemmKernels& gemm_kernels();

}  // namespace millwright::cpu
