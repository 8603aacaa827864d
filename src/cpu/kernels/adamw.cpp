// The AdamW sweep and the sum of squares, once per Highway target. The sweep reads 16 and writes 12 bytes per element:
// it is bound by memory, so the square root and the divisions cost nothing.
#include "cpu/kernels/adamw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/adamw.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

HWY_INLINE FloatVec set(double value) { return hn::Set(FloatTag(), static_cast<float>(value)); }

void target_adamw_update(const AdamWStep& step, const float* gradient, float* weight, float* first_moment,
                         float* second_moment, int64_t count) {
  const FloatTag d;
  const FloatVec scale = set(step.gradient_scale);
  const FloatVec decay = set(1.0 - step.learning_rate * step.weight_decay);
  const FloatVec beta1 = set(step.beta1), rest1 = set(1.0 - step.beta1);
  const FloatVec beta2 = set(step.beta2), rest2 = set(1.0 - step.beta2);
  const FloatVec step_size = set(step.learning_rate / step.bias_correction1);
  const FloatVec inverse_root = set(1.0 / std::sqrt(step.bias_correction2));
  const FloatVec epsilon = set(step.epsilon);
  for (int64_t i = 0; i < count; i += kFloatLanes) {
    const int64_t left = count - i;
    const FloatVec g = hn::Mul(load_up_to(d, gradient + i, left, 0.0f), scale);
    const FloatVec m = hn::MulAdd(load_up_to(d, first_moment + i, left, 0.0f), beta1, hn::Mul(g, rest1));
    const FloatVec v = hn::MulAdd(load_up_to(d, second_moment + i, left, 0.0f), beta2, hn::Mul(hn::Mul(g, g), rest2));
    const FloatVec denominator = hn::MulAdd(hn::Sqrt(v), inverse_root, epsilon);
    const FloatVec w = hn::Mul(load_up_to(d, weight + i, left, 0.0f), decay);
    store_up_to(d, hn::NegMulAdd(step_size, hn::Div(m, denominator), w), left, weight + i);
    store_up_to(d, m, left, first_moment + i);
    store_up_to(d, v, left, second_moment + i);
  }
}

// Float partial sums over blocks of 64 vectors, so that their rounding stays near 1e-7; the blocks are added in double.
double target_sum_of_squares(const float* x, int64_t count) {
  const FloatTag d;
  double total = 0.0;
  constexpr int64_t kBlock = 64 * kFloatLanes;
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t end = std::min(first + kBlock, count);
    FloatVec sum0 = hn::Zero(d), sum1 = hn::Zero(d);
    int64_t i = first;
    for (; i + 2 * kFloatLanes <= end; i += 2 * kFloatLanes) {
      const FloatVec x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + kFloatLanes);
      sum0 = hn::MulAdd(x0, x0, sum0);
      sum1 = hn::MulAdd(x1, x1, sum1);
    }
    for (; i < end; i += kFloatLanes) {
      const FloatVec x0 = load_up_to(d, x + i, end - i, 0.0f);
      sum0 = hn::MulAdd(x0, x0, sum0);
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1))));
  }
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_adamw_update);
HWY_EXPORT(target_sum_of_squares);

namespace {

constexpr int64_t kChunk = 65536;

}  // namespace

AdamWStep with_bias_corrections(AdamWStep step, int64_t t) {
  step.bias_correction1 = 1.0 - std::pow(step.beta1, static_cast<double>(t));
  step.bias_correction2 = 1.0 - std::pow(step.beta2, static_cast<double>(t));
  return step;
}

void adamw_update(const AdamWStep& step, const float* gradient, float* weight, float* first_moment,
                  float* second_moment, int64_t count) {
  parallel_for((count + kChunk - 1) / kChunk, [&](int64_t chunk) {
    const int64_t first = chunk * kChunk;
    HWY_DYNAMIC_DISPATCH(target_adamw_update)
    (step, gradient + first, weight + first, first_moment + first, second_moment + first,
     std::min(kChunk, count - first));
  });
}

double sum_of_squares(const float* x, int64_t count) {
  std::vector<double> partials(static_cast<size_t>((count + kChunk - 1) / kChunk));
  parallel_for(static_cast<int64_t>(partials.size()), [&](int64_t chunk) {
    const int64_t first = chunk * kChunk;
    partials[static_cast<size_t>(chunk)] =
        HWY_DYNAMIC_DISPATCH(target_sum_of_squares)(x + first, std::min(kChunk, count - first));
  });
  double total = 0.0;
  for (double partial : partials) total += partial;
  return total;
}

}  // namespace millwright::cpu
#endif
