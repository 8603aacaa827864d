// Streaming products, once per Highway target. Two forms by the layout of A:
//   k contiguous (W·x, W as stored): dot products, several rows at once so that each load of B serves them all;
//   m contiguous (Wᵀ·x): C += A[:, k] * B[k], several k at once so that each load and store of C serves them all.
#include "cpu/kernels/gemm_skinny.h"

#include <algorithm>

#include "cpu/kernels/scratch.h"
#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/gemm_skinny.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

HWY_INLINE void write_element(const SkinnyProblem& problem, int64_t row, int64_t column, float sum) {
  const int64_t offset = row * problem.c_row_stride + column * problem.c_column_stride;
  const float product = problem.alpha * sum;
  problem.c[offset] = problem.addend ? product + problem.addend[offset] : product;
}

// kRows rows of A by kColumns columns of B, A's k contiguous. Two accumulators per element when few are live, to cover
// the multiply-add's latency.
template <int kRows, int kColumns, class Element>
HWY_NOINLINE void dot_rows(const SkinnyProblem& problem, const Element* a, const float* packed_b, int64_t row) {
  constexpr int kChains = kRows * kColumns <= 4 ? 2 : 1;
  const FloatTag d;
  FloatVec sums[kChains][kRows][kColumns];
  for (auto& chain : sums) {
    for (auto& row_sums : chain) {
      for (auto& sum : row_sums) sum = hn::Zero(d);
    }
  }
  const int64_t k = problem.k;
  int64_t i = 0;
  for (; i + kChains * kFloatLanes <= k; i += kChains * kFloatLanes) {
    for (int chain = 0; chain < kChains; ++chain) {
      FloatVec b[kColumns];
      const int64_t at = i + chain * kFloatLanes;
      for (int c = 0; c < kColumns; ++c) b[c] = hn::LoadU(d, packed_b + c * k + at);
      for (int r = 0; r < kRows; ++r) {
        const FloatVec a_vector = load_as_float(d, a + r * problem.a.row_stride + at);
        for (int c = 0; c < kColumns; ++c) sums[chain][r][c] = hn::MulAdd(a_vector, b[c], sums[chain][r][c]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      FloatVec sum = sums[0][r][c];
      if constexpr (kChains == 2) sum = hn::Add(sum, sums[1][r][c]);
      float total = hn::GetLane(hn::SumOfLanes(d, sum));
      for (int64_t tail = i; tail < k; ++tail) {
        total += scalar_as_float(a + r * problem.a.row_stride + tail) * packed_b[c * k + tail];
      }
      write_element(problem, row + r, c, total);
    }
  }
}

template <int kColumns, class Element>
void dot_chunk(const SkinnyProblem& problem, const Element* a, const float* packed_b, int64_t first_row,
               int64_t row_count) {
  // 4 rows by up to 4 columns, 2 rows by more: 16 accumulators at most.
  constexpr int kRows = kColumns <= 4 ? 4 : 2;
  int64_t row = first_row;
  const int64_t end = first_row + row_count;
  for (; row + kRows <= end; row += kRows) {
    dot_rows<kRows, kColumns>(problem, a + row * problem.a.row_stride, packed_b, row);
  }
  for (; row < end; ++row) dot_rows<1, kColumns>(problem, a + row * problem.a.row_stride, packed_b, row);
}

// sums[column][0 .. row_count) = A[rows, :] · B, A's rows contiguous, kSteps values of k at once.
template <int kSteps, class Element>
HWY_INLINE void add_scaled_columns(const SkinnyProblem& problem, const Element* a, const float* b, int64_t row_count,
                                   float* sums) {
  const FloatTag d;
  FloatVec factors[kSteps];
  for (int s = 0; s < kSteps; ++s) factors[s] = hn::Set(d, b[s]);
  int64_t row = 0;
  for (; row + kFloatLanes <= row_count; row += kFloatLanes) {
    FloatVec sum = hn::Load(d, sums + row);
    for (int s = 0; s < kSteps; ++s) {
      sum = hn::MulAdd(load_as_float(d, a + s * problem.a.column_stride + row), factors[s], sum);
    }
    hn::Store(sum, d, sums + row);
  }
  for (; row < row_count; ++row) {
    float sum = sums[row];
    for (int s = 0; s < kSteps; ++s) sum += scalar_as_float(a + s * problem.a.column_stride + row) * b[s];
    sums[row] = sum;
  }
}

template <class Element>
void scaled_columns_chunk(const SkinnyProblem& problem, const Element* a, const float* packed_b, int64_t first_row,
                          int64_t row_count) {
  constexpr int kSteps = 8;
  const int64_t pitch = (row_count + 15) / 16 * 16;
  const ScratchLease scratch(problem.n * pitch);
  float* sums = scratch.data();
  std::fill_n(sums, problem.n * pitch, 0.0f);
  int64_t k = 0;
  for (; k + kSteps <= problem.k; k += kSteps) {
    const Element* columns = a + k * problem.a.column_stride + first_row;
    for (int64_t c = 0; c < problem.n; ++c) {
      add_scaled_columns<kSteps>(problem, columns, packed_b + c * problem.k + k, row_count, sums + c * pitch);
    }
  }
  for (; k < problem.k; ++k) {
    const Element* column = a + k * problem.a.column_stride + first_row;
    for (int64_t c = 0; c < problem.n; ++c) {
      add_scaled_columns<1>(problem, column, packed_b + c * problem.k + k, row_count, sums + c * pitch);
    }
  }
  for (int64_t row = 0; row < row_count; ++row) {
    for (int64_t c = 0; c < problem.n; ++c) write_element(problem, first_row + row, c, sums[c * pitch + row]);
  }
}

template <class Element>
void multiply_chunk(const SkinnyProblem& problem, const float* packed_b, int64_t first_row, int64_t row_count) {
  const auto* a = static_cast<const Element*>(problem.a.data);
  if (problem.a.column_stride != 1) {
    scaled_columns_chunk(problem, a, packed_b, first_row, row_count);
    return;
  }
  switch (problem.n) {
    case 1:
      return dot_chunk<1>(problem, a, packed_b, first_row, row_count);
    case 2:
      return dot_chunk<2>(problem, a, packed_b, first_row, row_count);
    case 3:
      return dot_chunk<3>(problem, a, packed_b, first_row, row_count);
    case 4:
      return dot_chunk<4>(problem, a, packed_b, first_row, row_count);
    case 5:
      return dot_chunk<5>(problem, a, packed_b, first_row, row_count);
    case 6:
      return dot_chunk<6>(problem, a, packed_b, first_row, row_count);
    case 7:
      return dot_chunk<7>(problem, a, packed_b, first_row, row_count);
    default:
      return dot_chunk<8>(problem, a, packed_b, first_row, row_count);
  }
}

void target_multiply_skinny_rows(const SkinnyProblem& problem, const float* packed_b, int64_t first_row,
                                 int64_t row_count) {
  switch (problem.a.storage) {
    case Storage::float16:
      return multiply_chunk<hwy::float16_t>(problem, packed_b, first_row, row_count);
    case Storage::bfloat16:
      return multiply_chunk<hwy::bfloat16_t>(problem, packed_b, first_row, row_count);
    default:
      return multiply_chunk<float>(problem, packed_b, first_row, row_count);
  }
}

template <class Element>
void pack_columns(const SkinnyProblem& problem, float* packed_b) {
  const auto* b = static_cast<const Element*>(problem.b.data);
  for (int64_t c = 0; c < problem.n; ++c) {
    const Element* column = b + c * problem.b.column_stride;
    if (problem.b.row_stride == 1) {
      copy_as_float(column, problem.k, packed_b + c * problem.k);
    } else {
      for (int64_t i = 0; i < problem.k; ++i) {
        packed_b[c * problem.k + i] = scalar_as_float(column + i * problem.b.row_stride);
      }
    }
  }
}

void target_pack_skinny_b(const SkinnyProblem& problem, float* packed_b) {
  switch (problem.b.storage) {
    case Storage::float16:
      return pack_columns<hwy::float16_t>(problem, packed_b);
    case Storage::bfloat16:
      return pack_columns<hwy::bfloat16_t>(problem, packed_b);
    default:
      return pack_columns<float>(problem, packed_b);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_multiply_skinny_rows);
HWY_EXPORT(target_pack_skinny_b);

bool can_stream(const GemmInput& a) { return a.row_stride == 1 || a.column_stride == 1; }

int64_t skinny_chunk_rows(const SkinnyProblem& problem) {
  // About 256 KiB of A per chunk. With m contiguous a chunk is a strip of columns in memory: at least 2 KiB wide, so
  // that the prefetcher sees long runs, and at most 16 KiB, so that the sums stay in L1.
  const int64_t rows = 65536 / std::max<int64_t>(problem.k, 1);
  if (problem.a.column_stride == 1) return std::max<int64_t>(rows / 8 * 8, 8);
  return std::clamp<int64_t>(rows / 64 * 64, 512, 4096);
}

void pack_skinny_b(const SkinnyProblem& problem, float* packed_b) {
  HWY_DYNAMIC_DISPATCH(target_pack_skinny_b)(problem, packed_b);
}

void multiply_skinny_rows(const SkinnyProblem& problem, const float* packed_b, int64_t first_row, int64_t row_count) {
  HWY_DYNAMIC_DISPATCH(target_multiply_skinny_rows)(problem, packed_b, first_row, row_count);
}

}  // namespace millwright::cpu
#endif
