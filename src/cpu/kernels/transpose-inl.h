// Transposes of square float tiles (vector lanes on a side) in registers. Compiled once per Highway target.
#if defined(MILLWRIGHT_CPU_KERNELS_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MILLWRIGHT_CPU_KERNELS_TRANSPOSE_INL_H_
#undef MILLWRIGHT_CPU_KERNELS_TRANSPOSE_INL_H_
#else
#define MILLWRIGHT_CPU_KERNELS_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

// destination[j * destination_stride + i] = source[i * source_stride + j] for i, j < lanes.
#if HWY_TARGET == HWY_SCALAR
template <class Element>
HWY_INLINE void transpose_tile(const Element* source, int64_t, float* destination, int64_t) {
  *destination = scalar_as_float(source);
}
#else

// 4x4 transposes inside each 128-bit block: afterwards block b of row[i] holds column 4 b + i of the four source rows.
HWY_INLINE void transpose_in_blocks(FloatTag d, FloatVec& row0, FloatVec& row1, FloatVec& row2, FloatVec& row3) {
  const hn::RepartitionToWide<FloatTag> dw;
  const auto low01 = hn::BitCast(dw, hn::InterleaveLower(d, row0, row1));
  const auto high01 = hn::BitCast(dw, hn::InterleaveUpper(d, row0, row1));
  const auto low23 = hn::BitCast(dw, hn::InterleaveLower(d, row2, row3));
  const auto high23 = hn::BitCast(dw, hn::InterleaveUpper(d, row2, row3));
  row0 = hn::BitCast(d, hn::InterleaveLower(dw, low01, low23));
  row1 = hn::BitCast(d, hn::InterleaveUpper(dw, low01, low23));
  row2 = hn::BitCast(d, hn::InterleaveLower(dw, high01, high23));
  row3 = hn::BitCast(d, hn::InterleaveUpper(dw, high01, high23));
}

// Four source rows into quarter-lane groups; `tile` keeps lanes vectors, tile[4 g + i] from source rows 4 g .. 4 g + 3.
template <int kGroup, class Element>
HWY_INLINE void load_groups(FloatTag d, const Element* source, int64_t stride, FloatVec* tile) {
  if constexpr (kGroup * 4 < kFloatLanes) {
    const Element* rows = source + kGroup * 4 * stride;
    tile[kGroup * 4 + 0] = load_as_float(d, rows);
    tile[kGroup * 4 + 1] = load_as_float(d, rows + stride);
    tile[kGroup * 4 + 2] = load_as_float(d, rows + 2 * stride);
    tile[kGroup * 4 + 3] = load_as_float(d, rows + 3 * stride);
    transpose_in_blocks(d, tile[kGroup * 4], tile[kGroup * 4 + 1], tile[kGroup * 4 + 2], tile[kGroup * 4 + 3]);
    load_groups<kGroup + 1>(d, source, stride, tile);
  }
}

// Collects column kIndex + 4 b (block b of tile[kIndex], tile[4 + kIndex], …) into whole vectors and stores them.
template <int kIndex>
HWY_INLINE void store_columns(FloatTag d, const FloatVec* tile, float* destination, int64_t stride) {
  if constexpr (kIndex < 4) {
    float* column = destination + kIndex * stride;
    if constexpr (kFloatLanes == 4) {
      hn::StoreU(tile[kIndex], d, column);
    } else if constexpr (kFloatLanes == 8) {
      hn::StoreU(hn::ConcatLowerLower(d, tile[4 + kIndex], tile[kIndex]), d, column);
      hn::StoreU(hn::ConcatUpperUpper(d, tile[4 + kIndex], tile[kIndex]), d, column + 4 * stride);
    } else {
      const FloatVec even01 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(tile[4 + kIndex]), tile[kIndex]);
      const FloatVec odd01 = hn::OddEvenBlocks(tile[4 + kIndex], hn::SwapAdjacentBlocks(tile[kIndex]));
      const FloatVec even23 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(tile[12 + kIndex]), tile[8 + kIndex]);
      const FloatVec odd23 = hn::OddEvenBlocks(tile[12 + kIndex], hn::SwapAdjacentBlocks(tile[8 + kIndex]));
      hn::StoreU(hn::ConcatLowerLower(d, even23, even01), d, column);
      hn::StoreU(hn::ConcatLowerLower(d, odd23, odd01), d, column + 4 * stride);
      hn::StoreU(hn::ConcatUpperUpper(d, even23, even01), d, column + 8 * stride);
      hn::StoreU(hn::ConcatUpperUpper(d, odd23, odd01), d, column + 12 * stride);
    }
    store_columns<kIndex + 1>(d, tile, destination, stride);
  }
}

template <class Element>
HWY_INLINE void transpose_tile(const Element* source, int64_t source_stride, float* destination,
                               int64_t destination_stride) {
  static_assert(kFloatLanes == 4 || kFloatLanes == 8 || kFloatLanes == 16);
  const FloatTag d;
  FloatVec tile[kFloatLanes];
  load_groups<0>(d, source, source_stride, tile);
  store_columns<0>(d, tile, destination, destination_stride);
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#endif
