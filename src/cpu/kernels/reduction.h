// Reductions over any set of axes of a strided tensor or of an elementwise program's value, in a fixed order: the
// bits depend on the shape (and the vector width), never on the thread count. Sums are chunked, so errors stay near
// those of a pairwise sum.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/layout.h"

namespace millwright::cpu {

enum class ReductionKind : uint8_t { sum, mean, max, min, prod, sum_square };

// output[kept] = reduce over the reduced dimensions of the single float output of `map` (its outputs[0]).
// `sizes` is the iteration space; reduced[d] says whether dimension d is summed away. The output has one stride per
// dimension, ignored (give 0) in the reduced ones. An empty reduction gives the neutral element (0, 1, -inf, inf; mean
// NaN).
void reduce(ReductionKind kind, const ElementwiseKernel& map, const Dims& sizes, std::array<bool, kMaxRank> reduced,
            std::span<const ElementwiseInput> inputs, float* output, const Dims& output_strides);

// The same with the identity map.
void reduce(ReductionKind kind, const Dims& sizes, std::array<bool, kMaxRank> reduced, const float* input,
            const Dims& input_strides, float* output, const Dims& output_strides);

}  // namespace millwright::cpu
