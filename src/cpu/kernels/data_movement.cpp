// One N-d strided copy with three inner loops: a run that is contiguous on both sides, a two-dimensional transpose in
// cache-sized tiles, and the general one.
#include "cpu/kernels/data_movement.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/data_movement.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

// destination[j * destination_stride + i] = source[i * source_stride + j] for i < rows, j < columns; 4-byte elements.
// Loads and stores of lanes move any bits unchanged.
void target_transpose(const float* source, int64_t source_stride, int64_t rows, int64_t columns, float* destination,
                      int64_t destination_stride) {
  const int64_t tiled_rows = rows - rows % kFloatLanes;
  const int64_t tiled_columns = columns - columns % kFloatLanes;
  for (int64_t i = 0; i < tiled_rows; i += kFloatLanes) {
    for (int64_t j = 0; j < tiled_columns; j += kFloatLanes) {
      transpose_tile(source + i * source_stride + j, source_stride, destination + j * destination_stride + i,
                     destination_stride);
    }
  }
  const auto* from = reinterpret_cast<const uint32_t*>(source);
  auto* to = reinterpret_cast<uint32_t*>(destination);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = i < tiled_rows ? tiled_columns : 0; j < columns; ++j) {
      to[j * destination_stride + i] = from[i * source_stride + j];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_transpose);

namespace {

// Bytes that one task moves, about.
constexpr int64_t kTaskBytes = 128 * 1024;
// Side of a transposed tile: 64 x 64 floats of source and destination are 32 KiB and stay in L1.
constexpr int64_t kTile = 64;

struct CopySpace {
  Dims sizes, source_strides, destination_strides;
};

// Drops dimensions of size 1, orders the rest by destination stride and merges neighbours.
CopySpace collapse(const Dims& sizes, const Dims& source_strides, const Dims& destination_strides) {
  Dims order;
  for (int dim = 0; dim < sizes.rank(); ++dim) {
    if (sizes[dim] == 1) continue;
    order.push_back(dim);
    for (int i = order.rank() - 1; i > 0; --i) {
      const auto left = static_cast<int>(order[i - 1]), right = static_cast<int>(order[i]);
      if (destination_strides[left] >= destination_strides[right]) break;
      std::swap(order[i - 1], order[i]);
    }
  }
  CopySpace space;
  for (int64_t flat : order) {
    const auto dim = static_cast<int>(flat);
    const int last = space.sizes.rank() - 1;
    if (last >= 0 && space.source_strides[last] == source_strides[dim] * sizes[dim] &&
        space.destination_strides[last] == destination_strides[dim] * sizes[dim]) {
      space.sizes[last] *= sizes[dim];
      space.source_strides[last] = source_strides[dim];
      space.destination_strides[last] = destination_strides[dim];
      continue;
    }
    space.sizes.push_back(sizes[dim]);
    space.source_strides.push_back(source_strides[dim]);
    space.destination_strides.push_back(destination_strides[dim]);
  }
  if (space.sizes.rank() == 0) {
    space.sizes = {1};
    space.source_strides = space.destination_strides = {1};
  }
  return space;
}

struct Offsets {
  int64_t source = 0, destination = 0;
};

// Offsets of flat index `flat` over all dimensions but those named (-1 for none).
Offsets offsets_without(const CopySpace& space, int first_skipped, int second_skipped, int64_t flat) {
  Offsets offsets;
  for (int dim = space.sizes.rank() - 1; dim >= 0; --dim) {
    if (dim == first_skipped || dim == second_skipped) continue;
    const int64_t index = flat % space.sizes[dim];
    flat /= space.sizes[dim];
    offsets.source += index * space.source_strides[dim];
    offsets.destination += index * space.destination_strides[dim];
  }
  return offsets;
}

template <class Element>
void copy_run(const Element* source, int64_t source_stride, int64_t count, Element* destination,
              int64_t destination_stride) {
  if (source_stride == 1 && destination_stride == 1) {
    std::memcpy(destination, source, static_cast<size_t>(count) * sizeof(Element));
  } else if (source_stride == 0 && destination_stride == 1) {
    std::fill_n(destination, count, *source);
  } else {
    for (int64_t i = 0; i < count; ++i) destination[i * destination_stride] = source[i * source_stride];
  }
}

template <class Element>
void copy_runs(const CopySpace& space, const Element* source, Element* destination) {
  const int inner = space.sizes.rank() - 1;
  const int64_t run = space.sizes[inner];
  const int64_t runs = element_count(space.sizes) / run;
  const int64_t task_elements = kTaskBytes / static_cast<int64_t>(sizeof(Element));
  // Long runs are cut, short ones are grouped.
  const int64_t pieces = (run + task_elements - 1) / task_elements;
  const int64_t runs_per_task = std::max<int64_t>(task_elements / run, 1);
  parallel_for((runs + runs_per_task - 1) / runs_per_task * pieces, [&](int64_t task) {
    const int64_t first = task % pieces * task_elements;
    const int64_t count = std::min(task_elements, run - first);
    const int64_t end = std::min((task / pieces + 1) * runs_per_task, runs);
    for (int64_t index = task / pieces * runs_per_task; index < end; ++index) {
      const Offsets offsets = offsets_without(space, inner, -1, index);
      copy_run(source + offsets.source + first * space.source_strides[inner], space.source_strides[inner], count,
               destination + offsets.destination + first * space.destination_strides[inner],
               space.destination_strides[inner]);
    }
  });
}

template <class Element>
void transpose_plain(const Element* source, int64_t source_stride, int64_t rows, int64_t columns, Element* destination,
                     int64_t destination_stride) {
  for (int64_t j = 0; j < columns; ++j) {
    for (int64_t i = 0; i < rows; ++i) destination[j * destination_stride + i] = source[i * source_stride + j];
  }
}

// The innermost dimension is contiguous in the destination, dimension `across` in the source.
template <class Element>
void copy_transposed(const CopySpace& space, int across, const Element* source, Element* destination) {
  const int inner = space.sizes.rank() - 1;
  const int64_t rows = space.sizes[inner];
  const int64_t columns = space.sizes[across];
  const int64_t row_tiles = (rows + kTile - 1) / kTile;
  const int64_t column_tiles = (columns + kTile - 1) / kTile;
  const int64_t planes = element_count(space.sizes) / (rows * columns);
  const int64_t tile_bytes = std::min(rows, kTile) * std::min(columns, kTile) * static_cast<int64_t>(sizeof(Element));
  const int64_t tiles_per_task = std::max<int64_t>(kTaskBytes / tile_bytes, 1);
  const int64_t tiles = planes * row_tiles * column_tiles;
  parallel_for((tiles + tiles_per_task - 1) / tiles_per_task, [&](int64_t task) {
    const int64_t end = std::min((task + 1) * tiles_per_task, tiles);
    for (int64_t tile = task * tiles_per_task; tile < end; ++tile) {
      const int64_t row = tile % row_tiles * kTile;
      const int64_t column = tile / row_tiles % column_tiles * kTile;
      const Offsets offsets = offsets_without(space, inner, across, tile / row_tiles / column_tiles);
      const Element* from = source + offsets.source + row * space.source_strides[inner] + column;
      Element* to = destination + offsets.destination + column * space.destination_strides[across] + row;
      const int64_t tile_rows = std::min(kTile, rows - row), tile_columns = std::min(kTile, columns - column);
      if constexpr (sizeof(Element) == sizeof(float)) {
        HWY_DYNAMIC_DISPATCH(target_transpose)
        (reinterpret_cast<const float*>(from), space.source_strides[inner], tile_rows, tile_columns,
         reinterpret_cast<float*>(to), space.destination_strides[across]);
      } else {
        transpose_plain(from, space.source_strides[inner], tile_rows, tile_columns, to,
                        space.destination_strides[across]);
      }
    }
  });
}

template <class Element>
void copy(const CopySpace& space, const void* source, void* destination) {
  const int inner = space.sizes.rank() - 1;
  const auto* from = static_cast<const Element*>(source);
  auto* to = static_cast<Element*>(destination);
  if (space.destination_strides[inner] == 1 && space.source_strides[inner] > 1) {
    for (int dim = 0; dim < inner; ++dim) {
      if (space.source_strides[dim] == 1) return copy_transposed(space, dim, from, to);
    }
  }
  copy_runs(space, from, to);
}

}  // namespace

void strided_copy(int64_t element_bytes, const Dims& sizes, const void* source, const Dims& source_strides,
                  void* destination, const Dims& destination_strides) {
  MW_CHECK(sizes.rank() == source_strides.rank() && sizes.rank() == destination_strides.rank(), "ranks {}, {}, {}",
           sizes.rank(), source_strides.rank(), destination_strides.rank());
  if (element_count(sizes) == 0) return;
  const CopySpace space = collapse(sizes, source_strides, destination_strides);
  switch (element_bytes) {
    case 1:
      return copy<uint8_t>(space, source, destination);
    case 2:
      return copy<uint16_t>(space, source, destination);
    case 4:
      return copy<uint32_t>(space, source, destination);
    case 8:
      return copy<uint64_t>(space, source, destination);
    default:
      MW_CHECK(false, "elements of {} bytes", element_bytes);
  }
}

void strided_fill(int64_t element_bytes, const Dims& sizes, const void* value, void* destination,
                  const Dims& destination_strides) {
  Dims source_strides = sizes;
  for (int dim = 0; dim < sizes.rank(); ++dim) source_strides[dim] = 0;
  strided_copy(element_bytes, sizes, value, source_strides, destination, destination_strides);
}

}  // namespace millwright::cpu
#endif
