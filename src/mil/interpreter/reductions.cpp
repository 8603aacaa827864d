// Reductions over axes, arg-reductions and running sums.
#include <algorithm>
#include <cmath>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

Shape without_axes(const Shape& shape, const std::vector<bool>& reduced) {
  Shape result;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (!reduced[axis]) result.push_back(shape[axis]);
  }
  return result;
}

std::vector<bool> reduced_axes(const Evaluation& e, size_t rank) {
  const std::vector<int64_t> axes = e.integers("axes");
  std::vector<bool> reduced(rank, axes.empty());
  for (const int64_t axis : axes) {
    reduced[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis)] = true;
  }
  return reduced;
}

// Gathers the elements that become one result, in row-major order, and hands them to the function.
template <double (*function)(const std::vector<double>&)>
Values reduction(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const std::vector<bool> reduced = reduced_axes(e, shape.size());
  Shape kept = shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (reduced[axis]) kept[axis] = 1;
  }
  TensorValue y = e.zeros(e.flag("keep_dims") ? kept : without_axes(shape, reduced));
  std::vector<std::vector<double>> members(y.numbers.size());
  size_t next = 0;
  for_each_index(shape,
                 [&](const Shape& index) { members[broadcast_offset(index, kept)].push_back(x.numbers[next++]); });
  for (size_t i = 0; i < members.size(); ++i) y.numbers[i] = function(members[i]);
  return std::vector<TensorValue>{y};
}

using Members = std::vector<double>;

double sum(const Members& x) {
  double total = 0;
  for (const double number : x) total += number;
  return total;
}
double sum_square(const Members& x) {
  double total = 0;
  for (const double number : x) total += number * number;
  return total;
}
double l1_norm(const Members& x) {
  double total = 0;
  for (const double number : x) total += std::fabs(number);
  return total;
}
double product(const Members& x) {
  double total = 1;
  for (const double number : x) total *= number;
  return total;
}
double largest(const Members& x) { return *std::ranges::max_element(x); }
double smallest(const Members& x) { return *std::ranges::min_element(x); }
double log_sum_exp(const Members& x) {
  const double highest = largest(x);
  if (!std::isfinite(highest)) return highest;
  double total = 0;
  for (const double number : x) total += std::exp(number - highest);
  return highest + std::log(total);
}

// The first of equal extremes wins.
template <bool wants_largest>
Values arg_reduction(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  Shape kept = shape;
  kept[axis] = 1;
  Shape dropped = shape;
  dropped.erase(dropped.begin() + static_cast<int64_t>(axis));
  TensorValue y = e.zeros(e.flag("keep_dims") ? kept : dropped);
  size_t next = 0;
  for_each_index(kept, [&](const Shape& row) {
    Shape index = row;
    double best = x.numbers[offset_of(index, shape)];
    double winner = 0;
    for (int64_t i = 1; i < shape[axis]; ++i) {
      index[axis] = i;
      const double number = x.numbers[offset_of(index, shape)];
      if (wants_largest ? number > best : number < best) {
        best = number;
        winner = static_cast<double>(i);
      }
    }
    y.numbers[next++] = winner;
  });
  return std::vector<TensorValue>{y};
}

Values cumsum(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  const bool reverse = e.flag("reverse");
  const bool exclusive = e.flag("exclusive");
  Shape rows = shape;
  rows[axis] = 1;
  TensorValue y = e.zeros(shape);
  for_each_index(rows, [&](const Shape& row) {
    Shape index = row;
    double total = 0;
    for (int64_t i = 0; i < shape[axis]; ++i) {
      index[axis] = reverse ? shape[axis] - 1 - i : i;
      const size_t position = offset_of(index, shape);
      y.numbers[position] = exclusive ? total : total + x.numbers[position];
      total += x.numbers[position];
    }
  });
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kReductions[] = {
    {"reduce_l1_norm", reduction<l1_norm>},
    {"reduce_l2_norm", reduction<[](const Members& x) { return std::sqrt(sum_square(x)); }>},
    {"reduce_log_sum", reduction<[](const Members& x) { return std::log(sum(x)); }>},
    {"reduce_log_sum_exp", reduction<log_sum_exp>},
    {"reduce_max", reduction<largest>},
    {"reduce_mean", reduction<[](const Members& x) { return sum(x) / static_cast<double>(x.size()); }>},
    {"reduce_min", reduction<smallest>},
    {"reduce_prod", reduction<product>},
    {"reduce_sum", reduction<sum>},
    {"reduce_sum_square", reduction<sum_square>},
    {"reduce_argmax", arg_reduction<true>},
    {"reduce_argmin", arg_reduction<false>},
    {"cumsum", cumsum},
};

}  // namespace

std::span<const Evaluator> reduction_evaluators() { return kReductions; }

}  // namespace millwright::mil::interpreter
