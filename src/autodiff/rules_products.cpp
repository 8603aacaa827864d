// Gradients of matrix products and convolutions: products again, with the transposes in their flags.
#include <algorithm>

#include "autodiff/backward.h"
#include "mil/parameters.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;

// A matmul operand as matrices: a vector becomes one row on the left, one column on the right.
Value* as_matrices(Expressions& e, Value* value, bool is_left) {
  if (value->shape().size() != 1) return value;
  const int64_t size = value->shape()[0];
  return e.relabel(value, is_left ? Shape{1, size} : Shape{size, 1});
}

// z = op(x) · op(y) gives dx = dz · op(y)ᵀ and dy = op(x)ᵀ · dz, transposed once more where op transposes.
Status matmul(Step& s, Expressions& e) {
  mil::Builder& b = e.builder();
  Value* const x = as_matrices(e, s.operand("x"), true);
  Value* const y = as_matrices(e, s.operand("y"), false);
  const bool x_is_vector = s.operand("x")->type().rank() == 1;
  const bool y_is_vector = s.operand("y")->type().rank() == 1;
  const bool transpose_x = !x_is_vector && mil::flag(s.operation(), "transpose_x");
  const bool transpose_y = !y_is_vector && mil::flag(s.operation(), "transpose_y");

  Shape product = s.result()->shape();  // with the axes that vectors dropped
  if (x_is_vector) product.insert(product.end() - (y_is_vector ? 0 : 1), 1);
  if (y_is_vector) product.push_back(1);
  Value* const gradient = e.relabel(s.full_gradient(), product);

  const auto give = [&](std::string_view name, Value* matrices, Value* full) {
    Value* const summed = e.sum_to(full, full->shape(), matrices->shape());
    s.give(name, e.relabel(summed, s.operand(name)->shape()));
  };
  if (s.wants("x")) {
    give("x", x, transpose_x ? b.matmul(y, gradient, transpose_y, true) : b.matmul(gradient, y, false, !transpose_y));
  }
  if (s.wants("y")) {
    give("y", y, transpose_y ? b.matmul(gradient, x, true, transpose_x) : b.matmul(x, gradient, !transpose_x, false));
  }
  return {};
}

// The tensor as [rows, last axis].
Value* as_rows(Expressions& e, Value* value) {
  const int64_t columns = value->shape().back();
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < value->shape().size(); ++axis) rows *= value->shape()[axis];
  return e.relabel(value, {rows, columns});
}

Status linear(Step& s, Expressions& e) {
  mil::Builder& b = e.builder();
  Value* const gradient = s.full_gradient();
  if (s.wants("x")) {
    Value* const product = b.matmul(as_rows(e, gradient), s.operand("weight"));
    s.give("x", e.relabel(product, s.operand("x")->shape()));
  }
  if (s.wants("weight")) s.give("weight", b.matmul(as_rows(e, gradient), as_rows(e, s.operand("x")), true, false));
  if (s.wants("bias")) s.give("bias", e.sum_to(s.gradient(), s.result()->shape(), s.operand("bias")->shape()));
  return {};
}

// Padding before and after each spatial axis, whatever pad_type says.
std::vector<int64_t> resolved_pad(const Step& s, const Shape& x, const Shape& kernel) {
  const std::string pad_type = mil::text(s.operation(), "pad_type");
  std::vector<int64_t> pad = mil::integers(s.operation(), "pad");
  const size_t spatial = x.size() - 2;
  if (pad_type == "valid" || pad.empty()) pad.assign(2 * spatial, 0);
  if (pad_type == "valid" || pad_type == "custom") return pad;
  for (size_t axis = 0; axis < spatial; ++axis) {  // strides and dilations are 1 here
    const int64_t total = kernel[axis + 2] - 1;
    pad[2 * axis] = pad_type == "same" ? total / 2 : total - total / 2;
    pad[2 * axis + 1] = total - pad[2 * axis];
  }
  return pad;
}

bool all_ones(const std::vector<int64_t>& numbers) {
  return std::ranges::all_of(numbers, [](int64_t number) { return number == 1; });
}

Value* plain_conv(Expressions& e, Value* x, Value* weight, std::span<const int64_t> pad) {
  mil::Builder& b = e.builder();
  return b.emit("conv", {mil::operand("x", x), mil::operand("weight", weight),
                         mil::operand("pad_type", b.text("custom")), mil::operand("pad", b.int32_vector(pad))});
}

// Swaps the first two axes.
Value* swapped(Expressions& e, Value* value) {
  std::vector<int64_t> permutation = {1, 0};
  for (int64_t axis = 2; axis < value->type().rank(); ++axis) permutation.push_back(axis);
  return e.builder().transpose(value, permutation);
}

// [N, C, spatial…] as [N, C, positions], and a weight of one tap as a matrix.
Value* as_positions(Expressions& e, Value* value) {
  const Shape& shape = value->shape();
  return e.relabel(value, {shape[0], shape[1], mil::element_count(shape) / (shape[0] * shape[1])});
}

// A kernel of one tap is a matrix product over the channels.
void one_tap_gradients(Step& s, Expressions& e, Value* gradient) {
  mil::Builder& b = e.builder();
  Value* const x = s.operand("x");
  Value* const weight = s.operand("weight");
  Value* const positions = as_positions(e, gradient);
  if (s.wants("x")) {
    Value* const matrix = e.relabel(weight, {weight->shape()[0], weight->shape()[1]});
    s.give("x", e.relabel(b.matmul(matrix, positions, true, false), x->shape()));
  }
  if (s.wants("weight")) {
    Value* const product = b.matmul(positions, as_positions(e, x), false, true);
    const Shape matrix = {weight->shape()[0], weight->shape()[1]};
    s.give("weight", e.relabel(e.sum_to(product, product->shape(), matrix), weight->shape()));
  }
}

// dx is the convolution of dz with the mirrored weight, dweight that of x with dz, channels and samples exchanged.
void many_tap_gradients(Step& s, Expressions& e, Value* gradient, const std::vector<int64_t>& pad) {
  Value* const x = s.operand("x");
  Value* const weight = s.operand("weight");
  if (s.wants("x")) {
    std::vector<int64_t> spatial_axes;
    std::vector<int64_t> outer;  // padding of dz: reaches over the kernel, less what x was padded
    for (int64_t axis = 2; axis < x->type().rank(); ++axis) spatial_axes.push_back(axis);
    for (size_t i = 0; i < pad.size(); ++i) outer.push_back(weight->shape()[2 + i / 2] - 1 - pad[i]);
    Value* const mirrored = e.builder().emit(
        "reverse", {mil::operand("x", weight), mil::operand("axes", e.builder().int32_vector(spatial_axes))});
    s.give("x", plain_conv(e, gradient, swapped(e, mirrored), outer));
  }
  if (s.wants("weight")) s.give("weight", swapped(e, plain_conv(e, swapped(e, x), swapped(e, gradient), pad)));
}

Status conv(Step& s, Expressions& e) {
  const Shape& x = s.operand("x")->shape();
  const Shape& weight = s.operand("weight")->shape();
  if (!all_ones(mil::integers(s.operation(), "strides")) || !all_ones(mil::integers(s.operation(), "dilations")) ||
      mil::integer(s.operation(), "groups") != 1) {
    return fail("the gradient of conv is known for strides, dilations and groups of 1 only");
  }
  const std::vector<int64_t> pad = resolved_pad(s, x, weight);
  for (size_t i = 0; i < pad.size(); ++i) {
    if (pad[i] > weight[2 + i / 2] - 1) {
      return fail("the gradient of conv is known for padding below the kernel's size only, found {} for {}", pad[i],
                  weight[2 + i / 2]);
    }
  }
  if (s.wants("bias")) {
    Shape channels(x.size(), 1);
    channels[1] = weight[0];
    Value* const summed = e.spread(e.sum_to(s.gradient(), s.result()->shape(), channels), channels);
    s.give("bias", e.relabel(summed, {weight[0]}));
  }
  if (!s.wants("x") && !s.wants("weight")) return {};
  const bool has_one_tap = all_ones(Shape(weight.begin() + 2, weight.end()));
  if (has_one_tap) {
    one_tap_gradients(s, e, s.full_gradient());
  } else {
    many_tap_gradients(s, e, s.full_gradient(), pad);
  }
  return {};
}

constexpr GradientRule kRules[] = {{"conv", conv}, {"linear", linear}, {"matmul", matmul}};

}  // namespace

std::span<const GradientRule> product_rules() { return kRules; }

}  // namespace millwright::autodiff
