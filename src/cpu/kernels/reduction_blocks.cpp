// Reduction loops, once per Highway target.
#include "cpu/kernels/reduction_blocks.h"

#include <algorithm>
#include <limits>

#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/reduction_blocks.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/math-inl.h"
#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

struct Sum {
  static constexpr float kNeutral = 0.0f;
  HWY_INLINE FloatVec operator()(FloatVec total, FloatVec x) const { return hn::Add(total, x); }
  HWY_INLINE FloatVec merge(FloatVec left, FloatVec right) const { return hn::Add(left, right); }
};
struct SumSquare {
  static constexpr float kNeutral = 0.0f;
  HWY_INLINE FloatVec operator()(FloatVec total, FloatVec x) const { return hn::MulAdd(x, x, total); }
  HWY_INLINE FloatVec merge(FloatVec left, FloatVec right) const { return hn::Add(left, right); }
};
struct Max {
  static constexpr float kNeutral = -std::numeric_limits<float>::infinity();
  HWY_INLINE FloatVec operator()(FloatVec total, FloatVec x) const { return maximum(total, x); }
  HWY_INLINE FloatVec merge(FloatVec left, FloatVec right) const { return maximum(left, right); }
};
struct Min {
  static constexpr float kNeutral = std::numeric_limits<float>::infinity();
  HWY_INLINE FloatVec operator()(FloatVec total, FloatVec x) const { return minimum(total, x); }
  HWY_INLINE FloatVec merge(FloatVec left, FloatVec right) const { return minimum(left, right); }
};
struct Prod {
  static constexpr float kNeutral = 1.0f;
  HWY_INLINE FloatVec operator()(FloatVec total, FloatVec x) const { return hn::Mul(total, x); }
  HWY_INLINE FloatVec merge(FloatVec left, FloatVec right) const { return hn::Mul(left, right); }
};

// The lanes are handed back: they are combined in double.
template <class Kind>
void lanes_of_block(const float* x, int64_t count, float* lanes) {
  const FloatTag d;
  const Kind kind;
  FloatVec t0 = hn::Set(d, Kind::kNeutral), t1 = t0, t2 = t0, t3 = t0;
  int64_t i = 0;
  for (; i + 4 * kFloatLanes <= count; i += 4 * kFloatLanes) {
    t0 = kind(t0, hn::LoadU(d, x + i));
    t1 = kind(t1, hn::LoadU(d, x + i + kFloatLanes));
    t2 = kind(t2, hn::LoadU(d, x + i + 2 * kFloatLanes));
    t3 = kind(t3, hn::LoadU(d, x + i + 3 * kFloatLanes));
  }
  for (; i + kFloatLanes <= count; i += kFloatLanes) t0 = kind(t0, hn::LoadU(d, x + i));
  if (i < count) {
    // Lanes that do not exist take a value that changes nothing: the neutral one.
    HWY_ALIGN float tail[kFloatLanes];
    for (int64_t lane = 0; lane < kFloatLanes; ++lane) tail[lane] = i + lane < count ? x[i + lane] : Kind::kNeutral;
    t1 = kind(t1, hn::Load(d, tail));
  }
  hn::StoreU(kind.merge(kind.merge(t0, t1), kind.merge(t2, t3)), d, lanes);
}

double target_reduce_block(ReductionKind kind, const float* x, int64_t count) {
  float lanes[kFloatLanes];
  const auto combine_lanes = [&](auto combine) {
    double total = lanes[0];
    for (int64_t lane = 1; lane < kFloatLanes; ++lane) total = combine(total, static_cast<double>(lanes[lane]));
    return total;
  };
  switch (kind) {
    case ReductionKind::max:
      lanes_of_block<Max>(x, count, lanes);
      return combine_lanes([](double a, double b) { return a != a || a > b ? a : b; });
    case ReductionKind::min:
      lanes_of_block<Min>(x, count, lanes);
      return combine_lanes([](double a, double b) { return a != a || a < b ? a : b; });
    case ReductionKind::prod:
      lanes_of_block<Prod>(x, count, lanes);
      return combine_lanes([](double a, double b) { return a * b; });
    case ReductionKind::sum_square:
      lanes_of_block<SumSquare>(x, count, lanes);
      break;
    default:
      lanes_of_block<Sum>(x, count, lanes);
      break;
  }
  return combine_lanes([](double a, double b) { return a + b; });
}

template <class Kind>
void accumulate(const float* x, int64_t rows, int64_t width, float* sums) {
  const FloatTag d;
  const Kind kind;
  int64_t j = 0;
  for (; j + kFloatLanes <= width; j += kFloatLanes) {
    FloatVec total = hn::LoadU(d, sums + j);
    for (int64_t row = 0; row < rows; ++row) total = kind(total, hn::LoadU(d, x + row * width + j));
    hn::StoreU(total, d, sums + j);
  }
  if (j == width) return;
  HWY_ALIGN float tail[kFloatLanes] = {};
  HWY_ALIGN float row_tail[kFloatLanes] = {};
  std::copy(sums + j, sums + width, tail);
  FloatVec total = hn::Load(d, tail);
  for (int64_t row = 0; row < rows; ++row) {
    std::copy(x + row * width + j, x + (row + 1) * width, row_tail);
    total = kind(total, hn::Load(d, row_tail));
  }
  hn::Store(total, d, tail);
  std::copy(tail, tail + (width - j), sums + j);
}

void target_accumulate_rows(ReductionKind kind, const float* x, int64_t rows, int64_t width, float* sums) {
  switch (kind) {
    case ReductionKind::max:
      return accumulate<Max>(x, rows, width, sums);
    case ReductionKind::min:
      return accumulate<Min>(x, rows, width, sums);
    case ReductionKind::prod:
      return accumulate<Prod>(x, rows, width, sums);
    case ReductionKind::sum_square:
      return accumulate<SumSquare>(x, rows, width, sums);
    default:
      return accumulate<Sum>(x, rows, width, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_reduce_block);
HWY_EXPORT(target_accumulate_rows);

double reduce_block(ReductionKind kind, const float* x, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(target_reduce_block)(kind, x, count);
}

void accumulate_rows(ReductionKind kind, const float* x, int64_t rows, int64_t width, float* sums) {
  HWY_DYNAMIC_DISPATCH(target_accumulate_rows)(kind, x, rows, width, sums);
}

}  // namespace millwright::cpu
#endif
