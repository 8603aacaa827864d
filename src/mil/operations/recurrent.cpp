// Recurrent layers over a sequence: rnn, gru and lstm. x is [T, N, I], states are [N, H], or [N, 2H] in both
// directions.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

int64_t gate_count(const Operation& operation) {
  return operation.kind() == "lstm" ? 4 : operation.kind() == "gru" ? 3 : 1;
}

Status check_direction(const Operation& operation) {
  constexpr std::string_view kAll[] = {"forward", "reverse", "bidirectional"};
  return check_choice(operation, "direction",
                      operation.kind() == "lstm" ? std::span(kAll) : std::span(kAll).subspan(0, 2));
}

Types infer_recurrent(const Operation& operation) {
  MW_TRY(check_direction(operation));
  MW_ASSIGN(const Type x, ranked(operation, "x", 3, 3));
  MW_ASSIGN(const Type recurrent, ranked(operation, "weight_hh", 2, 2));
  const bool both = text(operation, "direction") == "bidirectional";
  const int64_t hidden = recurrent.shape()[1];
  const int64_t gates = size_product(gate_count(operation), hidden);
  for (const std::string_view name : {"weight_hh", "weight_hh_back"}) {
    MW_TRY(check_shape(operation, name, {gates, hidden}));
  }
  for (const std::string_view name : {"weight_ih", "weight_ih_back"}) {
    MW_TRY(check_shape(operation, name, {gates, x.shape()[2]}));
  }
  for (const std::string_view name : {"bias", "bias_back", "input_bias"}) {
    MW_TRY(check_shape(operation, name, {gates}));
  }
  for (const std::string_view name : {"peephole", "peephole_back"}) {
    MW_TRY(check_shape(operation, name, {size_product(3, hidden)}));
  }
  if (both && (!has_operand(operation, "weight_ih_back") || !has_operand(operation, "weight_hh_back"))) {
    return fail("direction bidirectional needs weight_ih_back and weight_hh_back");
  }
  const Shape state = {x.shape()[1], size_product(both ? 2 : 1, hidden)};
  for (const std::string_view name : {"initial_h", "initial_c"}) MW_TRY(check_shape(operation, name, state));
  const int64_t steps = flag(operation, "output_sequence") ? x.shape()[0] : 1;
  std::vector<Type> results = {x.with_shape({steps, state[0], state[1]}), x.with_shape(state)};
  if (operation.kind() == "lstm") results.push_back(x.with_shape(state));
  return results;
}

ParameterDefinition activation(std::string_view name, const char* function) {
  return defaulted(name, Literal::string(function));
}

}  // namespace

std::vector<OperationDefinition> recurrent() {
  constexpr std::string_view kCategory = "recurrent";
  return {
      {"rnn",
       "ios15",
       kCategory,
       {value("x"), value("initial_h"), value("weight_ih"), value("weight_hh"), optional_value("bias"),
        activation("direction", "forward"), defaulted_flag("output_sequence", false), activation("activation", "tanh")},
       infer_recurrent},
      {"gru",
       "ios15",
       kCategory,
       {value("x"), value("initial_h"), value("weight_ih"), value("weight_hh"), optional_value("bias"),
        activation("direction", "forward"), defaulted_flag("output_sequence", false),
        activation("recurrent_activation", "sigmoid"), activation("activation", "tanh"),
        defaulted_flag("reset_after", false), optional_value("input_bias")},
       infer_recurrent},
      {"lstm",
       "ios15",
       kCategory,
       {value("x"), value("initial_h"), value("initial_c"), value("weight_ih"), value("weight_hh"),
        optional_value("bias"), optional_value("peephole"), optional_value("weight_ih_back"),
        optional_value("weight_hh_back"), optional_value("bias_back"), optional_value("peephole_back"),
        activation("direction", "forward"), defaulted_flag("output_sequence", false),
        activation("recurrent_activation", "sigmoid"), activation("cell_activation", "tanh"),
        activation("activation", "tanh"), optional_constant("clip", Expect::number)},
       infer_recurrent},
  };
}

}  // namespace millwright::mil::operations
