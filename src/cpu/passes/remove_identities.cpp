// Operations that change nothing, or nothing but the shape.
#include <algorithm>

#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

bool is_identity_transpose(const mil::Operation& operation) {
  if (operation.kind() != "transpose") return false;
  const std::vector<int64_t> permutation = mil::integers(operation, "perm");
  for (size_t axis = 0; axis < permutation.size(); ++axis) {
    const int64_t source = permutation[axis];
    if ((source < 0 ? source + static_cast<int64_t>(permutation.size()) : source) != static_cast<int64_t>(axis))
      return false;
  }
  return true;
}

// x, where the operation's result is x; else nothing. x − x·0 and the like are left alone: NaN must stay NaN.
mil::Value* unchanged_operand(const mil::Operation& operation) {
  const std::string& kind = operation.kind();
  mil::Value* x = operation.operand("x");
  const mil::Type& type = operation.results().size() == 1 ? operation.result()->type() : mil::Type();
  if (x != nullptr && x->type() == type) {
    if (kind == "identity" || kind == "cast" || is_reshape(operation)) return x;
    if (is_identity_transpose(operation)) return x;
    if (kind == "add" || kind == "sub") {
      if (splat_of(operation, "y") == 0.0) return x;
    }
    if (kind == "mul" || kind == "real_div") {
      if (splat_of(operation, "y") == 1.0) return x;
    }
  }
  mil::Value* y = operation.operand("y");
  if (y != nullptr && y->type() == type) {
    if (kind == "add" && splat_of(operation, "x") == 0.0) return y;
    if (kind == "mul" && splat_of(operation, "x") == 1.0) return y;
  }
  return nullptr;
}

// A reduction over axes of one element only.
bool only_drops_axes(const mil::Operation& operation) {
  constexpr std::string_view kKinds[] = {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"};
  if (std::ranges::find(kKinds, operation.kind()) == std::end(kKinds)) return false;
  const mil::Value* x = operation.operand("x");
  return x != nullptr && std::ranges::all_of(mil::reduction_axes(operation, x->type().rank()),
                                             [&](int64_t axis) { return x->shape()[static_cast<size_t>(axis)] == 1; });
}

}  // namespace

size_t remove_identities(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* operation : operations_of(function)) {
    if (mil::Value* x = unchanged_operand(*operation)) {
      replace_operation(*operation, x);
      ++changed;
    } else if (only_drops_axes(*operation)) {
      mil::Builder b(function, operation);
      b.set_scope(operation->label());
      replace_operation(*operation, b.reshape(operation->operand("x"), operation->result()->shape()));
      ++changed;
    }
  }
  return changed;
}

}  // namespace millwright::cpu
