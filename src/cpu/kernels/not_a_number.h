// NaN at the border of a machine that has none: whether an array holds one, and a copy with infinities instead.
#pragma once

#include <cstdint>

#include "cpu/kernels/layout.h"

namespace millwright::cpu {

// `storage` is float32, float16 or bfloat16; the elements lie side by side.
bool has_nan(Storage storage, const void* elements, int64_t count);

// destination[i] = source[i], NaN of either sign as +infinity. The two may be the same memory.
void copy_nan_as_infinity(Storage storage, const void* source, int64_t count, void* destination);

}  // namespace millwright::cpu
