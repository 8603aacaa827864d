#include "mil/diff/fingerprints.h"

#include <functional>
#include <ranges>

namespace millwright::mil {
namespace {

uint64_t text_key(std::string_view text) { return hash_text64(text); }

// Stands for a computed value in a fingerprint that does not look at other operations.
constexpr uint64_t kComputed = 0x636f6d7075746564;

}  // namespace

Fingerprints::Fingerprints(const Function& function, std::span<const uint64_t> input_keys,
                           const LiteralContents& contents)
    : contents_(contents) {
  for (size_t i = 0; i < function.inputs().size(); ++i) computations_[function.inputs()[i].get()] = input_keys[i];
  describe_block(function.block());
  trace_block(function.block(), 0);
  computations_.clear();
  uses_.clear();
}

uint64_t Fingerprints::describe_block(const Block& block) {
  std::vector<Fingerprint> fingerprints;
  for (const auto& operation : block.operations()) {
    if (is_folded(*operation)) continue;
    Fingerprint& fingerprint = fingerprints.emplace_back();
    fingerprint.operation = operation.get();
    fingerprint.number = ++operations_;
    describe_operation(*operation, fingerprint);
  }
  blocks_.emplace(&block, std::move(fingerprints));
  uint64_t results = block.results().size();
  for (Value* result : block.results()) results = mixed(results, computation_of(result));
  return results;
}

void Fingerprints::describe_operation(const Operation& operation, Fingerprint& fingerprint) {
  uint64_t own = text_key(operation.kind());
  for (const auto& result : operation.results()) own = mixed(own, hash_type(result->type()));
  // Sums, so that the order of parameters does not count. A constant operand and an attribute are one.
  uint64_t constants = 0;
  uint64_t operands = 0;
  for (const Operand& operand : operation.operands()) {
    uint64_t own_parameter = text_key(operand.name);
    uint64_t parameter = own_parameter;
    for (const Argument& argument : operand.arguments) {
      const Literal* constant = constant_of(argument);
      const uint64_t content = constant != nullptr ? contents_.hash(*constant) : 0;
      own_parameter = mixed(own_parameter, constant != nullptr ? content : kComputed);
      parameter = mixed(parameter, constant != nullptr ? content : computation_of(argument));
    }
    constants += own_parameter;
    operands += parameter;
  }
  for (const Attribute& attribute : operation.attributes()) {
    if (attribute.name == kLabelAttribute) continue;
    constants += mixed(text_key(attribute.name), contents_.hash(attribute.value));
  }
  fingerprint.own = mixed(mixed(own, constants), operation.blocks().size());

  uint64_t computation = mixed(fingerprint.own, operands);
  for (const auto& block : operation.blocks()) {
    for (size_t i = 0; i < block->inputs().size(); ++i) {
      computations_[block->inputs()[i].get()] = mixed(mixed(computation, i), hash_type(block->inputs()[i]->type()));
    }
    computation = mixed(computation, describe_block(*block));
    for (const Fingerprint& nested : blocks_.at(block.get())) computation = mixed(computation, nested.computation);
  }
  fingerprint.computation = computation;
  for (const auto& result : operation.results()) {
    computations_[result.get()] = mixed(computation, static_cast<uint64_t>(result->result_index()));
  }
}

uint64_t Fingerprints::computation_of(const Argument& argument) const {
  if (const Literal* constant = constant_of(argument)) return contents_.hash(*constant);
  const auto found = computations_.find(std::get<Value*>(argument));
  return found == computations_.end() ? 0 : found->second;
}

void Fingerprints::trace_block(const Block& block, uint64_t owner) {
  for (size_t i = 0; i < block.results().size(); ++i) add_use(block.results()[i], mixed(owner, i));
  for (Fingerprint& fingerprint : std::views::reverse(blocks_.at(&block))) trace_operation(fingerprint);
}

void Fingerprints::trace_operation(Fingerprint& fingerprint) {
  const Operation& operation = *fingerprint.operation;
  uint64_t use = fingerprint.own;
  for (const auto& result : operation.results()) {
    const auto found = uses_.find(result.get());
    use = mixed(use, found == uses_.end() ? 0 : found->second);
  }
  for (const auto& block : operation.blocks()) {
    use = mixed(use, 1);
    trace_block(*block, use);
    for (const Fingerprint& nested : blocks_.at(block.get())) use = mixed(use, nested.use);
  }
  fingerprint.use = use;
  for (const Operand& operand : operation.operands()) {
    for (size_t i = 0; i < operand.arguments.size(); ++i) {
      add_use(operand.arguments[i], mixed(mixed(use, text_key(operand.name)), i));
    }
  }
}

void Fingerprints::add_use(const Argument& argument, uint64_t use) {
  if (constant_of(argument) == nullptr) uses_[std::get<Value*>(argument)] += use;
}

}  // namespace millwright::mil
