// Attention's softmax with its scale and mask in one pass over the rows, and the softmax gradient in one.
#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

bool is_float(const mil::Value* value) {
  return value->type().is_tensor() && value->element() == mil::ElementType::fp32;
}

// The shape without its axes of one element in front, if two are left: a mask for the last two axes of x.
bool masks_rows(const mil::Shape& mask, const mil::Shape& x) {
  if (mask.size() < 2 || mask.size() > x.size() || x.size() < 2) return false;
  for (size_t axis = 0; axis + 2 < mask.size(); ++axis) {
    if (mask[axis] != 1) return false;
  }
  return mask[mask.size() - 2] == x[x.size() - 2] && mask.back() == x.back();
}

// softmax(scale · x + mask) with what is there of the two.
struct MaskedSoftmax {
  mil::Value* x;
  mil::Value* mask = nullptr;
  double scale = 1;
};

MaskedSoftmax match_masked(const mil::Operation& softmax) {
  MaskedSoftmax match{softmax.operand("x")};
  if (const mil::Operation* sum = producer_of_kind(match.x, "add"); sum != nullptr && has_one_use(match.x)) {
    for (const Pair& pair : operand_orders(*sum)) {
      if (pair.first->type() != match.x->type() || !masks_rows(pair.second->shape(), pair.first->shape())) continue;
      match.mask = pair.second;
      match.x = pair.first;
      break;
    }
  }
  while (match.x->producer() != nullptr && has_one_use(match.x)) {
    const auto scaled = match_scaled(*match.x->producer());
    if (!scaled) break;
    match.scale *= scaled->factor;
    match.x = scaled->x;
  }
  return match;
}

bool fuse_forward(mil::Function& function, mil::Operation& softmax) {
  mil::Value* x = softmax.operand("x");
  if (x == nullptr || !is_float(x) || x->type().rank() < 2) return false;
  if (mil::axis_of(softmax, "axis", x->type().rank()) != x->type().rank() - 1) return false;
  const MaskedSoftmax match = match_masked(softmax);
  if (match.x == x) return false;
  mil::Builder b(function, &softmax);
  b.set_scope(softmax.label());
  std::vector<mil::Operand> operands = {
      mil::operand("x", match.x), literal_operand("scale", mil::Literal::number(mil::ElementType::fp32, match.scale))};
  if (match.mask != nullptr) {
    const mil::Shape& shape = match.x->shape();
    const mil::Shape rows(shape.end() - 2, shape.end());
    operands.push_back(mil::operand("mask", match.mask->shape() == rows ? match.mask : b.reshape(match.mask, rows)));
  }
  replace_operation(softmax, b.emit("mw.softmax", std::move(operands)));
  return true;
}

// p · (dp − Σ p · dp) with the sum along one axis, kept.
struct SoftmaxGradient {
  mil::Value* p;
  mil::Value* dp;
  int64_t axis;
};

std::optional<SoftmaxGradient> match_gradient(const mil::Operation& product) {
  if (product.kind() != "mul") return std::nullopt;
  for (const Pair& outer : operand_orders(product)) {
    mil::Value* p = outer.first;
    const mil::Operation* difference = producer_of_kind(outer.second, "sub");
    if (difference == nullptr || !has_one_use(outer.second) || operand_orders(*difference).empty()) continue;
    mil::Value* dp = difference->operand("x");
    const mil::Value* sum = difference->operand("y");
    const mil::Operation* reduction = producer_of_kind(sum, "reduce_sum");
    if (reduction == nullptr || !has_one_use(sum) || p->type() != dp->type() || !is_float(p)) continue;
    const mil::Value* summed = reduction->operand("x");
    const mil::Operation* inner = producer_of_kind(summed, "mul");
    if (inner == nullptr || !has_one_use(summed) || !mil::flag(*reduction, "keep_dims")) continue;
    const std::vector<int64_t> axes = mil::reduction_axes(*reduction, summed->type().rank());
    if (axes.size() != 1 || summed->type() != p->type()) continue;
    for (const Pair& pair : operand_orders(*inner)) {
      if (pair.first == p && pair.second == dp) return SoftmaxGradient{p, dp, axes[0]};
    }
  }
  return std::nullopt;
}

bool fuse_gradient(mil::Function& function, mil::Operation& product) {
  const auto match = match_gradient(product);
  if (!match) return false;
  // A factor that follows goes into the same pass.
  mil::Operation* last = &product;
  double scale = 1;
  while (has_one_use(last->result())) {
    mil::Operation* next = last->result()->users()[0];
    const auto scaled = match_scaled(*next);
    if (!scaled || scaled->x != last->result()) break;
    scale *= scaled->factor;
    last = next;
  }
  mil::Builder b(function, last);
  b.set_scope(product.label());
  mil::Value* result =
      b.emit("mw.softmax_backward", {mil::operand("p", match->p), mil::operand("dp", match->dp),
                                     literal_operand("axis", mil::Literal::int32(match->axis)),
                                     literal_operand("scale", mil::Literal::number(mil::ElementType::fp32, scale))});
  replace_uses(function, last->result(), result);
  return true;
}

}  // namespace

size_t fuse_softmax(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* operation : operations_of(function)) {
    if (operation->kind() == "softmax") {
      changed += fuse_forward(function, *operation) ? 1 : 0;
    } else if (operation->kind() == "mul") {
      changed += fuse_gradient(function, *operation) ? 1 : 0;
    }
  }
  mil::remove_dead_operations(function);
  return changed;
}

}  // namespace millwright::cpu
