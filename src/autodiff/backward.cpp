#include "autodiff/backward.h"

#include <algorithm>

namespace millwright::autodiff {

using mil::Shape;
using mil::Value;

namespace {

// The axis along which the slices, in order of their begin, cover the whole shape without overlap; nothing where they
// do not.
template <class Slices>
std::optional<size_t> covered_axis(const Slices& slices, const Shape& shape) {
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    int64_t reached = 0;
    bool covers = true;
    for (const auto& slice : slices) {
      for (size_t other = 0; other < shape.size(); ++other) {
        const int64_t expected = other == axis ? reached : 0;
        covers = covers && slice.begin[other] == expected;
        covers = covers && (other == axis || slice.gradient->shape()[other] == shape[other]);
      }
      reached += slice.gradient->shape()[axis];
    }
    if (covers && reached == shape[axis]) return axis;
  }
  return std::nullopt;
}

}  // namespace

void Gradients::add(const Value* value, Value* gradient) {
  if (!wants(value)) return;
  Value*& sum = contributions_[value].sum;
  sum = sum == nullptr ? gradient : expressions_.add(sum, gradient);
}

void Gradients::add_slice(const Value* value, std::vector<int64_t> begin, Value* gradient) {
  if (!wants(value)) return;
  std::vector<Slice>& slices = contributions_[value].slices;
  const auto place = std::ranges::upper_bound(slices, begin, {}, &Slice::begin);
  slices.insert(place, {std::move(begin), gradient, expressions_.builder().scope()});
}

void Gradients::add_scatter(const Value* value, std::string_view kind, Value* indices, Value* updates, int64_t axis) {
  if (!wants(value)) return;
  contributions_[value].scatters.push_back({kind, indices, updates, axis, expressions_.builder().scope()});
}

Value* Gradients::find(const Value* value) {
  const auto found = contributions_.find(value);
  if (found == contributions_.end()) return nullptr;
  const std::string scope = expressions_.builder().scope();
  if (!found->second.slices.empty()) join_slices(value, found->second);
  if (!found->second.scatters.empty()) apply_scatters(value, found->second);
  expressions_.builder().set_scope(scope);
  return found->second.sum;
}

void Gradients::join_slices(const Value* value, Contributions& contributions) {
  const std::vector<Slice> slices = std::move(contributions.slices);
  contributions.slices.clear();
  const Shape& shape = value->shape();
  if (const auto axis = covered_axis(slices, shape)) {
    std::vector<Value*> pieces;
    for (const Slice& slice : slices) pieces.push_back(slice.gradient);
    expressions_.builder().set_scope(slices.front().scope);
    add(value, pieces.size() == 1 ? pieces[0] : expressions_.builder().concat(pieces, static_cast<int64_t>(*axis)));
    return;
  }
  for (const Slice& slice : slices) {
    std::vector<int64_t> amounts;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      amounts.push_back(slice.begin[axis]);
      amounts.push_back(shape[axis] - slice.begin[axis] - slice.gradient->shape()[axis]);
    }
    expressions_.builder().set_scope(slice.scope);
    const bool is_whole = std::ranges::all_of(amounts, [](int64_t amount) { return amount == 0; });
    add(value, is_whole ? slice.gradient : expressions_.builder().pad(slice.gradient, amounts));
  }
}

void Gradients::apply_scatters(const Value* value, Contributions& contributions) {
  const std::vector<Scatter> scatters = std::move(contributions.scatters);
  contributions.scatters.clear();
  for (const Scatter& scatter : scatters) {
    mil::Builder& builder = expressions_.builder();
    builder.set_scope(scatter.scope);
    Value*& sum = contributions.sum;
    Value* const data = sum == nullptr ? builder.zeros(value->type()) : expressions_.spread(sum, value->shape());
    sum = scatter.kind == "scatter"
              ? builder.scatter_add(data, scatter.indices, scatter.updates, scatter.axis)
              : builder.scatter_add_along_axis(data, scatter.indices, scatter.updates, scatter.axis);
  }
}

Value* Step::operand(std::string_view name) {
  if (Value* value = operation_.operand(name)) return value;
  const mil::Literal* literal = operation_.constant(name);
  return literal == nullptr ? nullptr : expressions_.builder().constant(*literal);
}

void Step::give_summed(std::string_view name, Value* gradient) {
  Value* const value = operation_.operand(name);
  if (!gradients_.wants(value)) return;
  gradients_.add(value, expressions_.sum_to(gradient, result()->shape(), value->shape()));
}

}  // namespace millwright::autodiff
