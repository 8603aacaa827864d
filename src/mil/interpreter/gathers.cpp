// Gather and scatter: slices along one axis, and element by element along an axis. Negative indices count from the end.
#include <algorithm>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

Status check_indices(const Evaluation& e, const TensorValue& indices, int64_t size, size_t axis) {
  for (const double index : indices.numbers) {
    if (!wrapped_index(static_cast<int64_t>(index), size)) {
      return fail("{}: index {} is outside axis {} of size {}", e.where(), index, axis, size);
    }
  }
  return {};
}

int64_t index_at(const TensorValue& indices, const Shape& place, int64_t size) {
  return *wrapped_index(static_cast<int64_t>(indices.numbers[offset_of(place, indices.type.shape())]), size);
}

// A position of shape[:axis] + indices.shape[batch_dims:] + shape[axis+1:], split into where its index stands in
// `indices` and the position in the indexed tensor, whose axis is still to be filled in.
struct Place {
  Shape in_indices;
  Shape in_data;
};
Place place_of(const Shape& position, size_t axis, size_t index_rank, size_t batch_dims) {
  const auto at = [&](size_t i) { return position.begin() + static_cast<int64_t>(i); };
  const size_t tail = axis + index_rank - batch_dims;
  Place place;
  place.in_indices.assign(at(0), at(batch_dims));
  place.in_indices.insert(place.in_indices.end(), at(axis), at(tail));
  place.in_data.assign(at(0), at(axis));
  place.in_data.push_back(0);
  place.in_data.insert(place.in_data.end(), at(tail), position.end());
  return place;
}

Values gather(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue indices = e.operand("indices");
  const Shape& from = x.type.shape();
  const Shape& index_shape = indices.type.shape();
  const size_t axis = e.axis("axis", from.size());
  const size_t batch_dims = static_cast<size_t>(e.integer("batch_dims"));
  MW_TRY(check_indices(e, indices, from[axis], axis));
  Shape shape(from.begin(), from.begin() + static_cast<int64_t>(axis));
  shape.insert(shape.end(), index_shape.begin() + static_cast<int64_t>(batch_dims), index_shape.end());
  shape.insert(shape.end(), from.begin() + static_cast<int64_t>(axis) + 1, from.end());

  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](const Shape& position) {
    Place place = place_of(position, axis, index_shape.size(), batch_dims);
    place.in_data[axis] = index_at(indices, place.in_indices, from[axis]);
    y.numbers[next++] = x.numbers[offset_of(place.in_data, from)];
  });
  return std::vector<TensorValue>{y};
}

Values gather_along_axis(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue indices = e.operand("indices");
  const Shape& from = x.type.shape();
  const size_t axis = e.axis("axis", from.size());
  MW_TRY(check_indices(e, indices, from[axis], axis));
  TensorValue y = e.zeros(indices.type.shape());
  size_t next = 0;
  for_each_index(indices.type.shape(), [&](const Shape& position) {
    Shape source = position;
    source[axis] = index_at(indices, position, from[axis]);
    y.numbers[next++] = x.numbers[offset_of(source, from)];
  });
  return std::vector<TensorValue>{y};
}

// Updates are applied in row-major order, so of several for one element under `update` the last one stays.
Values scatter(const Evaluation& e) {
  TensorValue data = e.operand("data");
  const TensorValue indices = e.operand("indices");
  const TensorValue updates = e.operand("updates");
  const Shape& shape = data.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  const std::string mode = e.text("mode");
  MW_TRY(check_indices(e, indices, shape[axis], axis));
  size_t next = 0;
  for_each_index(updates.type.shape(), [&](const Shape& position) {
    Place place = place_of(position, axis, indices.type.shape().size(), 0);
    place.in_data[axis] = index_at(indices, place.in_indices, shape[axis]);
    double& target = data.numbers[offset_of(place.in_data, shape)];
    target = combined(mode, target, updates.numbers[next++]);
  });
  return std::vector<TensorValue>{data};
}

Values scatter_along_axis(const Evaluation& e) {
  TensorValue data = e.operand("data");
  const TensorValue indices = e.operand("indices");
  const TensorValue updates = e.operand("updates");
  const Shape& shape = data.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  const std::string mode = e.text("mode");
  MW_TRY(check_indices(e, indices, shape[axis], axis));
  size_t next = 0;
  for_each_index(indices.type.shape(), [&](const Shape& position) {
    Shape target = position;
    target[axis] = index_at(indices, position, shape[axis]);
    double& number = data.numbers[offset_of(target, shape)];
    number = combined(mode, number, updates.numbers[next++]);
  });
  return std::vector<TensorValue>{data};
}

constexpr Evaluator kGathers[] = {{"gather", gather},
                                  {"gather_along_axis", gather_along_axis},
                                  {"scatter", scatter},
                                  {"scatter_along_axis", scatter_along_axis}};

}  // namespace

double combined(const std::string& mode, double old, double update) {
  if (mode == "add") return old + update;
  if (mode == "sub") return old - update;
  if (mode == "mul") return old * update;
  if (mode == "div") return old / update;
  if (mode == "max") return std::max(old, update);
  if (mode == "min") return std::min(old, update);
  return update;
}

std::span<const Evaluator> gather_evaluators() { return kGathers; }

}  // namespace millwright::mil::interpreter
