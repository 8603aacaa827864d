// Slices by index and by size, and slice_update: NumPy's rules, with bounds that may be run-time values.
#include <algorithm>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// The positions that a slice takes on each axis, in its order, and which axes it drops.
struct Region {
  std::vector<std::vector<int64_t>> positions;
  std::vector<bool> squeezed;

  Shape full_shape() const {
    Shape shape;
    for (const auto& axis : positions) shape.push_back(static_cast<int64_t>(axis.size()));
    return shape;
  }
  Shape shape() const {
    Shape shape;
    for (size_t axis = 0; axis < positions.size(); ++axis) {
      if (!squeezed[axis]) shape.push_back(static_cast<int64_t>(positions[axis].size()));
    }
    return shape;
  }
  Shape source(Shape index) const {
    for (size_t axis = 0; axis < index.size(); ++axis) {
      index[axis] = positions[axis][static_cast<size_t>(index[axis])];
    }
    return index;
  }
};

// x[begin:end:stride] of an axis; a masked bound is left out, as in x[:end] and x[begin:].
std::vector<int64_t> stepped(int64_t size, int64_t begin, int64_t end, int64_t stride, bool no_begin, bool no_end) {
  if (begin < 0) begin += size;
  if (end < 0) end += size;
  std::vector<int64_t> positions;
  if (stride > 0) {
    begin = no_begin ? 0 : std::max<int64_t>(begin, 0);
    end = no_end ? size : std::min(end, size);
    for (int64_t i = begin; i < end; i += stride) positions.push_back(i);
  } else {
    begin = no_begin ? size - 1 : std::min(begin, size - 1);
    end = no_end ? -1 : std::max<int64_t>(end, -1);
    for (int64_t i = begin; i > end; i += stride) positions.push_back(i);
  }
  return positions;
}

Result<Region> region_by_index(const Evaluation& e, const Shape& shape) {
  const std::vector<int64_t> begin = e.integers("begin");
  const std::vector<int64_t> end = e.integers("end");
  const std::vector<int64_t> stride = e.integers_or("stride", shape.size(), 1);
  const std::vector<int64_t> no_begin = e.integers_or("begin_mask", shape.size(), 0);
  const std::vector<int64_t> no_end = e.integers_or("end_mask", shape.size(), 0);
  const std::vector<int64_t> squeeze = e.integers_or("squeeze_mask", shape.size(), 0);
  Region region;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    region.squeezed.push_back(squeeze[axis] != 0);
    if (squeeze[axis] == 0) {
      region.positions.push_back(
          stepped(shape[axis], begin[axis], end[axis], stride[axis], no_begin[axis] != 0, no_end[axis] != 0));
      continue;
    }
    const auto index = wrapped_index(begin[axis], shape[axis]);
    if (!index) return fail("{}: index {} is outside axis {} of size {}", e.where(), begin[axis], axis, shape[axis]);
    region.positions.push_back({*index});
  }
  return region;
}

TensorValue taken(const Evaluation& e, const TensorValue& x, const Region& region) {
  TensorValue y = e.zeros(region.shape());
  size_t next = 0;
  for_each_index(region.full_shape(), [&](const Shape& index) {
    y.numbers[next++] = x.numbers[offset_of(region.source(index), x.type.shape())];
  });
  return y;
}

Values slice_by_index(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  MW_ASSIGN(const Region region, region_by_index(e, x.type.shape()));
  return std::vector<TensorValue>{taken(e, x, region)};
}

Values slice_by_size(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const std::vector<int64_t> begin = e.integers("begin");
  const std::vector<int64_t> size = e.integers("size");
  Region region;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t first = begin[axis] < 0 ? begin[axis] + shape[axis] : begin[axis];
    const int64_t count = size[axis] == -1 ? shape[axis] - first : size[axis];
    if (first < 0 || count < 0 || count > shape[axis] - first) {
      return fail("{}: begin {} and size {} leave axis {} of size {}", e.where(), begin[axis], size[axis], axis,
                  shape[axis]);
    }
    region.positions.push_back(stepped(shape[axis], first, first + count, 1, false, false));
    region.squeezed.push_back(false);
  }
  return std::vector<TensorValue>{taken(e, x, region)};
}

Values slice_update(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const TensorValue update = e.operand("update");
  MW_ASSIGN(const Region region, region_by_index(e, x.type.shape()));
  if (region.shape() != update.type.shape()) {
    return fail("{}: update {} does not fit the region {}", e.where(), shape_text(update.type.shape()),
                shape_text(region.shape()));
  }
  size_t next = 0;
  for_each_index(region.full_shape(), [&](const Shape& index) {
    x.numbers[offset_of(region.source(index), x.type.shape())] = update.numbers[next++];
  });
  return std::vector<TensorValue>{x};
}

constexpr Evaluator kSlices[] = {
    {"slice_by_index", slice_by_index}, {"slice_by_size", slice_by_size}, {"slice_update", slice_update}};

}  // namespace

std::span<const Evaluator> slice_evaluators() { return kSlices; }

}  // namespace millwright::mil::interpreter
