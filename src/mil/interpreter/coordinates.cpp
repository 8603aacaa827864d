// Gather and scatter by rows of coordinates, non_zero, which finds them, and non_maximum_suppression over boxes.
#include <algorithm>
#include <numeric>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// The index into a tensor of this shape that row `row` of the coordinates names, behind the batch axes.
Result<Shape> named_index(const Evaluation& e, const TensorValue& indices, size_t row, size_t count, Shape batch,
                          const Shape& shape) {
  for (size_t i = 0; i < count; ++i) {
    const size_t axis = batch.size();
    const double number = indices.numbers[row * count + i];
    const auto place = wrapped_index(static_cast<int64_t>(number), shape[axis]);
    if (!place) return fail("{}: index {} is outside axis {} of size {}", e.where(), number, axis, shape[axis]);
    batch.push_back(*place);
  }
  return batch;
}

size_t product(Shape::const_iterator first, Shape::const_iterator last) {
  return static_cast<size_t>(std::accumulate(first, last, int64_t{1}, std::multiplies<>()));
}

Values gather_nd(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue indices = e.operand("indices");
  const Shape& from = x.type.shape();
  const Shape& index_shape = indices.type.shape();
  const auto batch = e.integer("batch_dims");
  const size_t count = static_cast<size_t>(index_shape.back());
  const auto tail = from.begin() + batch + index_shape.back();
  const size_t slice = product(tail, from.end());
  Shape shape(index_shape.begin(), index_shape.end() - 1);
  const Shape rows = shape;
  shape.insert(shape.end(), tail, from.end());
  TensorValue y = e.zeros(shape);
  Status status;
  size_t row = 0;
  for_each_index(rows, [&](const Shape& position) {
    auto index = named_index(e, indices, row, count, Shape(position.begin(), position.begin() + batch), from);
    if (!index) {
      status = tl::unexpected<Error>(index.error());
    } else {
      index->resize(from.size(), 0);
      const size_t source = slice == 0 ? 0 : offset_of(*index, from);
      for (size_t i = 0; i < slice; ++i) y.numbers[row * slice + i] = x.numbers[source + i];
    }
    ++row;
  });
  MW_TRY(status);
  return std::vector<TensorValue>{y};
}

Values scatter_nd(const Evaluation& e) {
  TensorValue data = e.operand("data");
  const TensorValue indices = e.operand("indices");
  const TensorValue updates = e.operand("updates");
  const Shape& shape = data.type.shape();
  const Shape& index_shape = indices.type.shape();
  const std::string mode = e.text("mode");
  const size_t count = static_cast<size_t>(index_shape.back());
  const size_t slice = product(shape.begin() + index_shape.back(), shape.end());
  const size_t rows = product(index_shape.begin(), index_shape.end() - 1);
  for (size_t row = 0; row < rows; ++row) {
    MW_ASSIGN(Shape index, named_index(e, indices, row, count, {}, shape));
    index.resize(shape.size(), 0);
    const size_t target = slice == 0 ? 0 : offset_of(index, shape);
    for (size_t i = 0; i < slice; ++i) {
      data.numbers[target + i] = combined(mode, data.numbers[target + i], updates.numbers[row * slice + i]);
    }
  }
  return std::vector<TensorValue>{data};
}

Values non_zero(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  std::vector<double> coordinates;
  int64_t count = 0;
  size_t next = 0;
  for_each_index(x.type.shape(), [&](const Shape& index) {
    if (x.numbers[next++] == 0) return;
    ++count;
    for (const int64_t place : index) coordinates.push_back(static_cast<double>(place));
  });
  TensorValue y = e.zeros({count, x.type.rank()});
  y.numbers = std::move(coordinates);
  return std::vector<TensorValue>{y};
}

// Overlap of two boxes (centre x, centre y, width, height): their intersection over their union.
double overlap(const double* a, const double* b) {
  double common = 1;
  for (size_t axis = 0; axis < 2; ++axis) {
    const double low = std::max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2);
    const double high = std::min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2);
    common *= std::max(high - low, 0.0);
  }
  const double joined = a[2] * a[3] + b[2] * b[3] - common;
  return joined > 0 ? common / joined : 0;
}

// Per batch, boxes by their best class score, best first; a box goes when it overlaps one that stays, of the same best
// class where classes are suppressed apart. Free places hold zeros, and −1 as index.
Values non_maximum_suppression(const Evaluation& e) {
  const TensorValue boxes = e.operand("boxes");
  const TensorValue scores = e.operand("scores");
  const double largest_overlap = e.number("iou_threshold");
  const double lowest_score = e.number("score_threshold");
  const bool per_class = e.flag("per_class_suppression");
  const auto batches = static_cast<size_t>(scores.type.shape()[0]);
  const auto count = static_cast<size_t>(scores.type.shape()[1]);
  const auto classes = static_cast<size_t>(scores.type.shape()[2]);
  const auto places = static_cast<size_t>(e.integer("max_boxes"));
  const auto size = [](size_t n) { return static_cast<int64_t>(n); };
  std::vector<TensorValue> results = {e.zeros({size(batches), size(places), 4}, 0),
                                      e.zeros({size(batches), size(places), size(classes)}, 1),
                                      e.zeros({size(batches), size(places)}, 2), e.zeros({size(batches)}, 3)};
  std::ranges::fill(results[2].numbers, -1.0);
  for (size_t batch = 0; batch < batches && classes > 0; ++batch) {
    const double* box = boxes.numbers.data() + batch * count * 4;
    const double* score = scores.numbers.data() + batch * count * classes;
    const auto best = [&](size_t i) { return std::max_element(score + i * classes, score + (i + 1) * classes); };
    std::vector<size_t> order;
    for (size_t i = 0; i < count; ++i) {
      if (*best(i) > lowest_score) order.push_back(i);
    }
    std::ranges::sort(order, [&](size_t a, size_t b) { return *best(a) != *best(b) ? *best(a) > *best(b) : a < b; });
    std::vector<size_t> kept;
    for (const size_t i : order) {
      const bool goes = std::ranges::any_of(kept, [&](size_t other) {
        const bool compared = !per_class || best(i) - (score + i * classes) == best(other) - (score + other * classes);
        return compared && overlap(box + i * 4, box + other * 4) > largest_overlap;
      });
      if (!goes && kept.size() < places) kept.push_back(i);
    }
    for (size_t place = 0; place < kept.size(); ++place) {
      const size_t row = batch * places + place;
      std::copy_n(box + kept[place] * 4, 4, results[0].numbers.begin() + static_cast<int64_t>(row * 4));
      std::copy_n(score + kept[place] * classes, classes,
                  results[1].numbers.begin() + static_cast<int64_t>(row * classes));
      results[2].numbers[row] = static_cast<double>(kept[place]);
    }
    results[3].numbers[batch] = static_cast<double>(kept.size());
  }
  return results;
}

constexpr Evaluator kCoordinates[] = {{"gather_nd", gather_nd},
                                      {"scatter_nd", scatter_nd},
                                      {"non_zero", non_zero},
                                      {"non_maximum_suppression", non_maximum_suppression}};

}  // namespace

std::span<const Evaluator> coordinate_evaluators() { return kCoordinates; }

}  // namespace millwright::mil::interpreter
