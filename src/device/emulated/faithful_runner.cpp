#include "device/emulated/faithful_runner.h"

#include <cmath>
#include <utility>
#include <vector>

#include "cpu/passes/passes.h"
#include "device/emulated/activation_table.h"
#include "device/emulated/faithful_products.h"
#include "mil/internal_operations.h"
#include "mil/interpreter/evaluation.h"
#include "mil/interpreter/interpreter.h"

namespace millwright::device {
namespace {

using mil::TensorValue;
using mil::interpreter::Evaluation;
using mil::interpreter::Values;

constexpr std::string_view kSums[] = {"add", "sub", "reduce_sum", "reduce_mean"};

Values activation(const Evaluation& e, std::string_view kind) {
  TensorValue y = e.operand("x");
  y.type = y.type.with_element(e.element());
  for (double& number : y.numbers) number = activation_from_table(kind, number);
  return std::vector<TensorValue>{std::move(y)};
}

// Sums whose halves go away from zero (C57).
Values sum_with_ties_away(const Evaluation& e) {
  MW_ASSIGN(std::vector<TensorValue> values, mil::interpreter::evaluate(e));
  for (TensorValue& value : values) {
    if (value.type.element() != mil::ElementType::fp16) continue;
    for (double& number : value.numbers) number = round_to_fp16(static_cast<float>(number), ane::Ties::away);
  }
  return values;
}

float partial_limit(const ane::Numerics& numerics) {
  constexpr double kNone = std::numeric_limits<float>::infinity();
  return static_cast<float>(numerics.partial_product_limit.value_or(false) ? numerics.product_limit.value_or(kNone)
                                                                           : kNone);
}

class FaithfulRunner final : public EngineRunner {
 public:
  FaithfulRunner(std::unique_ptr<mil::Function> function, mil::OperationOverrides overrides)
      : function_(std::move(function)), overrides_(std::move(overrides)) {}

  Status run(std::span<void* const> inputs, std::span<void* const> outputs) override {
    std::vector<TensorValue> values;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const mil::Type& type = function_->inputs()[i]->type();
      TensorValue value{type, std::vector<double>(static_cast<size_t>(type.count()))};
      const auto* source = static_cast<const std::byte*>(inputs[i]);
      for (double& number : value.numbers) {
        number = mil::load_number(type.element(), source);
        source += mil::element_bytes(type.element());
      }
      values.push_back(std::move(value));
    }
    MW_ASSIGN(const std::vector<TensorValue> results,
              mil::interpret(*function_, values, mil::Precision::declared, overrides_));
    for (size_t i = 0; i < outputs.size(); ++i) {
      const mil::ElementType element = results[i].type.element();
      auto* destination = static_cast<std::byte*>(outputs[i]);
      for (const double number : results[i].numbers) {
        mil::store_number(element, number, destination);
        destination += mil::element_bytes(element);
      }
    }
    return {};
  }
  cpu::MemoryReport memory() const override { return {}; }
  std::vector<cpu::ProfileEntry> profile() const override { return {}; }

 private:
  std::unique_ptr<mil::Function> function_;
  mil::OperationOverrides overrides_;
};

}  // namespace

Result<std::unique_ptr<EngineRunner>> make_faithful_runner(const mil::Function& function,
                                                           const ane::Numerics& numerics) {
  std::unique_ptr<mil::Function> copy = mil::clone(function);
  mil::decompose_internal_operations(*copy);
  cpu::decompose_images(*copy);
  for (const auto& operation : copy->block().operations()) {
    if (!mil::is_interpreted(operation->kind())) {
      return fail("{}: faithful numerics do not run this operation; use fast ones", mil::describe(*operation));
    }
  }
  const SumRounding rounding{numerics.sum_ties.value_or(ane::Ties::to_even),
                             numerics.flushes_denormal_products.value_or(false), partial_limit(numerics)};
  mil::OperationOverrides overrides;
  add_faithful_products(rounding, overrides);
  for (const std::string_view kind : activations_with_table()) {
    overrides[kind] = [kind](const Evaluation& e) { return activation(e, kind); };
  }
  if (rounding.ties == ane::Ties::away) {
    for (const std::string_view kind : kSums) overrides[kind] = sum_with_ties_away;
  }
  return std::make_unique<FaithfulRunner>(std::move(copy), std::move(overrides));
}

}  // namespace millwright::device
