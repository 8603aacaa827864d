// Gradients of gather and scatter: each is made of the other.
#include <algorithm>
#include <functional>
#include <numeric>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;

// gather with batch_dims as one without: the batch axes and the gathered axis of x become one axis, and the indices
// are shifted to their batch's part of it. Shapes: x [batch…, middle…, size, rest…] with the gathered axis behind
// `middle`, indices [batch…, picked…], z [batch…, middle…, picked…, rest…].
class BatchedGather {
 public:
  BatchedGather(Step& s, Expressions& e)
      : s_(s),
        e_(e),
        x_(s.operand("x")->shape()),
        indices_(s.operand("indices")->shape()),
        batch_(static_cast<size_t>(mil::integer(s.operation(), "batch_dims"))),
        axis_(static_cast<size_t>(mil::axis_of(s.operation(), "axis", static_cast<int64_t>(x_.size())))) {}

  // Moves `middle` behind the gathered axes, scatters into [batches · size, middle · rest], and moves it back.
  Value* gradient() {
    mil::Builder& b = e_.builder();
    const size_t picked = indices_.size() - batch_;
    const int64_t batches = product(x_, 0, batch_);
    const int64_t count = product(indices_, batch_, indices_.size());
    const int64_t width = mil::element_count(x_) / (batches * x_[axis_]);
    Value* const updates = e_.relabel(moved(s_.full_gradient(), axis_, picked), {batches * count, width});
    Value* const zeros = b.zeros(s_.operand("x")->type().with_shape({batches * x_[axis_], width}));
    Value* const flat = b.scatter_add(zeros, flat_indices(batches, count), updates, 0);
    return moved_back(flat);
  }

 private:
  static int64_t product(const Shape& shape, size_t from, size_t to) {
    return std::accumulate(shape.begin() + static_cast<int64_t>(from), shape.begin() + static_cast<int64_t>(to),
                           int64_t{1}, std::multiplies<>());
  }

  // `length` axes from `first` on come to stand behind the batch axes.
  Value* moved(Value* value, size_t first, size_t length) {
    std::vector<int64_t> order(value->shape().size());
    std::iota(order.begin(), order.end(), 0);
    const auto at = [&](size_t i) { return order.begin() + static_cast<int64_t>(i); };
    std::rotate(at(batch_), at(first), at(first + length));
    return first == batch_ ? value : e_.builder().transpose(value, order);
  }

  Value* moved_back(Value* flat) {
    Shape shape(x_.begin(), x_.begin() + static_cast<int64_t>(batch_));
    shape.push_back(x_[axis_]);
    for (size_t axis = batch_; axis < x_.size(); ++axis) {
      if (axis != axis_) shape.push_back(x_[axis]);
    }
    Value* const unfolded = e_.relabel(flat, shape);
    if (axis_ == batch_) return unfolded;
    std::vector<int64_t> order(x_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto at = [&](size_t i) { return order.begin() + static_cast<int64_t>(i); };
    std::rotate(at(batch_), at(batch_ + 1), at(axis_ + 1));
    return e_.builder().transpose(unfolded, order);
  }

  // Indices counted from the front, plus batch · size.
  Value* flat_indices(int64_t batches, int64_t count) {
    mil::Builder& b = e_.builder();
    Value* indices = s_.operand("indices");
    if (indices->element() != mil::ElementType::int32) indices = b.cast(indices, mil::ElementType::int32);
    indices = e_.relabel(indices, {batches, count});
    Value* const size = b.int32(x_[axis_]);
    Value* const counted = b.binary("mod", indices, size);
    std::vector<int64_t> starts;
    for (int64_t batch = 0; batch < batches; ++batch) starts.push_back(batch * x_[axis_]);
    Value* const shifted = b.add(counted, e_.relabel(b.int32_vector(starts), {batches, 1}));
    return e_.relabel(shifted, {batches * count});
  }

  Step& s_;
  Expressions& e_;
  const Shape& x_;
  const Shape& indices_;
  const size_t batch_;
  const size_t axis_;
};

Status gather(Step& s, Expressions& e) {
  if (mil::integer(s.operation(), "batch_dims") != 0) {
    s.give("x", BatchedGather(s, e).gradient());
    return {};
  }
  Value* const x = s.operand("x");
  const int64_t axis = mil::axis_of(s.operation(), "axis", x->type().rank());
  s.gradients().add_scatter(x, "scatter", s.operand("indices"), s.full_gradient(), axis);
  return {};
}

Status gather_along_axis(Step& s, Expressions&) {
  Value* const x = s.operand("x");
  const int64_t axis = mil::axis_of(s.operation(), "axis", x->type().rank());
  s.gradients().add_scatter(x, "scatter_along_axis", s.operand("indices"), s.full_gradient(), axis);
  return {};
}

// The elements of `value` at the operation's indices, by slices or element by element as the scatter did.
Value* picked(Step& s, Expressions& e, Value* value) {
  const int64_t axis = mil::axis_of(s.operation(), "axis", value->type().rank());
  return s.operation().kind() == "scatter" ? e.builder().gather(value, s.operand("indices"), axis)
                                           : e.builder().gather_along_axis(value, s.operand("indices"), axis);
}

// The operation itself with other data and updates.
Value* scattered(Step& s, Expressions& e, Value* data, Value* updates) {
  std::vector<mil::Operand> operands(s.operation().operands().begin(), s.operation().operands().end());
  for (mil::Operand& operand : operands) {
    if (operand.name == "data") operand.arguments = {mil::Argument(data)};
    if (operand.name == "updates") operand.arguments = {mil::Argument(updates)};
  }
  return e.builder().emit(s.operation().kind(), std::move(operands));
}

// Of several updates of one element under `update` the last one stays; each is given the gradient all the same, so the
// rule is exact for indices that differ.
Status scatter(Step& s, Expressions& e) {
  const std::string mode = mil::text(s.operation(), "mode");
  Value* const updates = s.operand("updates");
  if (mode == "add" || mode == "sub") {
    s.give("data", s.gradient());
    if (s.wants("updates")) {
      s.give("updates", e.scale(picked(s, e, s.full_gradient()), mode == "add" ? 1 : -1));
    }
    return {};
  }
  Value* const gradient = s.full_gradient();
  if (mode == "update") {
    if (s.wants("data")) s.give("data", scattered(s, e, gradient, e.builder().zeros(updates->type())));
    if (s.wants("updates")) s.give("updates", picked(s, e, gradient));
    return {};
  }
  if (mode == "mul" || mode == "div") {  // data times or divided by the updates, so the gradient likewise
    if (s.wants("data")) s.give("data", scattered(s, e, gradient, updates));
    if (s.wants("updates")) {
      Value* const share = e.div(picked(s, e, e.mul(gradient, s.result())), updates);
      s.give("updates", e.scale(share, mode == "mul" ? 1 : -1));
    }
    return {};
  }
  return fail("the gradient of {} is not known for mode {}; expected update, add, sub, mul or div",
              s.operation().kind(), mode);
}

constexpr GradientRule kRules[] = {{"gather", gather},
                                   {"gather_along_axis", gather_along_axis},
                                   {"scatter", scatter},
                                   {"scatter_along_axis", scatter}};

}  // namespace

std::span<const GradientRule> gather_rules() { return kRules; }

}  // namespace millwright::autodiff
