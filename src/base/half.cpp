// Half conversions: F16C where an x86 CPU has it (checked once at run time), the native type on arm64, and portable
// integer code that always exists and is the oracle of both.
#include "base/half.h"

#include "base/check.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define MW_HALF_F16C 1
#elif defined(__aarch64__)
#include <arm_neon.h>
#define MW_HALF_NEON 1
#endif

namespace millwright {

namespace portable {

uint16_t float_to_half_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65520 and above round to infinity
  if (magnitude >= 0x38800000u) {                                              // normal half: 2^-14 and above
    const uint32_t rebased = magnitude - ((127u - 15u) << 23);
    return static_cast<uint16_t>(sign | ((rebased + 0xfffu + ((rebased >> 13) & 1u)) >> 13));
  }
  if (magnitude <= 0x33000000u) return static_cast<uint16_t>(sign);  // 2^-25 and below round to zero
  const uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
  const uint32_t shift = 126u - (magnitude >> 23);  // units of 2^-24 are half subnormals
  const uint32_t kept = significand >> shift;
  const uint32_t rest = significand & ((1u << shift) - 1u);
  const uint32_t middle = 1u << (shift - 1u);
  return static_cast<uint16_t>(sign | (kept + (rest > middle || (rest == middle && (kept & 1u)) ? 1u : 0u)));
}

float half_bits_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0x1fu) {
    const uint32_t quiet = fraction != 0 ? 0x400000u : 0u;
    return std::bit_cast<float>(sign | 0x7f800000u | quiet | (fraction << 13));
  }
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

}  // namespace portable

#if defined(MW_HALF_F16C)

namespace {

#define MW_F16C __attribute__((target("avx,f16c")))

MW_F16C uint16_t f16c_to_half(float value) {
  return static_cast<uint16_t>(_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(value), _MM_FROUND_TO_NEAREST_INT)));
}

MW_F16C float f16c_to_float(uint16_t bits) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits))); }

MW_F16C void f16c_to_half(const float* from, uint16_t* to, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < count; ++i) to[i] = f16c_to_half(from[i]);
}

MW_F16C void f16c_to_float(const uint16_t* from, float* to, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
  for (; i < count; ++i) to[i] = f16c_to_float(from[i]);
}

#undef MW_F16C

bool detect_f16c() {
  __builtin_cpu_init();
  // Every CPU with AVX2 has F16C, which older compilers cannot ask for by name.
  return __builtin_cpu_supports("avx2");
}

const bool kHaveF16c = detect_f16c();

}  // namespace

uint16_t float_to_half_bits(float value) {
  return kHaveF16c ? f16c_to_half(value) : portable::float_to_half_bits(value);
}
float half_bits_to_float(uint16_t bits) { return kHaveF16c ? f16c_to_float(bits) : portable::half_bits_to_float(bits); }

#elif defined(MW_HALF_NEON)

uint16_t float_to_half_bits(float value) {
  return vget_lane_u16(vreinterpret_u16_f16(vcvt_f16_f32(vdupq_n_f32(value))), 0);
}
float half_bits_to_float(uint16_t bits) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(bits))), 0);
}

#else

uint16_t float_to_half_bits(float value) { return portable::float_to_half_bits(value); }
float half_bits_to_float(uint16_t bits) { return portable::half_bits_to_float(bits); }

#endif

void float_to_half(std::span<const float> from, std::span<uint16_t> to) {
  MW_CHECK(from.size() == to.size(), "{} values into {}", from.size(), to.size());
#if defined(MW_HALF_F16C)
  if (kHaveF16c) return f16c_to_half(from.data(), to.data(), from.size());
#endif
  size_t i = 0;
#if defined(MW_HALF_NEON)
  for (; i + 4 <= from.size(); i += 4) {
    vst1_u16(to.data() + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from.data() + i))));
  }
#endif
  for (; i < from.size(); ++i) to[i] = float_to_half_bits(from[i]);
}

void half_to_float(std::span<const uint16_t> from, std::span<float> to) {
  MW_CHECK(from.size() == to.size(), "{} values into {}", from.size(), to.size());
#if defined(MW_HALF_F16C)
  if (kHaveF16c) return f16c_to_float(from.data(), to.data(), from.size());
#endif
  size_t i = 0;
#if defined(MW_HALF_NEON)
  for (; i + 4 <= from.size(); i += 4) {
    vst1q_f32(to.data() + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from.data() + i))));
  }
#endif
  for (; i < from.size(); ++i) to[i] = half_bits_to_float(from[i]);
}

}  // namespace millwright
