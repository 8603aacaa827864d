// A matrix product over views as one call of the GEMM kernel: what matmul, linear, einsum and convolutions become.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/lowering.h"

namespace millwright::cpu {

// C [batch…, m, n] = alpha · A [batch…, m, k] · B [batch…, k, n] + addend. Views have equal batch axes; c and addend
// have stride 0 in the reduced ones.
struct Product {
  View a;
  View b;
  View c;
  std::vector<uint8_t> reduced;  // one per batch axis
  float alpha = 1;
  std::optional<View> addend;
};

// Fails where a and b are not fp32, fp16 or bf16, or c is not fp32. `accumulates`: c is added to what is there.
Status emit_product(Lowering& lowering, const mil::Operation& operation, Product product, bool accumulates = false);

}  // namespace millwright::cpu
