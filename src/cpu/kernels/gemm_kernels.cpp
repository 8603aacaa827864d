// Packing and register tiles of the matrix product, once per Highway target.
#include "cpu/kernels/gemm_kernels.h"

#include <algorithm>
#include <type_traits>

#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/gemm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/storage-inl.h"
#include "cpu/kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

// The register tile: kRows x (kVectors * lanes) accumulators. The multiply-add has latency 4 and two ports, so at least
// 8 accumulators are needed; more make fewer loads per multiply-add.
//   32 vector registers (AVX-512, NEON): 12 x 2 accumulators + 2 of B + 1 broadcast of A; 14 loads for 24
//   multiply-adds. 16 vector registers (AVX2):           6 x 2 accumulators + 2 of B + 1 broadcast of A;  8 loads
//   for 12.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
inline constexpr int kRows = 4;
inline constexpr int kVectors = 2;
#elif HWY_TARGET == HWY_AVX2
inline constexpr int kRows = 6;
inline constexpr int kVectors = 2;
#else
inline constexpr int kRows = 12;
inline constexpr int kVectors = 2;
#endif
inline constexpr int64_t kColumns = kVectors * kFloatLanes;
// Whole vectors per k, so that k-major packing stores aligned ones.
inline constexpr int64_t kKMajorPitch = (kRows + kFloatLanes - 1) / kFloatLanes * kFloatLanes;
inline constexpr int64_t kAPanelFloats = std::max(kRows * kGemmRowPitch, kKMajorPitch*(kGemmKBlock + 1));

template <class Element>
void pack_a_rows_from(const Element* data, int64_t row_stride, int64_t k_stride, int64_t count, int64_t k,
                      float* destination) {
  for (int64_t row = 0; row < count; ++row) {
    const Element* source = data + row * row_stride;
    float* packed = destination + row * kGemmRowPitch;
    if (k_stride == 1) {
      copy_as_float(source, k, packed);
    } else {
      for (int64_t i = 0; i < k; ++i) packed[i] = scalar_as_float(source + i * k_stride);
    }
  }
  for (int64_t row = count; row < kRows; ++row) std::fill_n(destination + row * kGemmRowPitch, k, 0.0f);
}

// Packs so that the `kWidth` elements of one k are neighbours. `stride` is between those elements.
template <int64_t kWidth, class Element>
void pack_k_major_from(const Element* data, int64_t stride, int64_t k_stride, int64_t count, int64_t k,
                       float* destination) {
  if (stride == 1) {
    for (int64_t i = 0; i < k; ++i) {
      float* packed = destination + i * kWidth;
      copy_as_float(data + i * k_stride, count, packed);
      for (int64_t j = count; j < kWidth; ++j) packed[j] = 0.0f;
    }
    return;
  }
  // Whole tiles by in-register transposes when the source runs along k.
  const int64_t tiled_k = k_stride == 1 ? k - k % kFloatLanes : 0;
  const int64_t tiled_count = kWidth % kFloatLanes == 0 ? count - count % kFloatLanes : 0;
  for (int64_t j = 0; j < tiled_count; j += kFloatLanes) {
    for (int64_t i = 0; i < tiled_k; i += kFloatLanes) {
      transpose_tile(data + j * stride + i, stride, destination + i * kWidth + j, kWidth);
    }
  }
  for (int64_t i = 0; i < k; ++i) {
    float* packed = destination + i * kWidth;
    for (int64_t j = i < tiled_k ? tiled_count : 0; j < count; ++j) {
      packed[j] = scalar_as_float(data + j * stride + i * k_stride);
    }
    for (int64_t j = count; j < kWidth; ++j) packed[j] = 0.0f;
  }
}

template <class Function>
HWY_INLINE void with_element_type(const GemmPackSource& source, const Function& function) {
  switch (source.storage) {
    case Storage::float16:
      return function(static_cast<const hwy::float16_t*>(source.data));
    case Storage::bfloat16:
      return function(static_cast<const hwy::bfloat16_t*>(source.data));
    default:
      return function(static_cast<const float*>(source.data));
  }
}

struct PackARows {
  const GemmPackSource& source;
  int64_t count, k;
  float* destination;
  template <class Element>
  void operator()(const Element* data) const {
    pack_a_rows_from(data, source.stride, source.k_stride, count, k, destination);
  }
};

template <int64_t kWidth>
struct PackKMajor {
  const GemmPackSource& source;
  int64_t count, k;
  float* destination;
  template <class Element>
  void operator()(const Element* data) const {
    pack_k_major_from<kWidth>(data, source.stride, source.k_stride, count, k, destination);
  }
};

void pack_a_rows(const GemmPackSource& source, int64_t count, int64_t k, float* destination) {
  with_element_type(source, PackARows{source, count, k, destination});
}

// Rows of A contiguous in memory: for each k one run of `count` rows is dealt out to the panels, a panel's rows as
// whole aligned vectors, of which the lanes past the panel's end are never used. Only the last panels, where such a
// vector would be read past the run's end, go element by element.
template <class Element>
void pack_contiguous_rows(const Element* data, int64_t k_stride, int64_t count, int64_t k, float* destination,
                          int64_t panel_stride) {
  const FloatTag d;
  constexpr int64_t kPrefetchRows = 8;  // short runs: the hardware's prefetcher does not see the next one coming
  constexpr int64_t kOverhang = kKMajorPitch - kRows;
  const int64_t whole_panels = std::max<int64_t>(count - kOverhang, 0) / kRows;
  for (int64_t i = 0; i < k; ++i) {
    const Element* source = data + i * k_stride;
    float* packed = destination + i * kKMajorPitch;
    if (i + kPrefetchRows < k) {
      const char* ahead = reinterpret_cast<const char*>(source + kPrefetchRows * k_stride);
      for (int64_t byte = 0; byte < count * static_cast<int64_t>(sizeof(Element)); byte += 64) {
        __builtin_prefetch(ahead + byte, 0, 3);
      }
    }
    for (int64_t panel = 0; panel < whole_panels; ++panel) {
      for (int64_t v = 0; v < kKMajorPitch; v += kFloatLanes) hn::Store(load_as_float(d, source + v), d, packed + v);
      source += kRows;
      packed += panel_stride;
    }
    for (int64_t done = whole_panels * kRows; done < count; done += kRows) {
      const int64_t rest = std::min<int64_t>(count - done, kRows);
      for (int64_t row = 0; row < rest; ++row) packed[row] = scalar_as_float(source + row);
      for (int64_t row = rest; row < kRows; ++row) packed[row] = 0.0f;
      source += kRows;
      packed += panel_stride;
    }
  }
}

struct PackContiguousRows {
  const GemmPackSource& source;
  int64_t count, k;
  float* destination;
  int64_t panel_stride;
  template <class Element>
  void operator()(const Element* data) const {
    pack_contiguous_rows(data, source.k_stride, count, k, destination, panel_stride);
  }
};

void pack_a_k_major(const GemmPackSource& source, int64_t count, int64_t k, float* destination, int64_t panel_stride) {
  with_element_type(source, PackContiguousRows{source, count, k, destination, panel_stride});
}

void pack_b(const GemmPackSource& source, int64_t count, int64_t k, float* destination) {
  with_element_type(source, PackKMajor<kColumns>{source, count, k, destination});
}

// The loops over rows and vectors are recursive templates: compilers must keep every accumulator in a register, and do
// not reliably unroll nested loops of this size.
template <int kTileRows, int kTileVectors>
struct Tile {
  FloatVec sums[kTileRows][kTileVectors];

  template <int kRow = 0>
  HWY_INLINE void clear(FloatTag d) {
    if constexpr (kRow < kTileRows) {
      for (int v = 0; v < kTileVectors; ++v) sums[kRow][v] = hn::Zero(d);
      clear<kRow + 1>(d);
    }
  }

  // One k: sums += a[row] * b[vector].
  template <int kRow = 0, class Rows>
  HWY_INLINE void add_outer_product(FloatTag d, const Rows& a, const FloatVec* b) {
    if constexpr (kRow < kTileRows) {
      const FloatVec element = hn::Set(d, a.template at<kRow>());
      for (int v = 0; v < kTileVectors; ++v) sums[kRow][v] = hn::MulAdd(element, b[v], sums[kRow][v]);
      add_outer_product<kRow + 1>(d, a, b);
    }
  }

  template <int kRow = 0>
  HWY_INLINE void store(FloatTag d, FloatVec alpha, const float* addend, float* c, int64_t stride) const {
    if constexpr (kRow < kTileRows) {
      for (int v = 0; v < kTileVectors; ++v) {
        const int64_t offset = kRow * stride + v * kFloatLanes;
        const FloatVec sum =
            addend ? hn::MulAdd(sums[kRow][v], alpha, hn::LoadU(d, addend + offset)) : hn::Mul(sums[kRow][v], alpha);
        hn::StoreU(sum, d, c + offset);
      }
      store<kRow + 1>(d, alpha, addend, c, stride);
    }
  }

  template <int kRow = 0>
  HWY_INLINE void spill(FloatTag d, float* buffer) const {
    if constexpr (kRow < kTileRows) {
      for (int v = 0; v < kTileVectors; ++v) hn::Store(sums[kRow][v], d, buffer + kRow * kColumns + v * kFloatLanes);
      spill<kRow + 1>(d, buffer);
    }
  }
};

// Walks an A panel of the row form. One pointer per three rows: with the stride as index register at scale 1 and 2
// every row is one addressing mode away.
template <int kTileRows>
class RowForm {
 public:
  HWY_INLINE RowForm(const float* data, int64_t stride) : stride_(stride) {
    for (int i = 0; i < kPointers; ++i) pointers_[i] = data + 3 * i * stride;
  }
  template <int kRow>
  HWY_INLINE float at() const {
    return pointers_[kRow / 3][kRow % 3 * stride_];
  }
  HWY_INLINE void advance() {
    for (int i = 0; i < kPointers; ++i) ++pointers_[i];
  }

 private:
  static constexpr int kPointers = (kTileRows + 2) / 3;
  const float* pointers_[kPointers];
  int64_t stride_;
};

// Walks an A panel of the k-major form. Fetches ahead: in place, every k is on another line, often on another page.
template <int kTileRows>
class KMajorForm {
 public:
  HWY_INLINE KMajorForm(const float* data, int64_t stride) : at_(data), stride_(stride) {}
  template <int kRow>
  HWY_INLINE float at() const {
    return at_[kRow];
  }
  HWY_INLINE void advance() {
    at_ += stride_;
    __builtin_prefetch(at_ + 24 * stride_, 0, 3);
  }

 private:
  const float* at_;
  int64_t stride_;
};

template <int kTileRows, int kTileVectors, class Rows>
HWY_INLINE void multiply_step(FloatTag d, Rows& a, const float* b, Tile<kTileRows, kTileVectors>& tile) {
  FloatVec b_vectors[kTileVectors];
  for (int v = 0; v < kTileVectors; ++v) b_vectors[v] = hn::Load(d, b + v * kFloatLanes);
  tile.add_outer_product(d, a, b_vectors);
  a.advance();
}

struct TileTask {
  GemmPanelData a;
  const float* b;
  int64_t k;
  float* c;
  const float* addend;
  int64_t rows, columns;  // that exist
};

// Walks the lines of a GemmPrefetch.
class PrefetchCursor {
 public:
  explicit PrefetchCursor(const GemmPrefetch& prefetch)
      : at_(prefetch.first),
        row_step_(prefetch.row_stride - (prefetch.row_lines - 1) * kLine),
        row_lines_(prefetch.row_lines),
        left_in_row_(prefetch.row_lines),
        left_(prefetch.row_lines * prefetch.rows) {}
  int64_t left() const { return left_; }
  HWY_INLINE void fetch_line() {
    __builtin_prefetch(at_, 0, 2);  // for reading, into L2
    --left_;
    if (--left_in_row_ == 0) {
      at_ += row_step_;
      left_in_row_ = row_lines_;
    } else {
      at_ += kLine;
    }
  }

 private:
  static constexpr int64_t kLine = 64;
  const char* at_;
  int64_t row_step_, row_lines_, left_in_row_, left_;
};

template <int kTileRows, int kTileVectors, bool kKMajor>
HWY_NOINLINE void multiply_tile(const GemmBlock& block, const TileTask& task, PrefetchCursor& prefetch, int64_t lines) {
  using Rows = std::conditional_t<kKMajor, KMajorForm<kTileRows>, RowForm<kTileRows>>;
  const FloatTag d;
  Tile<kTileRows, kTileVectors> tile;
  tile.clear(d);
  Rows a(task.a.data, task.a.stride);
  const float* b = task.b;
  int64_t k = task.k;
  // C is written once the sums are done: its lines can come meanwhile.
  for (int64_t row = 0; row < task.rows; ++row) {
    const float* c_row = task.c + row * block.c_row_stride;
    for (int64_t v = 0; v < kTileVectors; ++v) __builtin_prefetch(c_row + v * kFloatLanes, 1, 3);
  }
  for (; k >= 4; k -= 4) {
    if (lines > 0) {
      prefetch.fetch_line();
      --lines;
    }
    multiply_step(d, a, b, tile);
    multiply_step(d, a, b + kColumns, tile);
    multiply_step(d, a, b + 2 * kColumns, tile);
    multiply_step(d, a, b + 3 * kColumns, tile);
    b += 4 * kColumns;
  }
  for (; k > 0; --k) {
    multiply_step(d, a, b, tile);
    b += kColumns;
  }
  if (task.rows == kTileRows && task.columns == kTileVectors * kFloatLanes && block.c_column_stride == 1) {
    tile.store(d, hn::Set(d, block.alpha), task.addend, task.c, block.c_row_stride);
    return;
  }
  // Edges of C, and layouts without a unit column stride.
  HWY_ALIGN float buffer[kRows * kColumns];
  tile.spill(d, buffer);
  for (int64_t row = 0; row < task.rows; ++row) {
    for (int64_t column = 0; column < task.columns; ++column) {
      const int64_t offset = row * block.c_row_stride + column * block.c_column_stride;
      const float product = block.alpha * buffer[row * kColumns + column];
      task.c[offset] = task.addend ? product + task.addend[offset] : product;
    }
  }
}

template <int kTileRows, bool kKMajor>
void multiply_rows(const GemmBlock& block, const TileTask& task, PrefetchCursor& prefetch, int64_t lines) {
  if (task.columns <= kFloatLanes) {
    multiply_tile<kTileRows, 1, kKMajor>(block, task, prefetch, lines);
  } else {
    multiply_tile<kTileRows, kVectors, kKMajor>(block, task, prefetch, lines);
  }
}

// The smallest of three tile heights that covers the rows.
template <bool kKMajor>
void multiply_panels(const GemmBlock& block) {
  constexpr int kThird = (kRows + 2) / 3;
  PrefetchCursor prefetch(block.prefetch);
  const int64_t tiles = block.a_count * block.b_count;
  const int64_t lines_per_tile = (prefetch.left() + tiles - 1) / tiles;
  for (int64_t column = 0; column < block.b_count; ++column) {
    const GemmPanel& b_panel = block.b_panels[column];
    for (int64_t row = 0; row < block.a_count; ++row) {
      const GemmPanel& a_panel = block.a_panels[row];
      const int64_t offset = a_panel.c_offset + b_panel.c_offset;
      const TileTask task{block.a[row],     block.b + column * block.b_panel_stride,        block.k,
                          block.c + offset, block.addend ? block.addend + offset : nullptr, a_panel.valid,
                          b_panel.valid};
      const int64_t lines = std::min(lines_per_tile, prefetch.left());
      if (task.rows <= kThird) {
        multiply_rows<kThird, kKMajor>(block, task, prefetch, lines);
      } else if (task.rows <= 2 * kThird) {
        multiply_rows<2 * kThird, kKMajor>(block, task, prefetch, lines);
      } else {
        multiply_rows<kRows, kKMajor>(block, task, prefetch, lines);
      }
    }
  }
}

void multiply(const GemmBlock& block) {
  if (block.a_k_major) {
    multiply_panels<true>(block);
  } else {
    multiply_panels<false>(block);
  }
}

const GemmKernels* target_gemm_kernels() {
  static constexpr GemmKernels kernels{kRows,       kColumns,       kKMajorPitch, kAPanelFloats,
                                       pack_a_rows, pack_a_k_major, pack_b,       multiply};
  return &kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_gemm_kernels);

const GemmKernels& gemm_kernels() { return *HWY_DYNAMIC_DISPATCH(target_gemm_kernels)(); }

}  // namespace millwright::cpu
#endif
