#include "mil/interpreter/interpreter.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "mil/internal_operations.h"
#include "mil/interpreter/evaluation.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

using interpreter::Environment;
using interpreter::Evaluation;
using interpreter::Evaluator;

const Evaluator* find_evaluator(std::string_view kind) {
  static const std::unordered_map<std::string_view, const Evaluator*> by_kind = [] {
    std::unordered_map<std::string_view, const Evaluator*> map;
    for (const auto table :
         {interpreter::elementwise_evaluators(), interpreter::activation_evaluators(),
          interpreter::normalization_evaluators(), interpreter::product_evaluators(), interpreter::window_evaluators(),
          interpreter::recurrent_evaluators(), interpreter::reduction_evaluators(), interpreter::shape_evaluators(),
          interpreter::rearrangement_evaluators(), interpreter::slice_evaluators(), interpreter::gather_evaluators(),
          interpreter::coordinate_evaluators(), interpreter::creation_evaluators(), interpreter::sorting_evaluators(),
          interpreter::compression_evaluators()}) {
      for (const Evaluator& evaluator : table) map.emplace(evaluator.kind, &evaluator);
    }
    return map;
  }();
  const auto found = by_kind.find(kind);
  return found == by_kind.end() ? nullptr : found->second;
}

// An integer as its type holds it: cut towards zero, then two's complement with the high bits dropped; what is no
// number is 0.
double wrapped(ElementType element, double value) {
  if (!std::isfinite(value)) return 0;
  value = std::trunc(value);
  const auto [lowest, highest] = integer_range(element);
  if (value >= static_cast<double>(lowest) && value <= static_cast<double>(highest)) return value;
  const double span = static_cast<double>(highest) - static_cast<double>(lowest) + 1;
  const double shifted = value - static_cast<double>(lowest);
  return shifted - std::floor(shifted / span) * span + static_cast<double>(lowest);
}

double rounded(ElementType element, double value, Precision precision) {
  if (element == ElementType::boolean) return value != 0 ? 1 : 0;
  if (is_integer(element)) return wrapped(element, value);
  if (precision == Precision::fp64) return value;
  std::byte storage[sizeof(double)];
  store_number(element, value, storage);
  return load_number(element, storage);
}

void round_to_type(TensorValue& value, Precision precision) {
  for (double& number : value.numbers) number = rounded(value.type.element(), number, precision);
}

// The declared type holds the actual one; `?` holds any size.
bool fits(const Type& declared, const Type& actual) {
  if (!declared.is_tensor() || !actual.is_tensor() || declared.element() != actual.element() ||
      declared.rank() != actual.rank()) {
    return false;
  }
  for (size_t axis = 0; axis < declared.shape().size(); ++axis) {
    const int64_t size = declared.shape()[axis];
    if (size != kUnknownDimension && size != actual.shape()[axis]) return false;
  }
  return true;
}

bool is_internal(const std::unique_ptr<Operation>& operation) {
  return operation->definition() != nullptr && operation->definition()->internal;
}

// The tensor type of a value, or the one inside a state.
const Type& stored_type(const Type& type) { return type.kind() == Type::Kind::state ? type.arguments()[0] : type; }

// Operands and attributes that the type rules know and whose elements are still in a weight file.
Status check_loaded(const Operation& operation) {
  for (const ParameterDefinition& parameter : operation.definition()->parameters) {
    const Literal* literal = operation.attribute(parameter.name);
    if (const Operand* operand = operation.find_operand(parameter.name)) {
      for (const Argument& argument : operand->arguments) {
        literal = std::get_if<Literal>(&argument);
        if (literal != nullptr && literal->is_blob()) break;
      }
    }
    if (literal == nullptr || !literal->is_blob()) continue;
    return fail("{}: {} is in {}; load the weights before interpreting", describe(operation), parameter.name,
                literal->blob_reference().path);
  }
  return {};
}

class Interpreter {
 public:
  Interpreter(const Function& function, Precision precision, const OperationOverrides& overrides)
      : function_(function), precision_(precision), overrides_(overrides) {}

  Status bind_inputs(std::span<const TensorValue> inputs) {
    const auto& declared = function_.inputs();
    if (inputs.size() != declared.size()) {
      return fail("function {} takes {} inputs, {} were given", function_.name(), declared.size(), inputs.size());
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      const TensorValue& input = inputs[i];
      if (!fits(stored_type(declared[i]->type()), input.type) ||
          static_cast<int64_t>(input.numbers.size()) != input.type.count()) {
        return fail("input {} of function {} is {}; a {} with {} numbers was given", declared[i]->name(),
                    function_.name(), type_text(declared[i]->type()), type_text(input.type), input.numbers.size());
      }
      environment_[declared[i].get()] = input;
      round_to_type(environment_[declared[i].get()], precision_);
    }
    return {};
  }

  Status run() {
    for (const auto& operation : function_.block().operations()) MW_TRY(run(*operation));
    return {};
  }

  const TensorValue& input(size_t index) const { return environment_.at(function_.inputs()[index].get()); }

  std::vector<TensorValue> results() const {
    std::vector<TensorValue> results;
    for (const Value* result : function_.results()) results.push_back(environment_.at(result));
    return results;
  }

 private:
  Status run(const Operation& operation) {
    if (operation.is_const()) return run_const(operation);
    if (operation.kind() == "read_state") return run_read_state(operation);
    if (operation.kind() == "write_state") return store(operation, "input", "data");
    if (operation.kind() == "coreml_update_state") {
      MW_TRY(store(operation, "state", "value"));
      environment_[operation.result()] = environment_.at(operation.operand("state"));
      return {};
    }
    const Evaluator* evaluator = find_evaluator(operation.kind());
    if (evaluator == nullptr && operation.definition() != nullptr) {
      return fail("{}: the reference interpreter does not run operations of the category {}", describe(operation),
                  operation.definition()->category);
    }
    if (evaluator == nullptr) return fail("{}: the reference interpreter does not know it", describe(operation));
    MW_TRY(check_loaded(operation));
    MW_ASSIGN(std::vector<TensorValue> values, evaluate(*evaluator, Evaluation(operation, environment_)));
    MW_CHECK(values.size() == operation.results().size(), "{} gave {} values", describe(operation), values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const Value* result = operation.result(i);
      MW_CHECK(fits(result->type(), values[i].type), "{} declares {}, computed {}", describe(operation),
               type_text(result->type()), type_text(values[i].type));
      round_to_type(values[i], precision_);
      environment_[result] = std::move(values[i]);
    }
    return {};
  }

  interpreter::Values evaluate(const Evaluator& evaluator, const Evaluation& evaluation) const {
    const auto replaced = overrides_.find(evaluator.kind);
    return replaced == overrides_.end() ? evaluator.evaluate(evaluation) : replaced->second(evaluation);
  }

  // Constants that are no numbers (strings, lists, dictionaries) are read by name where they are used.
  Status run_const(const Operation& operation) {
    const Literal* value = operation.attribute("val");
    if (value->is_blob()) {
      return fail("{}: its value is in {}; load the weights before interpreting", describe(operation),
                  value->blob_reference().path);
    }
    if (value->has_elements()) environment_[operation.result()] = to_value(*value);
    return {};
  }

  Status run_read_state(const Operation& operation) {
    environment_[operation.result()] = environment_.at(operation.operand("input"));
    return {};
  }

  Status store(const Operation& operation, std::string_view state, std::string_view stored) {
    TensorValue data = Evaluation(operation, environment_).operand(stored);
    const Type& declared = stored_type(operation.operand(state)->type());
    MW_CHECK(fits(declared, data.type), "{} stores a {} in a state of {}", describe(operation), type_text(data.type),
             type_text(declared));
    environment_[operation.operand(state)] = std::move(data);
    return {};
  }

  const Function& function_;
  Precision precision_;
  const OperationOverrides& overrides_;
  Environment environment_;
};

}  // namespace

interpreter::Values interpreter::evaluate(const Evaluation& evaluation) {
  const Evaluator* evaluator = find_evaluator(evaluation.operation().kind());
  MW_CHECK(evaluator != nullptr, "{} has no evaluator", evaluation.where());
  return evaluator->evaluate(evaluation);
}

TensorValue to_value(const Literal& literal) {
  if (literal.type().element() == ElementType::string) return {literal.type(), {}};
  return {literal.type(), literal.as_numbers()};
}

Literal to_literal(const TensorValue& value) { return Literal::numbers(value.type, value.numbers); }

bool is_interpreted(std::string_view kind) {
  return kind == "const" || kind == "read_state" || kind == "write_state" || kind == "coreml_update_state" ||
         find_evaluator(kind) != nullptr;
}

Result<std::vector<TensorValue>> interpret(const Function& function, std::span<const TensorValue> inputs,
                                           Precision precision) {
  return interpret(function, inputs, precision, {});
}

Result<std::vector<TensorValue>> interpret(const Function& function, std::span<const TensorValue> inputs,
                                           Precision precision, const OperationOverrides& overrides) {
  std::vector<TensorValue> copies(inputs.begin(), inputs.end());
  return interpret_with_states(function, copies, precision, overrides);
}

Result<std::vector<TensorValue>> interpret_with_states(const Function& function, std::span<TensorValue> inputs,
                                                       Precision precision, const OperationOverrides& overrides) {
  if (std::ranges::any_of(function.block().operations(), is_internal)) {
    const std::unique_ptr<Function> decomposed = clone(function);
    decompose_internal_operations(*decomposed);
    return interpret_with_states(*decomposed, inputs, precision, overrides);
  }
  Interpreter run(function, precision, overrides);
  MW_TRY(run.bind_inputs(inputs));
  MW_TRY(run.run());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (function.inputs()[i]->type().kind() == Type::Kind::state) inputs[i] = run.input(i);
  }
  return run.results();
}

}  // namespace millwright::mil
