#include "runtime/half_magnitude.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/half.h"

namespace millwright::runtime {
namespace {

float largest_of(const std::vector<float>& values) {
  std::vector<uint16_t> halves;
  for (const float value : values) halves.push_back(float_to_half_bits(value));
  return largest_magnitude(halves);
}

TEST(LargestMagnitude, LooksAtBothSignsAndAtEveryElement) {
  EXPECT_EQ(largest_of({}), 0);
  EXPECT_EQ(largest_of({0.5f, -3, 2}), 3);
  std::vector<float> many(1000, 0.25f);
  for (const size_t place : {size_t{0}, size_t{15}, size_t{16}, size_t{999}}) {
    auto values = many;
    values[place] = -1024;
    EXPECT_EQ(largest_of(values), 1024) << place;
  }
}

TEST(LargestMagnitude, ShowsInfinityAndNan) {
  EXPECT_EQ(largest_of({1, -std::numeric_limits<float>::infinity()}), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(largest_of({1, std::numeric_limits<float>::infinity(), std::nanf("")})));
}

}  // namespace
}  // namespace millwright::runtime
