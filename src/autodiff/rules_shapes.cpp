// Gradients of operations that rearrange or repeat elements: the rearrangement undone.
#include <algorithm>
#include <functional>
#include <numeric>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;

Shape without_ones(const Shape& shape) {
  Shape kept;
  for (const int64_t size : shape) {
    if (size != 1) kept.push_back(size);
  }
  return kept;
}

// A reshape that only adds or removes axes of size 1 lets a narrow gradient through; any other needs all of it.
Status reshape(Step& s, Expressions& e) {
  Value* const gradient = s.gradient();
  const Shape& from = s.operand("x")->shape();
  const Shape& to = s.result()->shape();
  if (gradient->type().count() == 1) {
    s.give("x", gradient->shape().size() <= from.size() ? gradient : e.relabel(gradient, {}));
    return {};
  }
  if (without_ones(from) != without_ones(to)) {
    s.give("x", e.relabel(s.full_gradient(), from));
    return {};
  }
  Shape narrow(from.size(), 1);
  size_t axis = 0;
  for (size_t target = 0; target < to.size(); ++target) {
    if (to[target] == 1) continue;
    while (from[axis] == 1) ++axis;
    narrow[axis++] = aligned_size(gradient->shape(), target, to.size());
  }
  s.give("x", e.relabel(gradient, narrow));
  return {};
}

// The gradient with as many axes as the result, still narrow.
Value* ranked_gradient(Step& s, Expressions& e, size_t result = 0) {
  const size_t rank = s.result(result)->shape().size();
  Value* const gradient = s.gradient(result);
  Shape shape;
  for (size_t axis = 0; axis < rank; ++axis) shape.push_back(aligned_size(gradient->shape(), axis, rank));
  return e.relabel(gradient, shape);
}

Status transpose(Step& s, Expressions& e) {
  if (s.gradient()->type().count() == 1) {
    s.give("x", s.gradient());
    return {};
  }
  const std::vector<int64_t> permutation = mil::integers(s.operation(), "perm");
  const int64_t rank = static_cast<int64_t>(permutation.size());
  std::vector<int64_t> inverse(permutation.size());
  for (int64_t axis = 0; axis < rank; ++axis) {
    const int64_t source = permutation[static_cast<size_t>(axis)];
    inverse[static_cast<size_t>(source < 0 ? source + rank : source)] = axis;
  }
  s.give("x", e.builder().transpose(ranked_gradient(s, e), inverse));
  return {};
}

// The part [begin, begin + size) of an axis of the gradient; all of it where it is narrow there.
Value* part(Expressions& e, Value* gradient, size_t axis, size_t rank, int64_t begin, int64_t size) {
  const size_t missing = rank - gradient->shape().size();
  if (aligned_size(gradient->shape(), axis, rank) == 1) return gradient;
  Shape first(gradient->shape().size(), 0);
  Shape sizes = gradient->shape();
  if (sizes[axis - missing] == size) return gradient;
  first[axis - missing] = begin;
  sizes[axis - missing] = size;
  return e.builder().slice(gradient, first, sizes);
}

// Every count-th element of an axis from `first` on.
Value* every(Expressions& e, Value* gradient, size_t axis, int64_t first, int64_t count) {
  const size_t rank = gradient->shape().size();
  std::vector<int64_t> begin(rank, 0);
  std::vector<int64_t> stride(rank, 1);
  begin[axis] = first;
  stride[axis] = count;
  mil::Builder& b = e.builder();
  return b.emit("slice_by_index", {mil::operand("x", gradient), mil::operand("begin", b.int32_vector(begin)),
                                   mil::operand("end", b.int32_vector(gradient->shape())),
                                   mil::operand("stride", b.int32_vector(stride))});
}

Status concat(Step& s, Expressions& e) {
  const size_t rank = s.result()->shape().size();
  const size_t axis = static_cast<size_t>(mil::axis_of(s.operation(), "axis", static_cast<int64_t>(rank)));
  const std::vector<Value*> values = s.operation().operand_values("values");
  const auto& arguments = s.operation().find_operand("values")->arguments;
  if (values.size() != arguments.size()) return fail("the gradient of concat needs values, found a literal");
  const bool interleave = mil::flag(s.operation(), "interleave");
  Value* const gradient = interleave ? s.full_gradient() : s.gradient();
  int64_t begin = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t size = values[i]->shape()[axis];
    if (s.gradients().wants(values[i])) {
      s.gradients().add(
          values[i], interleave ? every(e, gradient, axis, static_cast<int64_t>(i), static_cast<int64_t>(values.size()))
                                : part(e, gradient, axis, rank, begin, size));
    }
    begin += size;
  }
  return {};
}

Status stack(Step& s, Expressions& e) {
  const size_t rank = s.result()->shape().size();
  const size_t axis = static_cast<size_t>(mil::axis_of(s.operation(), "axis", static_cast<int64_t>(rank)));
  const auto& arguments = s.operation().find_operand("values")->arguments;
  Value* const gradient = s.full_gradient();
  for (size_t i = 0; i < arguments.size(); ++i) {
    Value* const* value = std::get_if<Value*>(&arguments[i]);
    if (value == nullptr || !s.gradients().wants(*value)) continue;
    Value* const piece = part(e, gradient, axis, rank, static_cast<int64_t>(i), 1);
    s.gradients().add(*value, e.relabel(piece, (*value)->shape()));
  }
  return {};
}

// Each piece is a slice of x; what the loss ignores stays zero.
Status split(Step& s, Expressions&) {
  Value* const x = s.operand("x");
  const size_t axis = static_cast<size_t>(mil::axis_of(s.operation(), "axis", x->type().rank()));
  std::vector<int64_t> begin(x->shape().size(), 0);
  for (size_t i = 0; i < s.operation().results().size(); ++i) {
    if (s.gradient(i) != nullptr) s.gradients().add_slice(x, begin, s.full_gradient(i));
    begin[axis] += s.result(i)->shape()[axis];
  }
  return {};
}

// For each position of a padded axis, the position of x that it was copied from.
std::vector<int64_t> padded_sources(int64_t size, int64_t before, int64_t after, bool reflects) {
  std::vector<int64_t> sources;
  for (int64_t position = -before; position < size + after; ++position) {
    const int64_t edge = std::clamp<int64_t>(position, 0, size - 1);
    sources.push_back(reflects ? 2 * edge - position : edge);
  }
  return sources;
}

// Constant padding is cut off. The other modes copied elements of x: each axis in turn adds the copies up again.
Status pad(Step& s, Expressions& e) {
  const Shape& shape = s.operand("x")->shape();
  const std::vector<int64_t> amounts = mil::integers(s.operation(), "pad");
  const size_t first = shape.size() - amounts.size() / 2;
  const std::string mode = mil::text(s.operation(), "mode");
  if (mode == "constant") {
    Shape begin(shape.size(), 0);
    for (size_t i = 0; i < amounts.size() / 2; ++i) begin[first + i] = amounts[2 * i];
    s.give("x", e.builder().slice(s.full_gradient(), begin, shape));
    return {};
  }
  Value* gradient = s.full_gradient();
  for (size_t i = 0; i < amounts.size() / 2; ++i) {
    if (amounts[2 * i] == 0 && amounts[2 * i + 1] == 0) continue;
    const size_t axis = first + i;
    Shape narrowed = gradient->shape();
    narrowed[axis] = shape[axis];
    const std::vector<int64_t> sources =
        padded_sources(shape[axis], amounts[2 * i], amounts[2 * i + 1], mode == "reflect");
    gradient = e.builder().scatter_add(e.builder().zeros(gradient->type().with_shape(narrowed)),
                                       e.builder().int32_vector(sources), gradient, static_cast<int64_t>(axis));
  }
  s.give("x", gradient);
  return {};
}

// One axis at a time, [before, repetition, size, after] summed over the repetitions.
Status tile(Step& s, Expressions& e) {
  const Shape& shape = s.operand("x")->shape();
  const std::vector<int64_t> repetitions = mil::integers(s.operation(), "reps");
  Value* gradient = s.full_gradient();
  Shape current = s.result()->shape();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (repetitions[axis] == 1) continue;
    const auto product = [](auto from, auto to) { return std::accumulate(from, to, int64_t{1}, std::multiplies<>()); };
    const auto at = current.begin() + static_cast<int64_t>(axis);
    const Shape grouped = {product(current.begin(), at), repetitions[axis], shape[axis],
                           product(at + 1, current.end())};
    gradient = e.builder().reduce("reduce_sum", e.relabel(gradient, grouped), std::vector<int64_t>{1}, false);
    current[axis] = shape[axis];
  }
  s.give("x", e.relabel(gradient, shape));
  return {};
}

// The same operation on the gradient: reverse, band_part.
Status same_operation(Step& s, Expressions& e) {
  std::vector<mil::Operand> operands(s.operation().operands().begin(), s.operation().operands().end());
  for (mil::Operand& operand : operands) {
    if (operand.name == "x") operand.arguments = {mil::Argument(s.full_gradient())};
  }
  s.give("x", e.builder().emit(s.operation().kind(), std::move(operands)));
  return {};
}

// fill, fill_like: every element is the one value.
Status fill(Step& s, Expressions& e) {
  s.give("value", e.sum_to(s.gradient(), s.result()->shape(), s.operand("value")->shape()));
  return {};
}

constexpr GradientRule kRules[] = {
    {"band_part", same_operation},
    {"concat", concat},
    {"expand_dims", reshape},
    {"fill", fill},
    {"fill_like", fill},
    {"pad", pad},
    {"reshape", reshape},
    {"reverse", same_operation},
    {"split", split},
    {"squeeze", reshape},
    {"stack", stack},
    {"tile", tile},
    {"transpose", transpose},
};

}  // namespace

std::span<const GradientRule> shape_rules() { return kRules; }

}  // namespace millwright::autodiff
