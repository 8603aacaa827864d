#include "device/emulated/faithful_sum.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "base/parallel.h"

namespace millwright::device {
namespace {

constexpr int64_t kLanes = 4;
constexpr float kSmallestNormal = 0x1p-14f;  // of fp16
constexpr float kLargest = 65504.0f;         // of fp16
constexpr float kOverflow = 65520.0f;        // rounds to infinity
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Half-way cases go to the neighbour of larger magnitude.
float round_ties_away(float x) {
  const float size = std::abs(x);
  if (!(size < kOverflow)) return std::isnan(x) ? x : std::copysign(std::numeric_limits<float>::infinity(), x);
  const int exponent = std::max(size == 0 ? -14 : std::ilogb(size), -14);
  const float unit = std::ldexp(1.0f, exponent - 10);
  return std::copysign(std::min(std::floor(size / unit + 0.5f) * unit, kLargest), x);
}

float flushed(float x) { return std::abs(x) < kSmallestNormal ? 0.0f : x; }

template <bool kTiesAway, bool kFlushes>
float sum_of_products(const float* a, const float* b, int64_t terms, float partial_limit) {
  constexpr ane::Ties kTies = kTiesAway ? ane::Ties::away : ane::Ties::to_even;
  const auto limited = [partial_limit](float sum) {
    return std::abs(sum) >= partial_limit ? std::copysign(kInfinity, sum) : sum;
  };
  float total = 0;
  for (int64_t begin = 0; begin < terms; begin += kLanes) {
    float tile = 0;
    const int64_t end = std::min(begin + kLanes, terms);
    for (int64_t k = begin; k < end; ++k) {
      const float x = kFlushes ? flushed(a[k]) : a[k];
      const float y = kFlushes ? flushed(b[k]) : b[k];
      tile = limited(round_to_fp16_digits(tile + x * y, kTies));
      if (kFlushes) tile = flushed(tile);
    }
    total = limited(total + tile);
  }
  const float rounded = round_to_fp16(total, kTies);
  return kFlushes ? flushed(rounded) : rounded;
}

template <bool kTiesAway, bool kFlushes>
void products(const float* a, const float* b, int64_t rows, int64_t columns, int64_t terms, float partial_limit,
              float* c) {
  parallel_for(rows, [&](int64_t row) {
    for (int64_t column = 0; column < columns; ++column) {
      c[row * columns + column] =
          sum_of_products<kTiesAway, kFlushes>(a + row * terms, b + column * terms, terms, partial_limit);
    }
  });
}

}  // namespace

float round_to_fp16(float x, ane::Ties ties) {
  return ties == ane::Ties::to_even ? half_bits_to_float(float_to_half_bits(x)) : round_ties_away(x);
}

float round_to_fp16_digits(float x, ane::Ties ties) {
  if (std::abs(x) < kLargest) return round_to_fp16(x, ties);
  // Scaled into fp16's range by a power of two, which changes no digit.
  return std::isfinite(x) ? round_to_fp16_digits(x / 0x1p15f, ties) * 0x1p15f : x;
}

void faithful_products(const float* a, const float* b, int64_t rows, int64_t columns, int64_t terms,
                       SumRounding rounding, float* c) {
  const bool away = rounding.ties == ane::Ties::away;
  const auto run = away ? (rounding.flushes_denormals ? products<true, true> : products<true, false>)
                        : (rounding.flushes_denormals ? products<false, true> : products<false, false>);
  run(a, b, rows, columns, terms, rounding.partial_limit, c);
}

}  // namespace millwright::device
