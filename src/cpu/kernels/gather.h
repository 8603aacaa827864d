// Gather and scatter-add by int32 indices. Scatters are split over destinations or columns, never over sources: sums
// have the order of the indices at any thread count. A negative index counts from the end of the axis. Indices must be
// valid: check user data with first_invalid_index first.
#pragma once

#include <cstdint>

namespace millwright::cpu {

// Position of the first index outside [-axis, axis), or -1 when all are valid.
int64_t first_invalid_index(const int32_t* indices, int64_t count, int64_t axis);

// y[o, i, :] = x[o, indices[i], :]: x [outer, axis, inner], y [outer, count, inner]; element_bytes 1, 2, 4 or 8.
void gather(int64_t element_bytes, const void* x, int64_t outer, int64_t axis, int64_t inner, const int32_t* indices,
            int64_t count, void* y);

// y[o, indices[i], :] += x[o, i, :]: x [outer, count, inner], y [outer, axis, inner] (the caller's zeros or sum so
// far).
void scatter_add(const float* x, int64_t outer, int64_t count, int64_t inner, const int32_t* indices, int64_t axis,
                 float* y);

// y[o, i, j] = x[o, indices[o, i, j], j]: x [outer, axis, inner], indices and y [outer, count, inner].
void gather_along_axis(int64_t element_bytes, const void* x, int64_t outer, int64_t axis, int64_t inner,
                       const int32_t* indices, int64_t count, void* y);

// y[o, indices[o, i, j], j] += x[o, i, j]: x and indices [outer, count, inner], y [outer, axis, inner].
void scatter_add_along_axis(const float* x, int64_t outer, int64_t count, int64_t inner, const int32_t* indices,
                            int64_t axis, float* y);

}  // namespace millwright::cpu
