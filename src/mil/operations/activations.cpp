// Activation functions and softmax: the type of x, and parameters that are constants.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Types infer_softmax(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_TRY(checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  return types;
}

Types infer_gelu(const Operation& operation) {
  const std::string mode = text(operation, "mode");
  if (mode != "EXACT" && mode != "TANH_APPROXIMATION" && mode != "SIGMOID_APPROXIMATION") {
    return fail("mode is \"{}\", expected EXACT, TANH_APPROXIMATION or SIGMOID_APPROXIMATION", mode);
  }
  return same_as_x(operation);
}

// One slope per channel, the channels on axis 1.
Types infer_per_channel(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  if (types[0].rank() < 2) return fail("x is {}, expected rank 2 or more", type_text(types[0]));
  for (const std::string_view name : {"alpha", "beta"}) MW_TRY(check_shape(operation, name, {types[0].shape()[1]}));
  return types;
}

OperationDefinition plain(std::string_view name) { return {name, "ios15", "activation", {value("x")}, same_as_x}; }

}  // namespace

std::vector<OperationDefinition> activations() {
  std::vector<OperationDefinition> table;
  for (const std::string_view name : {"relu", "relu6", "sigmoid", "silu", "softplus", "softsign"}) {
    table.push_back(plain(name));
  }
  for (const std::string_view name : {"elu", "leaky_relu", "thresholded_relu"}) {
    table.push_back({name, "ios15", "activation", {value("x"), constant("alpha", Expect::number)}, same_as_x});
  }
  table.push_back(
      {"gelu", "ios15", "activation", {value("x"), defaulted("mode", Literal::string("EXACT"))}, infer_gelu});
  table.push_back(
      {"softmax", "ios15", "activation", {value("x"), defaulted("axis", Literal::int32(-1))}, infer_softmax});
  for (const std::string_view name : {"clamped_relu", "linear_activation", "scaled_tanh", "sigmoid_hard"}) {
    table.push_back({name,
                     "ios15",
                     "activation",
                     {value("x"), constant("alpha", Expect::number), constant("beta", Expect::number)},
                     same_as_x});
  }
  table.push_back({"prelu", "ios15", "activation", {value("x"), value("alpha")}, infer_per_channel});
  table.push_back(
      {"softplus_parametric", "ios15", "activation", {value("x"), value("alpha"), value("beta")}, infer_per_channel});
  return table;
}

}  // namespace millwright::mil::operations
