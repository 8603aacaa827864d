// Products with one matrix of at most kGemmSkinnyColumns columns: memory-bound, the large operand is streamed once and
// never packed. Internal to gemm.cpp.
#pragma once

#include <cstdint>

#include "cpu/kernels/gemm.h"

namespace millwright::cpu {

inline constexpr int64_t kGemmSkinnyColumns = 8;

// One product of the batch, n <= kGemmSkinnyColumns, no batch dimensions left.
struct SkinnyProblem {
  int64_t m = 0, n = 0, k = 0;
  GemmInput a, b;  // data already at this batch index; batch_strides unused
  float* c = nullptr;
  int64_t c_row_stride = 0, c_column_stride = 0;
  const float* addend = nullptr;
  float alpha = 1.0f;
};

// Whether A has a layout that can be streamed: one of its strides is 1.
bool can_stream(const GemmInput& a);

// Rows are cut into chunks of skinny_chunk_rows(); chunks are independent. `packed_b` is the n x k matrix B transposed,
// row by row at a pitch of k, from pack_skinny_b.
int64_t skinny_chunk_rows(const SkinnyProblem& problem);
void pack_skinny_b(const SkinnyProblem& problem, float* packed_b);
void multiply_skinny_rows(const SkinnyProblem& problem, const float* packed_b, int64_t first_row, int64_t row_count);

}  // namespace millwright::cpu
