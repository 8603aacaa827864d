// The target's reduction loops over one block. Internal to reduction.cpp.
#pragma once

#include <cstdint>

#include "cpu/kernels/reduction.h"

namespace millwright::cpu {

// The reduction of x[0 .. count), count > 0, in several vector accumulators; mean and sum are the sum. count is at most
// a block, so float accumulators of the vector's lanes add at most a few dozen terms each.
double reduce_block(ReductionKind kind, const float* x, int64_t count);

// sums[j] = combine(sums[j], x[row * width + j]) for every row.
void accumulate_rows(ReductionKind kind, const float* x, int64_t rows, int64_t width, float* sums);

}  // namespace millwright::cpu
