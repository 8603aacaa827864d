// Copies between strided tensors and fills. One copy does transposes, slices, pads, concatenations and broadcasts:
// the caller offsets the pointers and gives the strides.
#pragma once

#include <cstdint>

#include "cpu/kernels/layout.h"

namespace millwright::cpu {

// destination[i] = source[i] over the index space `sizes`; strides in elements of element_bytes (1, 2, 4 or 8) bytes.
// A source stride of 0 broadcasts. Source and destination must not overlap.
void strided_copy(int64_t element_bytes, const Dims& sizes, const void* source, const Dims& source_strides,
                  void* destination, const Dims& destination_strides);

// destination[i] = *value (element_bytes bytes).
void strided_fill(int64_t element_bytes, const Dims& sizes, const void* value, void* destination,
                  const Dims& destination_strides);

}  // namespace millwright::cpu
