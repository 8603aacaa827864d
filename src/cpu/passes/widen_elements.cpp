// Casts that bring the operands of kernels to the types that they are written for, and their results back.
#include <unordered_map>

#include "cpu/kernel_table.h"
#include "cpu/operation_groups.h"
#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "mil/builder.h"
#include "mil/registry.h"

namespace millwright::cpu {
namespace {

mil::Type widened_type(const mil::Type& type) { return type.with_element(widened(type.element())); }

bool is_narrow(const mil::Type& type) { return type.is_tensor() && widened(type.element()) != type.element(); }

class Widening {
 public:
  explicit Widening(mil::Function& function) : function_(function) {}

  size_t run() {
    size_t changed = 0;
    for (mil::Operation* operation : operations_of(function_)) {
      if (operation->is_const() || operation->definition() == nullptr || is_elementwise(*operation)) continue;
      const KernelEntry* entry = find_kernel(operation->kind());
      if (entry == nullptr || !needs(*operation, *entry)) continue;
      replace(*operation, *entry);
      ++changed;
    }
    return changed;
  }

 private:
  static const mil::Type& type_of(const mil::Argument& argument) {
    const auto* value = std::get_if<mil::Value*>(&argument);
    return value != nullptr ? (*value)->type() : std::get<mil::Literal>(argument).type();
  }

  static bool widens(const mil::Operation& operation, const KernelEntry& entry, const mil::Operand& operand) {
    const mil::ParameterDefinition* parameter = operation.definition()->parameter(operand.name);
    if (parameter == nullptr || parameter->kind == mil::ParameterDefinition::Kind::constant) return false;
    if (entry.keeps(operand.name)) return false;
    for (const mil::Argument& argument : operand.arguments) {
      if (is_narrow(type_of(argument))) return true;
    }
    return false;
  }

  static bool needs(const mil::Operation& operation, const KernelEntry& entry) {
    for (const mil::Operand& operand : operation.operands()) {
      if (widens(operation, entry, operand)) return true;
    }
    if (entry.keeps("results")) return false;
    for (const auto& result : operation.results()) {
      if (is_narrow(result->type())) return true;
    }
    return false;
  }

  mil::Argument widened_argument(const mil::Argument& argument, mil::Operation& before) {
    if (!is_narrow(type_of(argument))) return argument;
    if (const auto* literal = std::get_if<mil::Literal>(&argument)) {
      return mil::Literal::numbers(widened_type(literal->type()), literal->as_numbers());
    }
    mil::Value* value = std::get<mil::Value*>(argument);
    mil::Value*& wide = wide_[value];
    if (wide == nullptr) {
      mil::Builder b(function_, &before);
      b.set_scope(before.label());
      wide = b.cast(value, widened(value->element()));
    }
    return wide;
  }

  // A new operation with wide operands and results; casts stand for the old results.
  void replace(mil::Operation& operation, const KernelEntry& entry) {
    std::vector<mil::Operand> operands(operation.operands().begin(), operation.operands().end());
    for (mil::Operand& operand : operands) {
      if (!widens(operation, entry, operand)) continue;
      for (mil::Argument& argument : operand.arguments) argument = widened_argument(argument, operation);
    }
    mil::Operation* wide = function_.block().add_operation(operation.kind(), &operation, operation.location());
    for (mil::Operand& operand : operands) wide->add_operand(std::move(operand));
    for (const mil::Attribute& attribute : operation.attributes()) wide->set_attribute(attribute.name, attribute.value);
    // Messages and profiles call it what the program does.
    if (operation.label().empty() && !operation.results().empty()) {
      wide->set_attribute("name", mil::Literal::string(operation.result()->name()));
    }
    mil::Builder b(function_, &operation);
    b.set_scope(operation.label());
    for (const auto& result : operation.results()) {
      const bool narrows = is_narrow(result->type()) && !entry.keeps("results");
      mil::Value* value = wide->add_result(function_.unique_name(result->name()),
                                           narrows ? widened_type(result->type()) : result->type());
      if (!narrows) {
        replace_uses(function_, result.get(), value);
        continue;
      }
      replace_uses(function_, result.get(), b.cast(value, result->element()));
    }
    function_.block().erase(&operation);
  }

  mil::Function& function_;
  std::unordered_map<const mil::Value*, mil::Value*> wide_;  // by the narrow value
};

}  // namespace

size_t widen_elements(mil::Function& function) { return Widening(function).run(); }

}  // namespace millwright::cpu
