// Half and bfloat16 conversions. Oracle: exact values written by hand, and arithmetic in double for the rounding.
#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace millwright {
namespace {

// The value of half bits by the definition of binary16.
double value_of_half(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  if (exponent == 31) return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

// Rounds by definition: of the two neighbouring halves the nearer, of equally near ones the even.
uint16_t nearest_half_of_positive(double value) {
  uint16_t below = 0;
  uint16_t above = 0x7c00;
  while (above - below > 1) {
    const auto middle = static_cast<uint16_t>((below + above) / 2);
    (value_of_half(middle) <= value ? below : above) = middle;
  }
  const double low = value_of_half(below);
  const double high = above == 0x7c00 ? 65536.0 : value_of_half(above);  // where the next half would be
  if (value - low != high - value) return value - low < high - value ? below : above;
  return below % 2 == 0 ? below : above;
}

TEST(Half, ReadsEveryBitPatternAsItsDefinition) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double expected = value_of_half(static_cast<uint16_t>(bits));
    for (const float value :
         {half_bits_to_float(static_cast<uint16_t>(bits)), portable::half_bits_to_float(static_cast<uint16_t>(bits))}) {
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(value)) << bits;
      } else {
        ASSERT_EQ(value, expected) << bits;
        ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
      }
    }
  }
}

TEST(Half, PortableAndHardwareReadTheSameBits) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    ASSERT_EQ(std::bit_cast<uint32_t>(half_bits_to_float(static_cast<uint16_t>(bits))),
              std::bit_cast<uint32_t>(portable::half_bits_to_float(static_cast<uint16_t>(bits))))
        << bits;
  }
}

TEST(Half, EveryValueSurvivesTheRoundTripThroughFloat) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const bool is_signalling_nan = (half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0 && (half & 0x200) == 0;
    const uint16_t expected = is_signalling_nan ? half | 0x200 : half;
    ASSERT_EQ(float_to_half_bits(half_bits_to_float(half)), expected) << bits;
    ASSERT_EQ(portable::float_to_half_bits(portable::half_bits_to_float(half)), expected) << bits;
  }
}

TEST(Half, PortableAndHardwareRoundEveryUpperFloatPatternAlike) {
  // All 2^20 patterns of sign, exponent and upper fraction, each with the lower bits that decide a rounding.
  for (uint32_t upper = 0; upper < (1u << 20); ++upper) {
    for (const uint32_t lower : {0x000u, 0x001u, 0x7ffu, 0x800u, 0xfffu}) {
      const float value = std::bit_cast<float>(upper << 12 | lower);
      ASSERT_EQ(float_to_half_bits(value), portable::float_to_half_bits(value)) << std::hex << (upper << 12 | lower);
    }
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double low = value_of_half(static_cast<uint16_t>(bits));
    const double high = bits == 0x7bff ? 65536.0 : value_of_half(static_cast<uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    for (const float value : {std::nextafter(middle, 0.0f), middle, std::nextafter(middle, 1e9f)}) {
      const uint16_t expected = nearest_half_of_positive(value);
      ASSERT_EQ(float_to_half_bits(value), expected) << value;
      ASSERT_EQ(portable::float_to_half_bits(value), expected) << value;
      ASSERT_EQ(float_to_half_bits(-value), expected | 0x8000) << value;
    }
  }
}

TEST(Half, OverflowsToInfinityFrom65520) {
  EXPECT_EQ(float_to_half_bits(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_half_bits(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half_bits(-1e30f), 0xfc00);
  EXPECT_EQ(float_to_half_bits(std::numeric_limits<float>::infinity()), 0x7c00);
}

TEST(Half, ArraysConvertLikeSingleValuesAtEveryLength) {
  for (size_t length = 0; length < 40; ++length) {
    std::vector<float> values(length);
    for (size_t i = 0; i < length; ++i)
      values[i] = std::ldexp(1.0f + 0.037f * static_cast<float>(i), static_cast<int>(i) - 20);
    std::vector<uint16_t> halves(length + 1, 0xabcd);
    float_to_half(values, std::span(halves).first(length));
    EXPECT_EQ(halves[length], 0xabcd);
    std::vector<float> back(length);
    half_to_float(std::span(halves).first(length), back);
    for (size_t i = 0; i < length; ++i) {
      EXPECT_EQ(halves[i], portable::float_to_half_bits(values[i]));
      EXPECT_EQ(back[i], portable::half_bits_to_float(halves[i]));
    }
  }
}

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(float_to_bfloat16_bits(1.0f), 0x3f80);
  EXPECT_EQ(float_to_bfloat16_bits(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // tie, even below
  EXPECT_EQ(float_to_bfloat16_bits(std::bit_cast<float>(0x3f818000u)), 0x3f82);  // tie, even above
  EXPECT_EQ(float_to_bfloat16_bits(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(float_to_bfloat16_bits(std::bit_cast<float>(0xbf807fffu)), 0xbf80);
}

TEST(BFloat16, KeepsInfinityAndNan) {
  EXPECT_EQ(float_to_bfloat16_bits(std::numeric_limits<float>::infinity()), 0x7f80);
  EXPECT_EQ(float_to_bfloat16_bits(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(bfloat16_bits_to_float(float_to_bfloat16_bits(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace millwright
