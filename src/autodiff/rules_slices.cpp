// Gradients of slices: plain ones are joined with the other slices of their value (backward.h), the rest are written
// into zeros.
#include <algorithm>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;

// The operands that say which region is meant, of slice_by_index and slice_update alike.
std::vector<mil::Operand> region_operands(const mil::Operation& operation) {
  std::vector<mil::Operand> region;
  for (const mil::Operand& operand : operation.operands()) {
    if (operand.name != "x" && operand.name != "update") region.push_back(operand);
  }
  return region;
}

Value* write_region(Expressions& e, Value* x, Value* update, std::vector<mil::Operand> region) {
  region.push_back(mil::operand("x", x));
  region.push_back(mil::operand("update", update));
  return e.builder().emit("slice_update", std::move(region));
}

Status slice_by_index(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  Value* const gradient = s.full_gradient();
  const auto axes = mil::slice_axes(s.operation(), x->shape());
  const bool is_plain = axes && std::ranges::all_of(*axes, [](const auto& axis) { return axis.stride == 1; });
  if (!is_plain) {
    s.give("x", write_region(e, e.builder().zeros(x->type()), gradient, region_operands(s.operation())));
    return {};
  }
  std::vector<int64_t> begin;
  Shape size;
  for (const mil::SliceAxis& axis : *axes) {
    begin.push_back(axis.begin);
    size.push_back(axis.size);
  }
  s.gradients().add_slice(x, begin, e.relabel(gradient, size));
  return {};
}

// begin, computed at run time, counted from the front, and begin + size.
std::vector<mil::Operand> run_time_region(Expressions& e, Value* begin, const Shape& x, const Shape& size) {
  mil::Builder& b = e.builder();
  const auto like_begin = [&](const Shape& numbers) {
    Value* const vector = b.int32_vector(numbers);
    return begin->element() == mil::ElementType::int32 ? vector : b.cast(vector, begin->element());
  };
  Value* const is_negative = b.binary("less", begin, like_begin(Shape(x.size(), 0)));
  Value* const counted = b.select(is_negative, b.add(begin, like_begin(x)), begin);
  return {mil::operand("begin", counted), mil::operand("end", b.add(counted, like_begin(size)))};
}

Status slice_by_size(Step& s, Expressions& e) {
  Value* const x = s.operand("x");
  Value* const gradient = s.full_gradient();
  if (s.operation().constant("begin") == nullptr) {
    s.give("x", write_region(e, e.builder().zeros(x->type()), gradient,
                             run_time_region(e, s.operand("begin"), x->shape(), gradient->shape())));
    return {};
  }
  std::vector<int64_t> begin = mil::integers(s.operation(), "begin");
  for (size_t axis = 0; axis < begin.size(); ++axis) begin[axis] += begin[axis] < 0 ? x->shape()[axis] : 0;
  s.gradients().add_slice(x, begin, gradient);
  return {};
}

Status slice_update(Step& s, Expressions& e) {
  Value* const gradient = s.full_gradient();
  if (s.wants("x")) {
    Value* const nothing = e.builder().zeros(s.operand("update")->type());
    s.give("x", write_region(e, gradient, nothing, region_operands(s.operation())));
  }
  if (s.wants("update")) {
    std::vector<mil::Operand> operands = region_operands(s.operation());
    operands.push_back(mil::operand("x", gradient));
    s.give("update", e.builder().emit("slice_by_index", std::move(operands)));
  }
  return {};
}

constexpr GradientRule kRules[] = {
    {"slice_by_index", slice_by_index}, {"slice_by_size", slice_by_size}, {"slice_update", slice_update}};

}  // namespace

std::span<const GradientRule> slice_rules() { return kRules; }

}  // namespace millwright::autodiff
