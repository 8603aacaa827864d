// The engine's multiply-add unit, after measurements on an M1 (the fact base: C56 to C58): products pass through tiles
// of four lanes whose running sum is fp16; the sums of the tiles are added in fp32.
#pragma once

#include <cstdint>
#include <limits>

#include "ane/chip_profile.h"

namespace millwright::device {

struct SumRounding {
  ane::Ties ties = ane::Ties::to_even;  // of a sum half-way between two fp16 numbers (C57)
  bool flushes_denormals = false;       // fp16 denormal factors and sums count as +0 (C58)
  // A sum on the way that reaches this in size is infinite (C52 as an option); else sums on the way have fp16's digits
  // and fp32's range.
  float partial_limit = std::numeric_limits<float>::infinity();
};

// x rounded to fp16 and back. Overflow gives an infinity.
float round_to_fp16(float x, ane::Ties ties);
// x rounded to the 11 digits of fp16, whatever its size.
float round_to_fp16_digits(float x, ane::Ties ties);

// C[i, j] = Σ_k A[i, k] · B[j, k], each result rounded to fp16: A [rows, terms], B [columns, terms], C [rows, columns],
// row-major. The terms are added in their order, so that equal inputs give equal bits at any thread count.
void faithful_products(const float* a, const float* b, int64_t rows, int64_t columns, int64_t terms,
                       SumRounding rounding, float* c);

}  // namespace millwright::device
