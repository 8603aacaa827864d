#include "autodiff/expressions.h"

#include <algorithm>

namespace millwright::autodiff {

using mil::Shape;
using mil::Value;

std::optional<double> constant_number(const Value* value) {
  const mil::Operation* producer = value->producer();
  if (producer == nullptr || !producer->is_const() || !mil::is_floating(value->element())) return std::nullopt;
  const mil::Literal* literal = producer->attribute("val");
  if (!literal->has_elements() || literal->type().count() != 1) return std::nullopt;
  return literal->as_number();
}

int64_t aligned_size(const Shape& shape, size_t axis, size_t rank) {
  const size_t missing = rank - shape.size();
  return axis < missing ? 1 : shape[axis - missing];
}

const Expressions::Scaled* Expressions::negated(const Value* x) const {
  const auto found = scaled_.find(x);
  return found != scaled_.end() && found->second.factor == -1 ? &found->second : nullptr;
}

Value* Expressions::scale(Value* x, double factor) {
  if (factor == 1) return x;
  if (const auto number = constant_number(x)) return builder_.scalar_like(x, *number * factor);
  if (const auto found = scaled_.find(x); found != scaled_.end()) {
    return scale(found->second.base, found->second.factor * factor);
  }
  Value* result = builder_.mul(x, builder_.scalar_like(x, factor));
  scaled_[result] = {x, factor};
  return result;
}

Value* Expressions::mul(Value* a, Value* b) {
  for (const auto& [factor, other] : {std::pair{a, b}, std::pair{b, a}}) {
    if (const auto number = constant_number(factor)) return scale(other, *number);
  }
  for (const auto& [factor, other] : {std::pair{a, b}, std::pair{b, a}}) {
    // Negating the product costs no more than negating the factor only where the factor is as large.
    const Scaled* scaled = negated(factor);
    if (scaled != nullptr && mil::broadcast_shapes(factor->shape(), other->shape()) == factor->shape()) {
      return scale(mul(scaled->base, other), -1);
    }
  }
  return builder_.mul(a, b);
}

Value* Expressions::add(Value* a, Value* b) {
  if (const Scaled* scaled = negated(b)) return builder_.sub(a, scaled->base);
  if (const Scaled* scaled = negated(a)) return builder_.sub(b, scaled->base);
  return builder_.add(a, b);
}

Value* Expressions::div(Value* a, Value* b) {
  const auto number = constant_number(b);
  if (number && *number != 0) return scale(a, 1 / *number);
  return builder_.real_div(a, b);
}

Value* Expressions::where(Value* condition, Value* x) {
  return builder_.select(condition, x, builder_.scalar_like(x, 0));
}

Value* Expressions::where_not(Value* condition, Value* x) {
  return builder_.select(condition, builder_.scalar_like(x, 0), x);
}

Value* Expressions::relabel(Value* x, const Shape& shape) {
  return x->shape() == shape ? x : builder_.reshape(x, shape);
}

Value* Expressions::spread(Value* x, const Shape& shape) {
  if (x->shape() == shape) return x;
  if (const auto number = constant_number(x)) return builder_.splat(x->type().with_shape(shape), *number);
  Shape aligned;
  std::vector<int64_t> repetitions;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    aligned.push_back(aligned_size(x->shape(), axis, shape.size()));
    repetitions.push_back(aligned.back() == shape[axis] ? 1 : shape[axis]);
  }
  Value* same_rank = relabel(x, aligned);
  return aligned == shape ? same_rank : builder_.tile(same_rank, repetitions);
}

Value* Expressions::sum_to(Value* x, const Shape& from, const Shape& to) {
  const size_t rank = from.size();
  const size_t missing = rank - to.size();         // leading axes of `from` that `to` has not
  const size_t absent = rank - x->shape().size();  // those that x has not
  std::vector<int64_t> axes;                       // of x, to be summed
  bool sums_a_kept_axis = false;
  double factor = 1;  // of summed axes along which x is narrow
  Shape target;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t size = aligned_size(x->shape(), axis, rank);
    const bool is_summed = axis < missing || (to[axis - missing] == 1 && from[axis] != 1);
    if (is_summed && size != 1) {
      axes.push_back(static_cast<int64_t>(axis - absent));
      sums_a_kept_axis = sums_a_kept_axis || axis >= missing;
    } else if (is_summed) {
      factor *= static_cast<double>(from[axis]);
    }
    if (axis >= missing) target.push_back(is_summed ? 1 : size);
  }
  const size_t surplus = missing > absent ? missing - absent : 0;  // leading axes of x that must go
  const bool drops_surplus = !axes.empty() && !sums_a_kept_axis && axes.size() == surplus;
  Value* sum = axes.empty() ? x : builder_.reduce("reduce_sum", x, axes, !drops_surplus);
  if (surplus > 0 && !drops_surplus) sum = relabel(sum, target);
  return scale(sum, factor);
}

}  // namespace millwright::autodiff
