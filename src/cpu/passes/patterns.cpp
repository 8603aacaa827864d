#include "cpu/passes/patterns.h"

#include <algorithm>

namespace millwright::cpu {

bool is_function_result(const mil::Value* value) {
  if (value->producer() == nullptr) return true;
  const auto& results = value->producer()->block()->results();
  return std::ranges::find(results, value) != results.end();
}

bool has_one_use(const mil::Value* value) { return value->users().size() == 1 && !is_function_result(value); }

mil::Operation* producer_of_kind(const mil::Value* value, std::string_view kind) {
  mil::Operation* producer = value == nullptr ? nullptr : value->producer();
  return producer != nullptr && producer->kind() == kind ? producer : nullptr;
}

namespace {

std::optional<double> splat_of(const mil::Literal& literal) {
  if (!literal.type().is_tensor() || !literal.has_elements() || literal.type().count() != 1) return std::nullopt;
  return literal.as_number();
}

}  // namespace

std::optional<double> splat_of(const mil::Argument& argument) {
  if (const auto* literal = std::get_if<mil::Literal>(&argument)) return splat_of(*literal);
  const mil::Operation* producer = std::get<mil::Value*>(argument)->producer();
  if (producer == nullptr) return std::nullopt;
  if (producer->is_const()) return splat_of(*producer->attribute("val"));
  if (producer->kind() == "fill" || producer->kind() == "fill_like") return splat_of(*producer, "value");
  if (is_reshape(*producer)) return splat_of(*producer, "x");
  return std::nullopt;
}

std::optional<double> splat_of(const mil::Operation& operation, std::string_view name) {
  const mil::Operand* operand = operation.find_operand(name);
  if (operand == nullptr || operand->arguments.size() != 1) return std::nullopt;
  return splat_of(operand->arguments[0]);
}

std::vector<Pair> operand_orders(const mil::Operation& operation) {
  mil::Value* x = operation.operand("x");
  mil::Value* y = operation.operand("y");
  if (x == nullptr || y == nullptr) return {};
  return {{x, y}, {y, x}};
}

std::optional<Scaled> match_scaled(const mil::Operation& operation) {
  const bool is_product = operation.kind() == "mul";
  if (!is_product && operation.kind() != "real_div") return std::nullopt;
  const mil::Type& type = operation.result()->type();
  if (!mil::is_floating(type.element())) return std::nullopt;
  mil::Value* x = operation.operand("x");
  const auto divisor = splat_of(operation, "y");
  if (x != nullptr && x->type() == type && divisor) {
    if (is_product) return Scaled{x, *divisor};
    if (*divisor != 0) return Scaled{x, 1 / *divisor};
  }
  mil::Value* y = operation.operand("y");
  const auto factor = splat_of(operation, "x");
  if (is_product && y != nullptr && y->type() == type && factor) return Scaled{y, *factor};
  return std::nullopt;
}

bool is_reshape(const mil::Operation& operation) {
  return operation.kind() == "reshape" || operation.kind() == "expand_dims" || operation.kind() == "squeeze";
}

mil::Value* before_reshapes(mil::Value* value) {
  while (has_one_use(value) && is_reshape(*value->producer()) && value->producer()->operand("x") != nullptr) {
    value = value->producer()->operand("x");
  }
  return value;
}

mil::Operand literal_operand(std::string_view name, mil::Literal literal) {
  return {std::string(name), {mil::Argument(std::move(literal))}, false};
}

void replace_uses(mil::Function& function, mil::Value* from, mil::Value* to) {
  const std::vector<mil::Operation*> users(from->users().begin(), from->users().end());
  for (mil::Operation* user : users) user->replace_operand(from, to);
  if (std::ranges::find(function.results(), from) == function.results().end()) return;
  std::vector<mil::Value*> results = function.results();
  std::ranges::replace(results, from, to);
  function.block().set_results(std::move(results));
}

void replace_operation(mil::Operation& operation, mil::Value* value) {
  mil::Block& block = *operation.block();
  replace_uses(*block.function(), operation.result(), value);
  block.erase(&operation);
}

std::vector<mil::Operation*> operations_of(mil::Function& function) {
  std::vector<mil::Operation*> operations;
  for (const auto& operation : function.block().operations()) operations.push_back(operation.get());
  return operations;
}

}  // namespace millwright::cpu
