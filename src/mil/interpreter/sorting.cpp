// argsort and topk. Equal elements keep their order; NaN counts as larger than every number.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

bool is_less(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

// The positions of a row's elements, smallest or largest first.
std::vector<size_t> sorted_positions(const std::vector<double>& row, bool ascending) {
  std::vector<size_t> order(row.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, [&](size_t a, size_t b) {
    const double first = ascending ? row[a] : row[b];
    const double second = ascending ? row[b] : row[a];
    return is_less(first, second) || (!is_less(second, first) && a < b);
  });
  return order;
}

// The first `count` of the sorted elements along the axis, and where they stood.
std::vector<TensorValue> sorted(const Evaluation& e, const TensorValue& x, int64_t count, size_t index_result) {
  Shape shape = x.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  const int64_t size = shape[axis];
  Shape rows = shape;
  rows[axis] = 1;
  shape[axis] = count;
  TensorValue values = {x.type.with_shape(shape), std::vector<double>(static_cast<size_t>(element_count(shape)))};
  TensorValue positions = {Type::tensor(e.element(index_result), shape), values.numbers};
  for_each_index(rows, [&](Shape index) {
    std::vector<double> row;
    for (index[axis] = 0; index[axis] < size; ++index[axis]) row.push_back(x.numbers[offset_of(index, x.type.shape())]);
    const std::vector<size_t> order = sorted_positions(row, e.flag("ascending"));
    for (index[axis] = 0; index[axis] < count; ++index[axis]) {
      const size_t from = order[static_cast<size_t>(index[axis])];
      values.numbers[offset_of(index, shape)] = row[from];
      positions.numbers[offset_of(index, shape)] = static_cast<double>(from);
    }
  });
  return {values, positions};
}

Values argsort(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const size_t axis = e.axis("axis", x.type.shape().size());
  return std::vector<TensorValue>{sorted(e, x, x.type.shape()[axis], 0)[1]};
}

Values topk(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const size_t axis = e.axis("axis", x.type.shape().size());
  const int64_t size = x.type.shape()[axis];
  const int64_t count = e.integer("k") == -1 ? size : e.integer("k");
  if (count < 0 || count > size) {
    return fail("{}: k is {}, axis {} of x has size {}", e.where(), count, axis, size);
  }
  const bool with_indices = e.flag("return_indices");
  std::vector<TensorValue> results = sorted(e, x, count, with_indices ? 1 : 0);
  if (!with_indices) results.pop_back();
  return results;
}

constexpr Evaluator kSorting[] = {{"argsort", argsort}, {"topk", topk}};

}  // namespace

std::span<const Evaluator> sorting_evaluators() { return kSorting; }

}  // namespace millwright::mil::interpreter
