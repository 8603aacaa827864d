// Loads and stores of float vectors from and to every float storage. Compiled once per Highway target.
// Tags: float, hwy::float16_t, hwy::bfloat16_t name the storage in memory; arithmetic is always float.
#if defined(MILLWRIGHT_CPU_KERNELS_STORAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MILLWRIGHT_CPU_KERNELS_STORAGE_INL_H_
#undef MILLWRIGHT_CPU_KERNELS_STORAGE_INL_H_
#else
#define MILLWRIGHT_CPU_KERNELS_STORAGE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "base/half.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
inline constexpr int64_t kFloatLanes = HWY_LANES(float);

HWY_INLINE FloatVec load_as_float(FloatTag d, const float* source) { return hn::LoadU(d, source); }

HWY_INLINE FloatVec load_as_float(FloatTag d, const hwy::float16_t* source) {
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, source));
}

// A bfloat16 is the upper half of a float.
HWY_INLINE FloatVec load_as_float(FloatTag d, const hwy::bfloat16_t* source) {
  const hn::Rebind<uint16_t, FloatTag> d16;
  const hn::RebindToUnsigned<FloatTag> du;
  const auto bits = hn::PromoteTo(du, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(source)));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}

HWY_INLINE float scalar_as_float(const float* source) { return *source; }
HWY_INLINE float scalar_as_float(const hwy::float16_t* source) {
  return half_bits_to_float(*reinterpret_cast<const uint16_t*>(source));
}
HWY_INLINE float scalar_as_float(const hwy::bfloat16_t* source) {
  return bfloat16_bits_to_float(*reinterpret_cast<const uint16_t*>(source));
}

HWY_INLINE void store_from_float(FloatTag d, FloatVec value, float* destination) { hn::StoreU(value, d, destination); }

HWY_INLINE void store_from_float(FloatTag d, FloatVec value, hwy::float16_t* destination) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  // Highway's emulation truncates.
  for (int64_t i = 0; i < kFloatLanes; ++i) {
    reinterpret_cast<uint16_t*>(destination)[i] = float_to_half_bits(hn::ExtractLane(value, static_cast<size_t>(i)));
  }
  (void)d;
#else
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  (void)d;
  hn::StoreU(hn::DemoteTo(d16, value), d16, destination);
#endif
}

// Rounds to nearest, ties to even; NaN becomes a quiet NaN (base/half.h does the same for scalars).
HWY_INLINE void store_from_float(FloatTag, FloatVec value, hwy::bfloat16_t* destination) {
  const hn::Rebind<uint16_t, FloatTag> d16;
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::RebindToSigned<FloatTag> di;
  const auto bits = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(hn::Set(du, 0x7fffu), odd)));
  const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x0040u));
  const auto result = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(value)), quiet, rounded);
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, result)), d16, reinterpret_cast<uint16_t*>(destination));
}

HWY_INLINE void store_scalar_from_float(float value, float* destination) { *destination = value; }
HWY_INLINE void store_scalar_from_float(float value, hwy::float16_t* destination) {
  *reinterpret_cast<uint16_t*>(destination) = float_to_half_bits(value);
}
HWY_INLINE void store_scalar_from_float(float value, hwy::bfloat16_t* destination) {
  *reinterpret_cast<uint16_t*>(destination) = float_to_bfloat16_bits(value);
}

// The first `count` lanes, never touching memory past them when count is less than a vector; the others are `fill`.
HWY_INLINE FloatVec load_up_to(FloatTag d, const float* source, int64_t count, float fill) {
  if (count >= kFloatLanes) return hn::LoadU(d, source);
  HWY_ALIGN float lanes[kFloatLanes];
  for (int64_t i = 0; i < kFloatLanes; ++i) lanes[i] = i < count ? source[i] : fill;
  return hn::Load(d, lanes);
}

HWY_INLINE void store_up_to(FloatTag d, FloatVec value, int64_t count, float* destination) {
  if (count >= kFloatLanes) return hn::StoreU(value, d, destination);
  HWY_ALIGN float lanes[kFloatLanes];
  hn::Store(value, d, lanes);
  for (int64_t i = 0; i < count; ++i) destination[i] = lanes[i];
}

// destination[i] = source[i] as float, both contiguous.
template <class Element>
HWY_INLINE void copy_as_float(const Element* source, int64_t count, float* destination) {
  const FloatTag d;
  int64_t i = 0;
  for (; i + kFloatLanes <= count; i += kFloatLanes) hn::StoreU(load_as_float(d, source + i), d, destination + i);
  for (; i < count; ++i) destination[i] = scalar_as_float(source + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#endif
