// Integer comparisons, once per Highway target: a NaN is what is larger than infinity without its sign.
#include "cpu/kernels/not_a_number.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/not_a_number.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Bits is int16_t or int32_t: the bits of a float without its sign are a number that is not negative.
template <class Bits>
bool any_above(const Bits* elements, int64_t count, Bits infinity) {
  const hn::ScalableTag<Bits> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto size = hn::Set(d, std::numeric_limits<Bits>::max());
  auto largest = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    largest = hn::Max(largest, hn::And(hn::LoadU(d, elements + i), size));
  }
  bool found = !hn::AllFalse(d, hn::Gt(largest, hn::Set(d, infinity)));
  for (; i < count; ++i) found |= (elements[i] & std::numeric_limits<Bits>::max()) > infinity;
  return found;
}

template <class Bits>
void copy_above_as(const Bits* source, int64_t count, Bits infinity, Bits* destination) {
  const hn::ScalableTag<Bits> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto size = hn::Set(d, std::numeric_limits<Bits>::max());
  const auto limit = hn::Set(d, infinity);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto x = hn::LoadU(d, source + i);
    hn::StoreU(hn::IfThenElse(hn::Gt(hn::And(x, size), limit), limit, x), d, destination + i);
  }
  for (; i < count; ++i) {
    destination[i] = (source[i] & std::numeric_limits<Bits>::max()) > infinity ? infinity : source[i];
  }
}

bool target_any_above_16(const int16_t* elements, int64_t count, int16_t infinity) {
  return any_above(elements, count, infinity);
}
bool target_any_above_32(const int32_t* elements, int64_t count, int32_t infinity) {
  return any_above(elements, count, infinity);
}
void target_copy_above_as_16(const int16_t* source, int64_t count, int16_t infinity, int16_t* destination) {
  copy_above_as(source, count, infinity, destination);
}
void target_copy_above_as_32(const int32_t* source, int64_t count, int32_t infinity, int32_t* destination) {
  copy_above_as(source, count, infinity, destination);
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_any_above_16);
HWY_EXPORT(target_any_above_32);
HWY_EXPORT(target_copy_above_as_16);
HWY_EXPORT(target_copy_above_as_32);

namespace {

constexpr int64_t kTaskElements = int64_t{1} << 18;
constexpr int32_t kInfinity32 = 0x7f800000;
constexpr int16_t kInfinityHalf = 0x7c00;
constexpr int16_t kInfinityBfloat = 0x7f80;

int16_t infinity_of(Storage storage) { return storage == Storage::float16 ? kInfinityHalf : kInfinityBfloat; }

template <class Body>
void in_tasks(int64_t count, const Body& body) {
  parallel_for((count + kTaskElements - 1) / kTaskElements, [&](int64_t task) {
    const int64_t first = task * kTaskElements;
    body(first, std::min(kTaskElements, count - first));
  });
}

}  // namespace

bool has_nan(Storage storage, const void* elements, int64_t count) {
  MW_CHECK(is_float(storage), "NaN among integers");
  std::atomic<bool> found = false;
  in_tasks(count, [&](int64_t first, int64_t length) {
    const bool is_here = storage == Storage::float32
                             ? HWY_DYNAMIC_DISPATCH(target_any_above_32)(static_cast<const int32_t*>(elements) + first,
                                                                         length, kInfinity32)
                             : HWY_DYNAMIC_DISPATCH(target_any_above_16)(static_cast<const int16_t*>(elements) + first,
                                                                         length, infinity_of(storage));
    if (is_here) found = true;
  });
  return found;
}

void copy_nan_as_infinity(Storage storage, const void* source, int64_t count, void* destination) {
  MW_CHECK(is_float(storage), "NaN among integers");
  in_tasks(count, [&](int64_t first, int64_t length) {
    if (storage == Storage::float32) {
      HWY_DYNAMIC_DISPATCH(target_copy_above_as_32)
      (static_cast<const int32_t*>(source) + first, length, kInfinity32, static_cast<int32_t*>(destination) + first);
    } else {
      HWY_DYNAMIC_DISPATCH(target_copy_above_as_16)
      (static_cast<const int16_t*>(source) + first, length, infinity_of(storage),
       static_cast<int16_t*>(destination) + first);
    }
  });
}

}  // namespace millwright::cpu
#endif
