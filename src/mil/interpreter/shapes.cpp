// Operations that rearrange elements: reshape, transpose, concat, split, stack, pad, tile, reverse, band_part.
#include <algorithm>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// A result of the given shape whose every element is read from x at the index that `source` makes of its own.
template <class Source>
std::vector<TensorValue> picked(const Evaluation& e, const TensorValue& x, Shape shape, Source source) {
  TensorValue y = e.zeros(std::move(shape));
  size_t next = 0;
  for_each_index(y.type.shape(),
                 [&](const Shape& index) { y.numbers[next++] = x.numbers[offset_of(source(index), x.type.shape())]; });
  return {y};
}

std::vector<TensorValue> relabelled(const TensorValue& x, Shape shape) {
  return {{x.type.with_shape(std::move(shape)), x.numbers}};
}

Values reshape(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  Shape shape = e.integers("shape");
  const Shape& from = x.type.shape();
  int64_t known = 1;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    // A 0 copies the axis counted from the right; one that x does not have is 1.
    if (shape[axis] == 0) shape[axis] = axis + from.size() < shape.size() ? 1 : from[axis + from.size() - shape.size()];
    if (shape[axis] <= 0) continue;
    if (shape[axis] > std::max<int64_t>(x.type.count(), 1) / known) {
      return fail("{}: x {} does not fill shape {}", e.where(), shape_text(from), shape_text(e.integers("shape")));
    }
    known *= shape[axis];
  }
  const auto inferred = std::ranges::find(shape, -1);
  if (inferred != shape.end()) *inferred = known == 0 ? 0 : x.type.count() / known;
  if (!is_static(shape) || element_count(shape) != x.type.count()) {
    return fail("{}: x {} does not fill shape {}", e.where(), shape_text(x.type.shape()), shape_text(shape));
  }
  return relabelled(x, std::move(shape));
}

std::vector<bool> marked(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<bool> marks(rank, false);
  for (const int64_t axis : axes) {
    marks[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis)] = true;
  }
  return marks;
}

Values expand_dims(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::vector<int64_t> axes = e.integers("axes");
  const std::vector<bool> added = marked(axes, x.type.shape().size() + axes.size());
  Shape shape;
  size_t next = 0;
  for (const bool is_new : added) shape.push_back(is_new ? 1 : x.type.shape()[next++]);
  return relabelled(x, std::move(shape));
}

Values squeeze(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::vector<int64_t> axes = e.integers("axes");
  const std::vector<bool> listed = marked(axes, x.type.shape().size());
  Shape shape;
  for (size_t axis = 0; axis < listed.size(); ++axis) {
    const int64_t size = x.type.shape()[axis];
    if (axes.empty() ? size != 1 : !listed[axis]) shape.push_back(size);
  }
  return relabelled(x, std::move(shape));
}

Values transpose(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  std::vector<int64_t> permutation = e.integers("perm");
  Shape shape;
  for (int64_t& axis : permutation) {
    if (axis < 0) axis += x.type.rank();
    shape.push_back(x.type.shape()[static_cast<size_t>(axis)]);
  }
  return picked(e, x, shape, [&](const Shape& index) {
    Shape source(index.size());
    for (size_t axis = 0; axis < index.size(); ++axis) source[static_cast<size_t>(permutation[axis])] = index[axis];
    return source;
  });
}

Values reverse(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const std::vector<int64_t> axes = e.integers("axes");
  const std::vector<bool> listed = marked(axes, shape.size());
  return picked(e, x, shape, [&](Shape index) {
    for (size_t axis = 0; axis < index.size(); ++axis) {
      if (axes.empty() || listed[axis]) index[axis] = shape[axis] - 1 - index[axis];
    }
    return index;
  });
}

Values tile(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::vector<int64_t> repetitions = e.integers("reps");
  Shape shape = x.type.shape();
  for (size_t axis = 0; axis < shape.size(); ++axis) shape[axis] *= repetitions[axis];
  return picked(e, x, shape, [&](Shape index) {
    for (size_t axis = 0; axis < index.size(); ++axis) index[axis] %= x.type.shape()[axis];
    return index;
  });
}

// Where a padded position reads from on one axis: outside [0, size) it is mirrored without repeating the edge, or
// moved to the edge.
int64_t inside(int64_t position, int64_t size, const std::string& mode) {
  if (mode == "replicate") return std::clamp<int64_t>(position, 0, size - 1);
  if (position < 0) return -position;
  return position >= size ? 2 * (size - 1) - position : position;
}

Values pad(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& from = x.type.shape();
  const std::vector<int64_t> amounts = e.integers("pad");
  const std::string mode = e.text("mode");
  std::vector<int64_t> before(from.size(), 0);
  Shape shape = from;
  const size_t first = from.size() - amounts.size() / 2;
  for (size_t i = 0; i < amounts.size() / 2; ++i) {
    before[first + i] = amounts[2 * i];
    shape[first + i] += amounts[2 * i] + amounts[2 * i + 1];
  }
  const double filler = e.number("constant_val");
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](Shape index) {
    bool is_outside = false;
    for (size_t axis = 0; axis < from.size(); ++axis) {
      index[axis] -= before[axis];
      is_outside = is_outside || index[axis] < 0 || index[axis] >= from[axis];
      if (mode != "constant") index[axis] = inside(index[axis], from[axis], mode);
    }
    y.numbers[next++] = is_outside && mode == "constant" ? filler : x.numbers[offset_of(index, from)];
  });
  return std::vector<TensorValue>{y};
}

Values concat(const Evaluation& e) {
  const std::vector<TensorValue> values = e.list("values");
  Shape shape = values[0].type.shape();
  const size_t axis = e.axis("axis", shape.size());
  shape[axis] = 0;
  for (const TensorValue& value : values) shape[axis] += value.type.shape()[axis];
  const bool interleave = e.flag("interleave");
  TensorValue y = e.zeros(shape);
  int64_t start = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    size_t next = 0;
    for_each_index(values[i].type.shape(), [&](Shape index) {
      index[axis] = interleave ? index[axis] * static_cast<int64_t>(values.size()) + static_cast<int64_t>(i)
                               : index[axis] + start;
      y.numbers[offset_of(index, shape)] = values[i].numbers[next++];
    });
    start += values[i].type.shape()[axis];
  }
  return std::vector<TensorValue>{y};
}

Values stack(const Evaluation& e) {
  const std::vector<TensorValue> values = e.list("values");
  Shape shape = values[0].type.shape();
  const size_t axis = e.axis("axis", shape.size() + 1);
  shape.insert(shape.begin() + static_cast<int64_t>(axis), static_cast<int64_t>(values.size()));
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](Shape index) {
    const TensorValue& value = values[static_cast<size_t>(index[axis])];
    index.erase(index.begin() + static_cast<int64_t>(axis));
    y.numbers[next++] = value.numbers[offset_of(index, value.type.shape())];
  });
  return std::vector<TensorValue>{y};
}

Values split(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const size_t axis = e.axis("axis", x.type.shape().size());
  std::vector<int64_t> sizes = e.integers("split_sizes");
  if (sizes.empty()) {
    const int64_t pieces = e.integer("num_splits");
    sizes.assign(static_cast<size_t>(pieces), x.type.shape()[axis] / pieces);
  }
  std::vector<TensorValue> results;
  int64_t start = 0;
  for (const int64_t size : sizes) {
    Shape shape = x.type.shape();
    shape[axis] = size;
    results.push_back(picked(e, x, shape, [&](Shape index) {
      index[axis] += start;
      return index;
    })[0]);
    start += size;
  }
  return results;
}

Values band_part(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const int64_t lower = e.integer("lower");
  const int64_t upper = e.integer("upper");
  size_t next = 0;
  for_each_index(x.type.shape(), [&](const Shape& index) {
    const int64_t below = index[index.size() - 2] - index.back();
    const bool keeps = (lower < 0 || below <= lower) && (upper < 0 || -below <= upper);
    if (!keeps) x.numbers[next] = 0;
    ++next;
  });
  return std::vector<TensorValue>{x};
}

constexpr Evaluator kShapes[] = {
    {"band_part", band_part}, {"concat", concat}, {"expand_dims", expand_dims}, {"pad", pad},     {"reshape", reshape},
    {"reverse", reverse},     {"split", split},   {"squeeze", squeeze},         {"stack", stack}, {"tile", tile},
    {"transpose", transpose},
};

}  // namespace

std::span<const Evaluator> shape_evaluators() { return kShapes; }

}  // namespace millwright::mil::interpreter
