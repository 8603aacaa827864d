// What the kernel tests share: every target in turn, thread counts, random data, distances in units in the last place.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "cpu/kernels/targets.h"

namespace millwright::cpu {

// Calls body() with each instruction set forced in turn; failures name it.
template <class Body>
void for_each_target(const Body& body) {
  for (const KernelTarget& target : kernel_targets()) {
    SCOPED_TRACE("target " + target.name);
    force_kernel_target(target.id);
    body();
  }
  force_kernel_target(0);
}

// Sets the thread count for a scope.
class ThreadCountScope {
 public:
  explicit ThreadCountScope(int count) : before_(thread_count()) { set_thread_count(count); }
  ~ThreadCountScope() { set_thread_count(before_); }
  ThreadCountScope(const ThreadCountScope&) = delete;
  ThreadCountScope& operator=(const ThreadCountScope&) = delete;

 private:
  int before_;
};

class RandomSource {
 public:
  explicit RandomSource(uint32_t seed) : engine_(seed) {}
  // Uniform in [low, high], both included.
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  float uniform(float low = -1.0f, float high = 1.0f) {
    return low + (high - low) * static_cast<float>(static_cast<double>(engine_()) / 4294967295.0);
  }
  bool chance(double probability) { return static_cast<double>(engine_()) / 4294967296.0 < probability; }
  std::vector<float> floats(int64_t count, float low = -1.0f, float high = 1.0f) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = uniform(low, high);
    return values;
  }

 private:
  std::mt19937 engine_;
};

// Distance of `actual` from the exact value in units of the last place of a float of that size. 0 for two NaNs or equal
// infinities, infinity where only one of them is.
inline double ulp_distance(float actual, double exact) {
  if (std::isnan(exact)) return std::isnan(actual) ? 0.0 : std::numeric_limits<double>::infinity();
  const auto rounded = static_cast<float>(exact);
  if (std::isinf(rounded)) {
    // Beyond the largest float: infinity is right, and so is the largest float when the exact value is next to it.
    if (actual == rounded) return 0.0;
    const double largest = static_cast<double>(std::numeric_limits<float>::max());
    return std::isfinite(actual) && std::abs(exact) < largest * (1 + 1e-6) ? 1.0
                                                                           : std::numeric_limits<double>::infinity();
  }
  if (!std::isfinite(actual)) {
    const double largest = static_cast<double>(std::numeric_limits<float>::max());
    return std::isinf(actual) && std::abs(exact) > largest * (1 - 1e-6) ? 1.0 : std::numeric_limits<double>::infinity();
  }
  int exponent = 0;
  std::frexp(exact, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::abs(static_cast<double>(actual) - exact) / unit;
}

inline bool same_bits(const std::vector<float>& left, const std::vector<float>& right) {
  return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(), [](float a, float b) {
           return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
         });
}

}  // namespace millwright::cpu
