// Activation functions, softmax and normalisations: the type of x, and parameters that are constants.
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

Types infer_layer_norm(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Shape& shape = types[0].shape();
  Shape normalised;
  for (const int64_t axis : integers(operation, "axes")) {
    MW_ASSIGN(const int64_t counted, checked_axis(axis, types[0].rank(), "axes"));
    normalised.push_back(shape[static_cast<size_t>(counted)]);
  }
  if (normalised.empty()) normalised = shape;
  for (const std::string_view name : {"gamma", "beta"}) {
    if (!has_operand(operation, name)) continue;
    const Type& type = operand_type(operation, name);
    if (type.shape() != normalised) {
      return fail("{} is {}, expected the shape {} of x over axes", name, type_text(type), shape_text(normalised));
    }
  }
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
  table.push_back({"layer_norm",
                   "ios15",
                   "normalization",
                   {value("x"), optional_constant("axes", Expect::integers), optional_value("gamma"),
                    optional_value("beta"), defaulted("epsilon", Literal::number(ElementType::fp32, 1e-5))},
                   infer_layer_norm});
  return table;
}

}  // namespace millwright::mil::operations
