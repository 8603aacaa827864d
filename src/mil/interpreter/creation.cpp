// Operations that make tensors: fill, range_1d, one_hot, shape.
#include <algorithm>
#include <cmath>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

TensorValue filled(const Evaluation& e, Shape shape) {
  TensorValue y = e.zeros(std::move(shape));
  y.numbers.assign(y.numbers.size(), e.number("value"));
  return y;
}

Values fill(const Evaluation& e) {
  const Shape shape = e.integers("shape");
  if (!is_static(shape)) return fail("{}: shape {} has a negative size", e.where(), shape_text(shape));
  return std::vector<TensorValue>{filled(e, shape)};
}

Values fill_like(const Evaluation& e) {
  return std::vector<TensorValue>{filled(e, e.operand("ref_tensor").type.shape())};
}

Values range_1d(const Evaluation& e) {
  const double start = e.number("start");
  const double end = e.number("end");
  const double step = e.number("step");
  if (step == 0) return fail("{}: step is 0", e.where());
  const int64_t count = std::max<int64_t>(0, static_cast<int64_t>(std::ceil((end - start) / step)));
  TensorValue y = e.zeros({count});
  for (size_t i = 0; i < y.numbers.size(); ++i) y.numbers[i] = start + static_cast<double>(i) * step;
  return std::vector<TensorValue>{y};
}

// An index outside [0, size) marks no element.
Values one_hot(const Evaluation& e) {
  const TensorValue indices = e.operand("indices");
  Shape shape = indices.type.shape();
  const size_t axis = e.axis("axis", shape.size() + 1);
  shape.insert(shape.begin() + static_cast<int64_t>(axis), e.integer("one_hot_vector_size"));
  const double on = e.number("on_value");
  const double off = e.number("off_value");
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](Shape index) {
    const double position = static_cast<double>(index[axis]);
    index.erase(index.begin() + static_cast<int64_t>(axis));
    y.numbers[next++] = indices.numbers[offset_of(index, indices.type.shape())] == position ? on : off;
  });
  return std::vector<TensorValue>{y};
}

Values shape(const Evaluation& e) {
  const Shape sizes = e.operand("x").type.shape();
  TensorValue y = e.zeros({static_cast<int64_t>(sizes.size())});
  for (size_t axis = 0; axis < sizes.size(); ++axis) y.numbers[axis] = static_cast<double>(sizes[axis]);
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kCreation[] = {
    {"fill", fill}, {"fill_like", fill_like}, {"one_hot", one_hot}, {"range_1d", range_1d}, {"shape", shape}};

}  // namespace

std::span<const Evaluator> creation_evaluators() { return kCreation; }

}  // namespace millwright::mil::interpreter
