#include "cpu/view.h"

#include <algorithm>

#include "base/check.h"

namespace millwright::cpu {

View dense_view(int buffer, const mil::Type& type) {
  return {buffer, 0, type.element(), type.shape(), mil::contiguous_strides(type.shape())};
}

bool is_dense(const View& view) {
  int64_t expected = 1;
  for (size_t axis = view.sizes.size(); axis-- > 0;) {
    if (view.sizes[axis] == 1) continue;
    if (view.strides[axis] != expected) return false;
    expected *= view.sizes[axis];
  }
  return true;
}

bool is_splat(const View& view) {
  for (size_t axis = 0; axis < view.sizes.size(); ++axis) {
    if (view.sizes[axis] != 1 && view.strides[axis] != 0) return false;
  }
  return true;
}

bool is_same_place(const View& a, const View& b) {
  if (a.buffer != b.buffer || a.offset != b.offset || a.sizes != b.sizes) return false;
  for (size_t axis = 0; axis < a.sizes.size(); ++axis) {
    if (a.sizes[axis] != 1 && a.strides[axis] != b.strides[axis]) return false;
  }
  return true;
}

std::optional<View> reshaped(const View& view, const mil::Shape& sizes) {
  View result = view;
  result.sizes = sizes;
  result.strides = mil::contiguous_strides(sizes);
  if (is_dense(view) || view.count() == 0) return result;
  // Runs of old axes that are evenly spaced are cut into runs of new axes of the same count.
  std::vector<int64_t> old_sizes;
  std::vector<int64_t> old_strides;
  for (size_t axis = 0; axis < view.sizes.size(); ++axis) {
    if (view.sizes[axis] == 1) continue;
    old_sizes.push_back(view.sizes[axis]);
    old_strides.push_back(view.strides[axis]);
  }
  size_t old_axis = 0;
  size_t new_axis = 0;
  while (old_axis < old_sizes.size() && new_axis < sizes.size()) {
    size_t old_end = old_axis + 1;
    size_t new_end = new_axis + 1;
    int64_t old_count = old_sizes[old_axis];
    int64_t new_count = sizes[new_axis];
    while (old_count != new_count) {
      if (new_count < old_count) {
        new_count *= sizes[new_end++];
      } else {
        old_count *= old_sizes[old_end++];
      }
    }
    for (size_t axis = old_axis; axis + 1 < old_end; ++axis) {
      if (old_strides[axis] != old_strides[axis + 1] * old_sizes[axis + 1]) return std::nullopt;
    }
    int64_t stride = old_strides[old_end - 1];
    for (size_t axis = new_end; axis-- > new_axis;) {
      result.strides[axis] = stride;
      stride *= sizes[axis];
    }
    old_axis = old_end;
    new_axis = new_end;
  }
  for (; new_axis < sizes.size(); ++new_axis) result.strides[new_axis] = 1;
  return result;
}

View permuted(const View& view, std::span<const int64_t> permutation) {
  View result = view;
  for (size_t axis = 0; axis < permutation.size(); ++axis) {
    const auto source =
        static_cast<size_t>(permutation[axis] < 0 ? permutation[axis] + view.rank() : permutation[axis]);
    result.sizes[axis] = view.sizes[source];
    result.strides[axis] = view.strides[source];
  }
  return result;
}

View sliced(const View& view, size_t axis, int64_t begin, int64_t size, int64_t stride) {
  View result = view;
  result.offset += begin * view.strides[axis];
  result.sizes[axis] = size;
  result.strides[axis] *= stride;
  return result;
}

View broadcasted(const View& view, const mil::Shape& sizes) {
  MW_CHECK(view.sizes.size() <= sizes.size(), "rank {} to rank {}", view.sizes.size(), sizes.size());
  View result{view.buffer, view.offset, view.element, sizes, std::vector<int64_t>(sizes.size(), 0)};
  const size_t first = sizes.size() - view.sizes.size();
  for (size_t axis = 0; axis < view.sizes.size(); ++axis) {
    if (view.sizes[axis] == 1) continue;
    MW_CHECK(view.sizes[axis] == sizes[first + axis], "axis of {} to {}", view.sizes[axis], sizes[first + axis]);
    result.strides[first + axis] = view.strides[axis];
  }
  return result;
}

std::optional<Storage> storage_of(mil::ElementType element) {
  switch (element) {
    case mil::ElementType::fp32:
      return Storage::float32;
    case mil::ElementType::fp16:
      return Storage::float16;
    case mil::ElementType::bf16:
      return Storage::bfloat16;
    case mil::ElementType::int32:
      return Storage::int32;
    case mil::ElementType::int16:
      return Storage::int16;
    case mil::ElementType::uint16:
      return Storage::uint16;
    case mil::ElementType::int4:
    case mil::ElementType::int8:
      return Storage::int8;
    case mil::ElementType::uint1:
    case mil::ElementType::uint2:
    case mil::ElementType::uint3:
    case mil::ElementType::uint4:
    case mil::ElementType::uint6:
    case mil::ElementType::uint8:
      return Storage::uint8;
    case mil::ElementType::boolean:
      return Storage::boolean;
    default:
      return std::nullopt;
  }
}

mil::ElementType widened(mil::ElementType element) {
  const std::optional<Storage> storage = storage_of(element);
  if (!storage) return element;
  return is_float(*storage) ? mil::ElementType::fp32 : mil::ElementType::int32;
}

Loop collapsed(const mil::Shape& sizes, std::span<const std::vector<int64_t>> strides, std::span<const uint8_t> flags) {
  struct Dimension {
    int64_t size;
    std::vector<int64_t> strides;
    uint8_t flag;
  };
  std::vector<Dimension> kept;  // outermost first
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] == 1) continue;
    Dimension dimension{sizes[axis], {}, flags.empty() ? uint8_t{0} : flags[axis]};
    for (const auto& tensor : strides) dimension.strides.push_back(tensor[axis]);
    bool joins = !kept.empty() && kept.back().flag == dimension.flag;
    for (size_t tensor = 0; joins && tensor < strides.size(); ++tensor) {
      joins = kept.back().strides[tensor] == dimension.strides[tensor] * dimension.size;
    }
    if (joins) {
      dimension.size *= kept.back().size;
      kept.back() = std::move(dimension);
    } else {
      kept.push_back(std::move(dimension));
    }
  }
  Loop loop;
  loop.strides.resize(strides.size());
  for (const Dimension& dimension : kept) {
    loop.sizes.push_back(dimension.size);
    loop.flags.push_back(dimension.flag);
    for (size_t tensor = 0; tensor < strides.size(); ++tensor)
      loop.strides[tensor].push_back(dimension.strides[tensor]);
  }
  return loop;
}

}  // namespace millwright::cpu
