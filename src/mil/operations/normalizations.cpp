// Normalisations: the type of x, with per-channel or per-axis scales and shifts.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

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
    if (!types_agree(type, type.with_shape(normalised))) {
      return fail("{} is {}, expected the shape {} of x over axes", name, type_text(type), shape_text(normalised));
    }
  }
  return types;
}

// Operands with one number per channel, the channels on axis 1.
Types infer_channel_norm(const Operation& operation) {
  const bool is_batch = operation.kind() == "batch_norm";
  MW_ASSIGN(const Type x, ranked(operation, "x", is_batch ? 2 : 3, 5));
  for (const std::string_view name : {"mean", "variance", "gamma", "beta"}) {
    MW_TRY(check_shape(operation, name, {x.shape()[1]}));
  }
  return std::vector<Type>{x};
}

Types infer_l2_norm(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  if (types[0].rank() < 3) return fail("x is {}, expected rank 3 or more", type_text(types[0]));
  return types;
}

Types infer_local_response_norm(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, infer_l2_norm(operation));
  const int64_t size = integer(operation, "size");
  if (size < 1) return fail("size is {}, expected 1 or more", size);
  return types;
}

}  // namespace

std::vector<OperationDefinition> normalizations() {
  constexpr std::string_view kCategory = "normalization";
  return {
      {"layer_norm",
       "ios15",
       kCategory,
       {value("x"), optional_constant("axes", Expect::integers), optional_value("gamma"), optional_value("beta"),
        defaulted_number("epsilon", 1e-5)},
       infer_layer_norm},
      {"batch_norm",
       "ios15",
       kCategory,
       {value("x"), value("mean"), value("variance"), optional_value("gamma"), optional_value("beta"),
        defaulted_number("epsilon", 1e-5)},
       infer_channel_norm},
      {"instance_norm",
       "ios15",
       kCategory,
       {value("x"), optional_value("gamma"), optional_value("beta"), defaulted_number("epsilon", 1e-5)},
       infer_channel_norm},
      {"l2_norm", "ios15", kCategory, {value("x"), defaulted_number("epsilon", 1e-6)}, infer_l2_norm},
      {"local_response_norm",
       "ios15",
       kCategory,
       {value("x"), constant("size", Expect::integer), defaulted_number("alpha", 1e-4), defaulted_number("beta", 0.75),
        defaulted_number("k", 1.0)},
       infer_local_response_norm},
  };
}

}  // namespace millwright::mil::operations
