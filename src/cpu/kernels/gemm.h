// Matrix product with batches: C = alpha * A·B + addend, A [m, k], B [k, n], C [m, n], float arithmetic, packed panels.
// Each element of C is summed over k in an order that depends on the shape only: equal bits at any thread count.
#pragma once

#include <array>
#include <cstdint>

#include "cpu/kernels/layout.h"

namespace millwright::cpu {

inline constexpr int kGemmBatchDims = 3;

// A logical [rows, columns] matrix per batch index. Transposition is a swap of the two strides; strides may be
// anything, it is fast when one of them is 1.
struct GemmInput {
  const void* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
  std::array<int64_t, kGemmBatchDims> batch_strides{};  // 0: the same matrix at every index of that dimension
  Storage storage = Storage::float32;                   // float32, float16 or bfloat16
};

// Strides may be anything; it is fast when one of row_stride and column_stride is 1.
struct GemmOutput {
  float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
  std::array<int64_t, kGemmBatchDims> batch_strides{};  // 0 in reduced dimensions
};

struct GemmBatch {
  int64_t size = 1;
  bool reduce = false;  // C is the sum of the products over this dimension
};

// Examples, activations [B, C, S] with S contiguous:
//   Y[b] = W·X[b]          m=out k=in n=S, batch {B}: a strides {0}, b {in*S}, c {out*S}        (W is packed once)
//   dX[b] = Wᵀ·dY[b]       the same with a.row_stride=1, a.column_stride=in
//   dW = Σ_b dY[b]·X[b]ᵀ   m=out k=S n=in, batch {B, reduce}, b.row_stride=1, b.column_stride=S, c {0}
//   grouped-query scores   batch {B}, {Hkv}, {G}: the key has stride 0 over G; its gradient reduces over G
struct GemmProblem {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  std::array<GemmBatch, kGemmBatchDims> batch{};
  GemmInput a;
  GemmInput b;
  GemmOutput c;
  float alpha = 1.0f;
  // Added to the product, laid out exactly as c: nullptr for nothing, c.data to accumulate into C, or a residual.
  const float* addend = nullptr;
};

// C must overlap neither A nor B.
void gemm(const GemmProblem& problem);

}  // namespace millwright::cpu
