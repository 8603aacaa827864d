// Softmax family, once per Highway target. Every form subtracts the maximum first. Rows (inner == 1) are handled one by
// one; columns in strips a few cache lines wide, down the axis.
#include "cpu/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/softmax.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/math-inl.h"
#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// y = scale * x + mask, returning the maximum.
HWY_INLINE float scaled_maximum(const float* x, const float* mask, float scale, int64_t length, float* y) {
  const FloatTag d;
  FloatVec largest = hn::Set(d, kMinusInfinity);
  const FloatVec factor = hn::Set(d, scale);
  for (int64_t i = 0; i < length; i += kFloatLanes) {
    const int64_t count = length - i;
    FloatVec z = hn::Mul(load_up_to(d, x + i, count, kMinusInfinity), factor);
    if (mask) z = hn::Add(z, load_up_to(d, mask + i, count, kMinusInfinity));
    if (count < kFloatLanes)
      z = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(count)), z, hn::Set(d, kMinusInfinity));
    largest = hn::Max(largest, z);
    store_up_to(d, z, count, y + i);
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

// y = e^(y - maximum), returning the sum.
HWY_INLINE float exponentials(float maximum, int64_t length, float* y) {
  const FloatTag d;
  const FloatVec shift = hn::Set(d, maximum);
  FloatVec sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kFloatLanes <= length; i += 2 * kFloatLanes) {
    const FloatVec e0 = exp(d, hn::Sub(hn::LoadU(d, y + i), shift));
    const FloatVec e1 = exp(d, hn::Sub(hn::LoadU(d, y + i + kFloatLanes), shift));
    sum0 = hn::Add(sum0, e0);
    sum1 = hn::Add(sum1, e1);
    hn::StoreU(e0, d, y + i);
    hn::StoreU(e1, d, y + i + kFloatLanes);
  }
  for (; i < length; i += kFloatLanes) {
    const int64_t count = length - i;
    FloatVec e = exp(d, hn::Sub(load_up_to(d, y + i, count, kMinusInfinity), shift));
    if (count < kFloatLanes) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)), e);
    sum0 = hn::Add(sum0, e);
    store_up_to(d, e, count, y + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
}

void target_softmax_row(const float* x, const float* mask, float scale, int64_t length, float* y) {
  const FloatTag d;
  const float maximum = scaled_maximum(x, mask, scale, length, y);
  const FloatVec factor = hn::Set(d, 1.0f / exponentials(maximum, length, y));
  for (int64_t i = 0; i < length; i += kFloatLanes) {
    store_up_to(d, hn::Mul(load_up_to(d, y + i, length - i, 0.0f), factor), length - i, y + i);
  }
}

// Maximum and sum of e^(x - maximum) of a row.
void target_exponential_sum_row(const float* x, int64_t length, float* maximum, float* sum) {
  const FloatTag d;
  FloatVec largest = hn::Set(d, kMinusInfinity);
  for (int64_t i = 0; i < length; i += kFloatLanes) {
    largest = hn::Max(largest, load_up_to(d, x + i, length - i, kMinusInfinity));
  }
  *maximum = hn::GetLane(hn::MaxOfLanes(d, largest));
  // A row of -inf only has sum 0 and one with +inf an infinite sum, not e^(inf - inf).
  const FloatVec shift = hn::Set(d, std::isinf(*maximum) ? 0.0f : *maximum);
  FloatVec total = hn::Zero(d);
  for (int64_t i = 0; i < length; i += kFloatLanes) {
    total = hn::Add(total, exp(d, hn::Sub(load_up_to(d, x + i, length - i, kMinusInfinity), shift)));
  }
  *sum = hn::GetLane(hn::SumOfLanes(d, total));
}

void target_softmax_backward_row(const float* p, const float* dp, float scale, int64_t length, float* dx) {
  const FloatTag d;
  FloatVec dot0 = hn::Zero(d), dot1 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * kFloatLanes <= length; i += 2 * kFloatLanes) {
    dot0 = hn::MulAdd(hn::LoadU(d, p + i), hn::LoadU(d, dp + i), dot0);
    dot1 = hn::MulAdd(hn::LoadU(d, p + i + kFloatLanes), hn::LoadU(d, dp + i + kFloatLanes), dot1);
  }
  for (; i < length; i += kFloatLanes) {
    const int64_t count = length - i;
    dot0 = hn::MulAdd(load_up_to(d, p + i, count, 0.0f), load_up_to(d, dp + i, count, 0.0f), dot0);
  }
  const FloatVec dot = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, hn::Add(dot0, dot1))));
  const FloatVec factor = hn::Set(d, scale);
  for (i = 0; i < length; i += kFloatLanes) {
    const int64_t count = length - i;
    const FloatVec probability = hn::Mul(load_up_to(d, p + i, count, 0.0f), factor);
    const FloatVec centred = hn::Sub(load_up_to(d, dp + i, count, 0.0f), dot);
    store_up_to(d, hn::Mul(probability, centred), count, dx + i);
  }
}

// Columns [0, width) of x [rows, pitch]: maximum and sum of e^(scale * x - maximum) per column.
void target_exponential_sum_columns(const float* x, float scale, int64_t rows, int64_t pitch, int64_t width,
                                    float* maximum, float* sum) {
  const FloatTag d;
  const FloatVec factor = hn::Set(d, scale);
  for (int64_t j = 0; j < width; j += kFloatLanes) {
    const int64_t count = width - j;
    FloatVec largest = hn::Set(d, kMinusInfinity);
    for (int64_t row = 0; row < rows; ++row) {
      largest = hn::Max(largest, hn::Mul(load_up_to(d, x + row * pitch + j, count, 0.0f), factor));
    }
    const FloatVec shift = hn::IfThenZeroElse(hn::IsInf(largest), largest);
    FloatVec total = hn::Zero(d);
    for (int64_t row = 0; row < rows; ++row) {
      const FloatVec z = hn::Mul(load_up_to(d, x + row * pitch + j, count, 0.0f), factor);
      total = hn::Add(total, exp(d, hn::Sub(z, shift)));
    }
    store_up_to(d, largest, count, maximum + j);
    store_up_to(d, total, count, sum + j);
  }
}

// y = e^(scale * x - shift) with one shift per column.
void target_shifted_exponential_columns(const float* x, float scale, const float* shift, int64_t rows, int64_t pitch,
                                        int64_t width, float* y) {
  const FloatTag d;
  const FloatVec factor = hn::Set(d, scale);
  for (int64_t j = 0; j < width; j += kFloatLanes) {
    const int64_t count = width - j;
    const FloatVec column_shift = load_up_to(d, shift + j, count, 0.0f);
    for (int64_t row = 0; row < rows; ++row) {
      const FloatVec z = hn::Mul(load_up_to(d, x + row * pitch + j, count, 0.0f), factor);
      store_up_to(d, exp(d, hn::Sub(z, column_shift)), count, y + row * pitch + j);
    }
  }
}

// y *= factor with one factor per column.
void target_scale_columns(const float* factor, int64_t rows, int64_t pitch, int64_t width, float* y) {
  const FloatTag d;
  for (int64_t j = 0; j < width; j += kFloatLanes) {
    const int64_t count = width - j;
    const FloatVec column_factor = load_up_to(d, factor + j, count, 0.0f);
    for (int64_t row = 0; row < rows; ++row) {
      float* at = y + row * pitch + j;
      store_up_to(d, hn::Mul(load_up_to(d, at, count, 0.0f), column_factor), count, at);
    }
  }
}

void target_softmax_backward_columns(const float* p, const float* dp, float scale, int64_t rows, int64_t pitch,
                                     int64_t width, float* dx) {
  const FloatTag d;
  const FloatVec factor = hn::Set(d, scale);
  for (int64_t j = 0; j < width; j += kFloatLanes) {
    const int64_t count = width - j;
    FloatVec dot = hn::Zero(d);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * pitch + j;
      dot = hn::MulAdd(load_up_to(d, p + at, count, 0.0f), load_up_to(d, dp + at, count, 0.0f), dot);
    }
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * pitch + j;
      const FloatVec centred = hn::Sub(load_up_to(d, dp + at, count, 0.0f), dot);
      const FloatVec probability = hn::Mul(load_up_to(d, p + at, count, 0.0f), factor);
      store_up_to(d, hn::Mul(probability, centred), count, dx + at);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_softmax_row);
HWY_EXPORT(target_exponential_sum_row);
HWY_EXPORT(target_softmax_backward_row);
HWY_EXPORT(target_exponential_sum_columns);
HWY_EXPORT(target_shifted_exponential_columns);
HWY_EXPORT(target_scale_columns);
HWY_EXPORT(target_softmax_backward_columns);

namespace {

constexpr int64_t kTaskElements = 32768;
// Columns of a strip: four cache lines, so that a pass down the axis uses whole lines and still makes enough tasks.
constexpr int64_t kStrip = 64;
// Rows of one chunk of a long axis: a strip's chunk is 128 KiB and stays in L2 between its two passes.
constexpr int64_t kChunkRows = 512;

template <class Body>
void for_each_row(int64_t rows, int64_t length, const Body& body) {
  const int64_t rows_per_task = std::max<int64_t>(kTaskElements / length, 1);
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](int64_t task) {
    const int64_t end = std::min((task + 1) * rows_per_task, rows);
    for (int64_t row = task * rows_per_task; row < end; ++row) body(row);
  });
}

// body(offset of the strip's first element in [outer, axis, inner], index of its first column in [outer, inner],
// width).
template <class Body>
void for_each_strip(int64_t outer, int64_t axis, int64_t inner, const Body& body) {
  const int64_t strips = (inner + kStrip - 1) / kStrip;
  parallel_for(outer * strips, [&](int64_t task) {
    const int64_t index = task / strips;
    const int64_t column = task % strips * kStrip;
    body(index * axis * inner + column, index * inner + column, std::min(kStrip, inner - column));
  });
}

// Maximum and sum of exponentials per column, by chunks of rows whose results are merged in order.
// maximum and sum are [outer, inner].
void exponential_sum_columns(const float* x, float scale, int64_t outer, int64_t axis, int64_t inner, float* maximum,
                             float* sum) {
  const int64_t strips = (inner + kStrip - 1) / kStrip;
  const int64_t chunks = (axis + kChunkRows - 1) / kChunkRows;
  const ScratchLease partials(2 * outer * chunks * inner);
  float* chunk_maximum = partials.data();  // [outer, chunks, inner]
  float* chunk_sum = partials.data() + outer * chunks * inner;
  parallel_for(outer * chunks * strips, [&](int64_t task) {
    const int64_t column = task % strips * kStrip;
    const int64_t chunk = task / strips % chunks;
    const int64_t index = task / strips / chunks;
    const int64_t row = chunk * kChunkRows;
    const int64_t at = (index * chunks + chunk) * inner + column;
    HWY_DYNAMIC_DISPATCH(target_exponential_sum_columns)
    (x + (index * axis + row) * inner + column, scale, std::min(kChunkRows, axis - row), inner,
     std::min(kStrip, inner - column), chunk_maximum + at, chunk_sum + at);
  });
  for_each_strip(outer, chunks, inner, [&](int64_t first, int64_t column, int64_t width) {
    for (int64_t j = 0; j < width; ++j) {
      float largest = chunk_maximum[first + j];
      for (int64_t chunk = 1; chunk < chunks; ++chunk) {
        largest = std::max(largest, chunk_maximum[first + chunk * inner + j]);
      }
      double total = 0.0;
      for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        const float part = chunk_sum[first + chunk * inner + j];
        const float chunk_largest = chunk_maximum[first + chunk * inner + j];
        // A chunk of -inf only adds nothing; equal maxima may be infinite.
        if (part != 0.0f)
          total += static_cast<double>(part) * (chunk_largest == largest ? 1 : std::exp(chunk_largest - largest));
      }
      maximum[column + j] = largest;
      sum[column + j] = static_cast<float>(total);
    }
  });
}

}  // namespace

void softmax(const float* x, float* y, int64_t outer, int64_t axis, int64_t inner, const SoftmaxOptions& options) {
  MW_CHECK(options.mask == nullptr || (inner == 1 && options.mask_rows > 0), "mask with inner {} and {} rows", inner,
           options.mask_rows);
  if (outer * axis * inner == 0) return;
  if (inner == 1) {
    for_each_row(outer, axis, [&](int64_t row) {
      const float* mask = options.mask ? options.mask + row % options.mask_rows * axis : nullptr;
      HWY_DYNAMIC_DISPATCH(target_softmax_row)(x + row * axis, mask, options.scale, axis, y + row * axis);
    });
    return;
  }
  const ScratchLease columns(2 * outer * inner);
  float* maximum = columns.data();
  float* factor = columns.data() + outer * inner;
  exponential_sum_columns(x, options.scale, outer, axis, inner, maximum, factor);
  for_each_strip(outer, axis, inner, [&](int64_t first, int64_t column, int64_t width) {
    HWY_DYNAMIC_DISPATCH(target_shifted_exponential_columns)
    (x + first, options.scale, maximum + column, axis, inner, width, y + first);
    for (int64_t j = 0; j < width; ++j) factor[column + j] = 1.0f / factor[column + j];
    HWY_DYNAMIC_DISPATCH(target_scale_columns)(factor + column, axis, inner, width, y + first);
  });
}

void softmax_backward(const float* p, const float* dp, float* dx, int64_t outer, int64_t axis, int64_t inner,
                      float scale) {
  if (outer * axis * inner == 0) return;
  if (inner == 1) {
    for_each_row(outer, axis, [&](int64_t row) {
      const int64_t at = row * axis;
      HWY_DYNAMIC_DISPATCH(target_softmax_backward_row)(p + at, dp + at, scale, axis, dx + at);
    });
    return;
  }
  for_each_strip(outer, axis, inner, [&](int64_t first, int64_t, int64_t width) {
    HWY_DYNAMIC_DISPATCH(target_softmax_backward_columns)
    (p + first, dp + first, scale, axis, inner, width, dx + first);
  });
}

void log_sum_exp(const float* x, float* y, int64_t outer, int64_t axis, int64_t inner) {
  const int64_t count = outer * inner;
  if (count == 0) return;
  if (axis == 0) {
    std::fill_n(y, count, -std::numeric_limits<float>::infinity());
    return;
  }
  const ScratchLease results(2 * count);
  float* maximum = results.data();
  float* sum = results.data() + count;
  if (inner == 1) {
    for_each_row(outer, axis, [&](int64_t row) {
      HWY_DYNAMIC_DISPATCH(target_exponential_sum_row)(x + row * axis, axis, maximum + row, sum + row);
    });
  } else {
    exponential_sum_columns(x, 1.0f, outer, axis, inner, maximum, sum);
  }
  for (int64_t i = 0; i < count; ++i) y[i] = maximum[i] + std::log(sum[i]);
}

}  // namespace millwright::cpu
#endif
