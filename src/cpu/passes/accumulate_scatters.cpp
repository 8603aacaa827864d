// y + scatter(data, …) → scatter(y + data, …), and y itself where the data are zeros: the scatter then adds in place
// instead of filling and summing whole tensors (embedding tables).
#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

mil::Operation* match_adding_scatter(mil::Value* value) {
  if (value == nullptr || !has_one_use(value)) return nullptr;
  mil::Operation* scatter = producer_of_kind(value, "scatter");
  if (scatter == nullptr) scatter = producer_of_kind(value, "scatter_along_axis");
  return scatter != nullptr && mil::text(*scatter, "mode") == "add" ? scatter : nullptr;
}

}  // namespace

size_t accumulate_scatters(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* sum : operations_of(function)) {
    if (sum->kind() != "add") continue;
    for (const Pair& pair : operand_orders(*sum)) {
      mil::Operation* scatter = match_adding_scatter(pair.first);
      if (scatter == nullptr || pair.second->type() != sum->result()->type()) continue;
      mil::Builder b(function, sum);
      b.set_scope(scatter->label());
      const bool is_zero = splat_of(*scatter, "data") == 0.0;
      std::vector<mil::Operand> operands;
      for (const mil::Operand& operand : scatter->operands()) {
        if (operand.name != "data") {
          operands.push_back(operand);
        } else if (is_zero) {
          operands.push_back(mil::operand("data", pair.second));
        } else {
          mil::Value* data = scatter->operand("data");
          if (data == nullptr) data = b.constant(std::get<mil::Literal>(operand.arguments[0]));
          operands.push_back(mil::operand("data", b.add(pair.second, data)));
        }
      }
      mil::Value* result = b.emit(scatter->kind(), std::move(operands));
      replace_operation(*sum, result);
      ++changed;
      break;
    }
  }
  mil::remove_dead_operations(function);
  return changed;
}

}  // namespace millwright::cpu
