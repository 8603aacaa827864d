// The products of MIL as faithful_products() computes them: matmul, linear, einsum and conv for the interpreter.
#pragma once

#include "device/emulated/faithful_sum.h"
#include "mil/interpreter/interpreter.h"

namespace millwright::device {

// Overrides for every kind of product but conv_transpose, which keeps the interpreter's exact sum: no measurement of it
// is known. A bias is added after the product was rounded, as an operation of its own would be.
void add_faithful_products(SumRounding rounding, mil::OperationOverrides& overrides);

}  // namespace millwright::device
