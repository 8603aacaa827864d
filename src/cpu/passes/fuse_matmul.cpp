// Scalar factors, sums over batch axes and added tensors into the matrix product that they follow.
#include <algorithm>
#include <unordered_map>

#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

bool is_product(const mil::Operation* operation) {
  return operation != nullptr && (operation->kind() == "matmul" || operation->kind() == "mw.matmul") &&
         operation->operand("x") != nullptr && operation->operand("y") != nullptr &&
         operation->result()->element() == mil::ElementType::fp32;
}

bool is_internal(const mil::Operation& operation) { return operation.kind() == "mw.matmul"; }
bool has_addend(const mil::Operation& product) { return product.find_operand("addend") != nullptr; }

// What is to be changed of a product; the rest stays as it is.
struct Change {
  std::optional<double> factor;
  std::optional<std::vector<int64_t>> reduce_axes;
  bool keep_dims = false;
  mil::Value* addend = nullptr;
};

// The changed product, before `before`.
mil::Value* changed_product(mil::Function& function, const mil::Operation& product, mil::Operation* before,
                            const Change& change) {
  const double alpha = is_internal(product) ? mil::number(product, "alpha") : 1.0;
  std::vector<int64_t> axes = is_internal(product) ? mil::integers(product, "reduce_axes") : std::vector<int64_t>{};
  bool keep_dims = is_internal(product) && mil::flag(product, "keep_dims");
  if (change.reduce_axes) {
    axes = *change.reduce_axes;
    keep_dims = change.keep_dims;
  }
  const auto flag_operand = [&](std::string_view name) {
    return literal_operand(name, mil::Literal::boolean(mil::flag(product, name)));
  };
  std::vector<mil::Operand> operands = {
      mil::operand("x", product.operand("x")), mil::operand("y", product.operand("y")), flag_operand("transpose_x"),
      flag_operand("transpose_y"),
      literal_operand("alpha", mil::Literal::number(mil::ElementType::fp32, alpha * change.factor.value_or(1.0)))};
  if (!axes.empty()) {
    operands.push_back(literal_operand("reduce_axes", mil::Literal::int32_vector(axes)));
    operands.push_back(literal_operand("keep_dims", mil::Literal::boolean(keep_dims)));
  }
  if (change.addend != nullptr) {
    operands.push_back(mil::operand("addend", change.addend));
  } else if (has_addend(product)) {
    operands.push_back(mil::operand("addend", product.operand("addend")));
  }
  mil::Builder b(function, before);
  b.set_scope(product.label());
  return b.emit("mw.matmul", std::move(operands));
}

// Σ over batch axes of a product.
bool fuse_sum(mil::Function& function, mil::Operation& sum) {
  if (sum.kind() != "reduce_sum") return false;
  mil::Value* x = sum.operand("x");
  if (x == nullptr || !has_one_use(x) || !is_product(x->producer())) return false;
  const mil::Operation& product = *x->producer();
  if (has_addend(product) || (is_internal(product) && !mil::integers(product, "reduce_axes").empty())) return false;
  const bool has_vector = product.operand("x")->type().rank() < 2 || product.operand("y")->type().rank() < 2;
  const std::vector<int64_t> axes = mil::reduction_axes(sum, x->type().rank());
  if (has_vector || axes.empty() || axes.back() >= x->type().rank() - 2) return false;
  Change change;
  change.reduce_axes = axes;
  change.keep_dims = mil::flag(sum, "keep_dims");
  replace_operation(sum, changed_product(function, product, &sum, change));
  return true;
}

// The product behind `value`, past reshapes that nothing else uses.
mil::Operation* product_behind(mil::Value* value) {
  mil::Value* source = before_reshapes(value);
  return has_one_use(source) && is_product(source->producer()) ? source->producer() : nullptr;
}

mil::Value* with_shape(mil::Function& function, mil::Operation* before, mil::Value* value, const mil::Shape& shape) {
  if (value->shape() == shape) return value;
  mil::Builder b(function, before);
  b.set_scope(before->label());
  return b.reshape(value, shape);
}

bool fuse_factor(mil::Function& function, mil::Operation& scaling) {
  const auto scaled = match_scaled(scaling);
  if (!scaled || !has_one_use(scaled->x)) return false;
  const mil::Operation* product = product_behind(scaled->x);
  if (product == nullptr || has_addend(*product)) return false;
  Change change;
  change.factor = scaled->factor;
  mil::Value* result = changed_product(function, *product, &scaling, change);
  replace_operation(scaling, with_shape(function, &scaling, result, scaling.result()->shape()));
  return true;
}

// a + product, the product computed where the sum stands. Of two products the later one takes the other as its addend.
bool fuse_addend(mil::Function& function, mil::Operation& sum,
                 const std::unordered_map<const mil::Operation*, size_t>& positions) {
  if (sum.kind() != "add") return false;
  const mil::Operation* best = nullptr;
  mil::Value* addend = nullptr;
  for (const Pair& pair : operand_orders(sum)) {
    if (pair.first->type() != sum.result()->type() || pair.second->type() != sum.result()->type()) continue;
    if (pair.first == pair.second || !has_one_use(pair.first)) continue;
    const mil::Operation* product = product_behind(pair.first);
    if (product == nullptr || has_addend(*product)) continue;
    const auto position = [&](const mil::Operation* operation) {
      const auto found = positions.find(operation);
      return found == positions.end() ? positions.size()
                                      : found->second;  // made by this pass: later than all before it
    };
    if (best != nullptr && position(product) < position(best)) continue;
    best = product;
    addend = pair.second;
  }
  if (best == nullptr) return false;
  Change change;
  change.addend = with_shape(function, &sum, addend, best->result()->shape());
  mil::Value* result = changed_product(function, *best, &sum, change);
  replace_operation(sum, with_shape(function, &sum, result, sum.result()->shape()));
  return true;
}

}  // namespace

size_t fuse_matmul(mil::Function& function) {
  size_t changed = 0;
  std::unordered_map<const mil::Operation*, size_t> positions;
  const std::vector<mil::Operation*> operations = operations_of(function);
  for (const mil::Operation* operation : operations) positions.emplace(operation, positions.size());
  for (mil::Operation* operation : operations) {
    if (fuse_sum(function, *operation) || fuse_factor(function, *operation) ||
        fuse_addend(function, *operation, positions)) {
      positions.erase(operation);  // it is gone; its address may be used again
      ++changed;
    }
  }
  mil::remove_dead_operations(function);
  return changed;
}

}  // namespace millwright::cpu
