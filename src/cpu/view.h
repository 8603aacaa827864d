// Views: how the elements of a value lie in a buffer. Reshapes, transposes, slices and broadcasts are arithmetic on
// views and cost nothing at run time; only where strides cannot express one is a copy made.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cpu/kernels/layout.h"
#include "mil/type.h"

namespace millwright::cpu {

struct View {
  int buffer = -1;
  int64_t offset = 0;  // of element 0, in elements from the start of the buffer
  mil::ElementType element = mil::ElementType::fp32;
  mil::Shape sizes;
  std::vector<int64_t> strides;  // in elements; 0 repeats, negative walks backwards

  int64_t rank() const { return static_cast<int64_t>(sizes.size()); }
  int64_t count() const { return mil::element_count(sizes); }
  int64_t bytes() const { return count() * static_cast<int64_t>(mil::element_bytes(element)); }
  bool operator==(const View&) const = default;
};

// Row-major over a whole buffer of that type.
View dense_view(int buffer, const mil::Type& type);
// Row-major without gaps (strides of axes of size 1 do not matter); the offset may be anything.
bool is_dense(const View& view);
// Every element is the same one.
bool is_splat(const View& view);
// The same elements in the same order: equal buffer, offset, sizes and strides, axes of size 1 aside.
bool is_same_place(const View& a, const View& b);

// Nothing where the new shape needs a copy.
std::optional<View> reshaped(const View& view, const mil::Shape& sizes);
View permuted(const View& view, std::span<const int64_t> permutation);
View sliced(const View& view, size_t axis, int64_t begin, int64_t size, int64_t stride = 1);
// NumPy broadcasting to `sizes`.
View broadcasted(const View& view, const mil::Shape& sizes);

// How a kernel counts elements of this type; nothing for types that kernels do not compute with.
std::optional<Storage> storage_of(mil::ElementType element);

// The type that kernels without a form for `element` compute in instead: fp32 for fp16 and bf16, int32 for booleans and
// integers of up to 16 bits; other types as they are.
mil::ElementType widened(mil::ElementType element);

// An index space that several tensors are walked over together, in as few dimensions as their strides allow.
struct Loop {
  Dims sizes;
  std::vector<Dims> strides;   // one per tensor
  std::vector<uint8_t> flags;  // one per dimension
};
// `strides` has one entry per tensor, each as long as `sizes`. Dimensions with different flags are kept apart.
Loop collapsed(const mil::Shape& sizes, std::span<const std::vector<int64_t>> strides,
               std::span<const uint8_t> flags = {});

}  // namespace millwright::cpu
