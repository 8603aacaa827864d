// What every kernel's interface shares: how elements lie in memory (Storage) and the sizes and strides of a strided
// tensor (Dims). Kernels know nothing of MIL: they get raw pointers, sizes and strides, always counted in elements.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/check.h"

namespace millwright::cpu {

// Arithmetic is done in float (or int32 for the integer types) whatever the storage; a boolean is one byte, 0 or 1.
enum class Storage : uint8_t { float32, float16, bfloat16, int32, int16, uint16, int8, uint8, boolean };

constexpr int64_t storage_bytes(Storage storage) {
  switch (storage) {
    case Storage::float32:
    case Storage::int32:
      return 4;
    case Storage::float16:
    case Storage::bfloat16:
    case Storage::int16:
    case Storage::uint16:
      return 2;
    case Storage::int8:
    case Storage::uint8:
    case Storage::boolean:
      return 1;
  }
  return 0;
}

constexpr bool is_float(Storage storage) {
  return storage == Storage::float32 || storage == Storage::float16 || storage == Storage::bfloat16;
}

inline constexpr int kMaxRank = 8;

// Sizes or strides of up to kMaxRank dimensions, outermost first.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<int64_t> values) {
    for (int64_t value : values) push_back(value);
  }
  int rank() const { return rank_; }
  int64_t& operator[](int dim) { return values_[static_cast<size_t>(dim)]; }
  int64_t operator[](int dim) const { return values_[static_cast<size_t>(dim)]; }
  void push_back(int64_t value) {
    MW_CHECK(rank_ < kMaxRank, "rank {}", rank_);
    values_[static_cast<size_t>(rank_++)] = value;
  }
  const int64_t* begin() const { return values_.data(); }
  const int64_t* end() const { return values_.data() + rank_; }
  bool operator==(const Dims& other) const = default;

 private:
  std::array<int64_t, kMaxRank> values_{};
  int rank_ = 0;
};

// The product of the sizes: 1 for rank 0.
inline int64_t element_count(const Dims& sizes) {
  int64_t count = 1;
  for (int64_t size : sizes) count *= size;
  return count;
}

// Strides of a dense row-major tensor of these sizes.
inline Dims dense_strides(const Dims& sizes) {
  Dims strides = sizes;
  int64_t stride = 1;
  for (int dim = sizes.rank() - 1; dim >= 0; --dim) {
    strides[dim] = stride;
    stride *= sizes[dim];
  }
  return strides;
}

}  // namespace millwright::cpu
