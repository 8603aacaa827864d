// Plain loops over rows on the thread pool, several short rows to a chunk. The cut depends on the sizes only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/function_ref.h"
#include "base/parallel.h"

namespace millwright::cpu {

// Calls body(row) for every row; one chunk has about 16 thousand elements, or one row where rows are longer.
inline void parallel_rows(int64_t rows, int64_t elements_per_row, FunctionRef<void(int64_t row)> body) {
  constexpr int64_t kElementsPerChunk = 16384;
  const int64_t rows_per_chunk = std::max<int64_t>(1, kElementsPerChunk / std::max<int64_t>(1, elements_per_row));
  parallel_for((rows + rows_per_chunk - 1) / rows_per_chunk, [&](int64_t chunk) {
    const int64_t end = std::min(rows, (chunk + 1) * rows_per_chunk);
    for (int64_t row = chunk * rows_per_chunk; row < end; ++row) body(row);
  });
}

}  // namespace millwright::cpu
