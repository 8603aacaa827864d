// Gradients of reductions and running sums. The gradient of a reduction is narrow along the reduced axes.
#include <algorithm>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;

// What the rules see of a reduction z of x.
struct Reduced {
  Value* x;
  std::vector<int64_t> axes;
  Shape kept;      // the shape of z with its reduced axes kept as 1
  double members;  // elements of x per element of z
};

Reduced reduced(Step& s) {
  Value* const x = s.operand("x");
  Reduced r{x, mil::reduction_axes(s.operation(), x->type().rank()), x->shape(), 1};
  for (const int64_t axis : r.axes) {
    int64_t& size = r.kept[static_cast<size_t>(axis)];
    r.members *= static_cast<double>(size);
    size = 1;
  }
  return r;
}

// A value that stands for z, with size 1 on the axes of x that were reduced.
Value* aligned(Step& s, Expressions& e, const Reduced& r, Value* value) {
  if (value->type().count() == 1) return value;
  const bool keeps = mil::flag(s.operation(), "keep_dims");
  const size_t rank = s.result()->shape().size();
  Shape shape(r.kept.size(), 1);
  size_t next = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const bool is_reduced = std::ranges::binary_search(r.axes, static_cast<int64_t>(axis));
    if (keeps || !is_reduced) shape[axis] = aligned_size(value->shape(), next++, rank);
  }
  return e.relabel(value, shape);
}
Value* aligned_gradient(Step& s, Expressions& e, const Reduced& r) { return aligned(s, e, r, s.gradient()); }
Value* aligned_result(Step& s, Expressions& e, const Reduced& r) { return e.relabel(s.result(), r.kept); }

Status sum(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  s.give("x", aligned_gradient(s, e, r));
  return {};
}

Status mean(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  s.give("x", e.scale(aligned_gradient(s, e, r), 1 / r.members));
  return {};
}

// The gradient goes to the extreme element, in equal parts where several are equal.
Status extreme(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  mil::Builder& b = e.builder();
  Value* const is_extreme = b.binary("equal", r.x, aligned_result(s, e, r));
  Value* const marks = b.cast(is_extreme, r.x->element());
  Value* const count = b.reduce("reduce_sum", marks, r.axes, true);
  s.give("x", e.mul(marks, e.div(aligned_gradient(s, e, r), count)));
  return {};
}

// The product of the other elements, also where elements are zero: with one zero only that element has a gradient.
Status product(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  mil::Builder& b = e.builder();
  Value* const is_zero = b.binary("equal", r.x, b.scalar_like(r.x, 0));
  Value* const without_zeros = b.select(is_zero, b.scalar_like(r.x, 1), r.x);
  Value* const rest = b.real_div(b.reduce("reduce_prod", without_zeros, r.axes, true), without_zeros);
  Value* const marks = b.cast(is_zero, r.x->element());
  Value* const holds = b.binary("equal", b.reduce("reduce_sum", marks, r.axes, true), marks);
  s.give("x", e.mul(aligned_gradient(s, e, r), e.where(holds, rest)));
  return {};
}

Status log_sum_exp(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  Value* const shares = e.unary("exp", e.sub(r.x, aligned_result(s, e, r)));
  s.give("x", e.mul(shares, aligned_gradient(s, e, r)));
  return {};
}

Status log_sum(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  s.give("x", e.div(aligned_gradient(s, e, r), e.unary("exp", aligned_result(s, e, r))));
  return {};
}

Status sum_square(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  s.give("x", e.mul(e.scale(aligned_gradient(s, e, r), 2), r.x));
  return {};
}

Status l1_norm(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  s.give("x", e.mul(e.unary("sign", r.x), aligned_gradient(s, e, r)));
  return {};
}

Status l2_norm(Step& s, Expressions& e) {
  const Reduced r = reduced(s);
  s.give("x", e.mul(e.div(aligned_gradient(s, e, r), aligned_result(s, e, r)), r.x));
  return {};
}

// A running sum of the gradient from the other end.
Status cumsum(Step& s, Expressions& e) {
  mil::Builder& b = e.builder();
  const mil::Operation& operation = s.operation();
  const bool reverse = !mil::flag(operation, "reverse");
  s.give("x", b.emit("cumsum", {mil::operand("x", s.full_gradient()),
                                mil::operand("axis", b.int32(mil::integer(operation, "axis"))),
                                mil::operand("exclusive", b.boolean(mil::flag(operation, "exclusive"))),
                                mil::operand("reverse", b.boolean(reverse))}));
  return {};
}

constexpr GradientRule kRules[] = {
    {"cumsum", cumsum},
    {"reduce_l1_norm", l1_norm},
    {"reduce_l2_norm", l2_norm},
    {"reduce_log_sum", log_sum},
    {"reduce_log_sum_exp", log_sum_exp},
    {"reduce_max", extreme},
    {"reduce_mean", mean},
    {"reduce_min", extreme},
    {"reduce_prod", product},
    {"reduce_sum", sum},
    {"reduce_sum_square", sum_square},
};

}  // namespace

std::span<const GradientRule> reduction_rules() { return kRules; }

}  // namespace millwright::autodiff
