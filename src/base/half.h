// Half (IEEE binary16) and BFloat16 as storage types: conversions to and from float, nothing else. Arithmetic is done
// in float. Conversions round to nearest, ties to even; NaN stays NaN (quiet). They use the CPU's instructions where it
// has them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace millwright {

uint16_t float_to_half_bits(float value);
float half_bits_to_float(uint16_t bits);

// Whole arrays of the same length, several values per instruction.
void float_to_half(std::span<const float> from, std::span<uint16_t> to);
void half_to_float(std::span<const uint16_t> from, std::span<float> to);

// The same conversions in integer arithmetic: what runs where the CPU has no instruction, and the tests' oracle.
namespace portable {
uint16_t float_to_half_bits(float value);
float half_bits_to_float(uint16_t bits);
}  // namespace portable

inline uint16_t float_to_bfloat16_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x0040u);  // quiet NaN
  const uint32_t rounding = 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<uint16_t>((bits + rounding) >> 16);
}
inline float bfloat16_bits_to_float(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

struct Half {
  uint16_t bits = 0;
  Half() = default;
  explicit Half(float value) : bits(float_to_half_bits(value)) {}
  explicit operator float() const { return half_bits_to_float(bits); }
  static Half from_bits(uint16_t bits) {
    Half half;
    half.bits = bits;
    return half;
  }
  bool operator==(const Half& other) const = default;
};

struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) : bits(float_to_bfloat16_bits(value)) {}
  explicit operator float() const { return bfloat16_bits_to_float(bits); }
  static BFloat16 from_bits(uint16_t bits) {
    BFloat16 value;
    value.bits = bits;
    return value;
  }
  bool operator==(const BFloat16& other) const = default;
};

static_assert(sizeof(Half) == 2 && sizeof(BFloat16) == 2);

}  // namespace millwright
