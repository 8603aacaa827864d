#include "mil/internal_operations.h"

#include <cmath>
#include <limits>
#include <vector>

#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::mil {
namespace {

Value* scaled(Builder& b, Value* x, double factor) { return factor == 1.0 ? x : b.mul(x, b.scalar_like(x, factor)); }

Value* decomposed_matmul(Builder& b, const Operation& operation) {
  Value* y = b.matmul(operation.operand("x"), operation.operand("y"), flag(operation, "transpose_x"),
                      flag(operation, "transpose_y"));
  const std::vector<int64_t> axes = integers(operation, "reduce_axes");
  if (!axes.empty()) y = b.reduce("reduce_sum", y, axes, flag(operation, "keep_dims"));
  y = scaled(b, y, number(operation, "alpha"));
  Value* addend = operation.operand("addend");
  return addend == nullptr ? y : b.add(y, addend);
}

Value* decomposed_softmax(Builder& b, const Operation& operation) {
  Value* x = scaled(b, operation.operand("x"), number(operation, "scale"));
  Value* mask = operation.operand("mask");
  return b.softmax(mask == nullptr ? x : b.add(x, mask), -1);
}

Value* decomposed_softmax_backward(Builder& b, const Operation& operation) {
  Value* p = operation.operand("p");
  Value* dp = operation.operand("dp");
  const int64_t axes[] = {integer(operation, "axis")};
  Value* sum = b.reduce("reduce_sum", b.mul(p, dp), axes, true);
  return scaled(b, b.mul(p, b.sub(dp, sum)), number(operation, "scale"));
}

Value* decomposed_engine_range(Builder& b, const Operation& operation) {
  Value* x = operation.operand("x");
  Value* number = b.select(b.binary("equal", x, x), x, b.scalar_like(x, mil::number(operation, "nan")));
  const double limit = mil::number(operation, "limit");
  if (std::isinf(limit)) return number;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Value* outside = b.binary("greater_equal", b.unary("abs", number), b.scalar_like(x, limit));
  Value* infinite = b.select(b.binary("greater", number, b.scalar_like(x, 0)), b.scalar_like(x, kInfinity),
                             b.scalar_like(x, -kInfinity));
  return b.select(outside, infinite, number);
}

}  // namespace

size_t decompose_internal_operations(Function& function) {
  std::vector<Operation*> internal;
  for (const auto& operation : function.block().operations()) {
    if (operation->kind().starts_with("mw.")) internal.push_back(operation.get());
  }
  for (Operation* operation : internal) {
    Builder b(function, operation);
    b.set_scope(operation->label());
    Value* result = operation->kind() == "mw.matmul"         ? decomposed_matmul(b, *operation)
                    : operation->kind() == "mw.softmax"      ? decomposed_softmax(b, *operation)
                    : operation->kind() == "mw.engine_range" ? decomposed_engine_range(b, *operation)
                                                             : decomposed_softmax_backward(b, *operation);
    function.block().replace_uses(operation->result(), result);
    function.block().erase(operation);
  }
  return internal.size();
}

}  // namespace millwright::mil
