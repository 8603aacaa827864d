// Internal operations (`mw.…`): created by the CPU executor's passes, never part of an engine program.
#include <algorithm>
#include <limits>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

constexpr std::string_view kCategory = "internal";

Types infer_matmul(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> product, find_definition("matmul")->infer(operation));
  const Shape& x = operand_type(operation, "x").shape();
  const Shape& y = operand_type(operation, "y").shape();
  const Shape& shape = product[0].shape();
  const int64_t batch_rank = x.size() < 2 || y.size() < 2 ? 0 : static_cast<int64_t>(shape.size()) - 2;
  const std::vector<int64_t> axes = integers(operation, "reduce_axes");
  for (const int64_t axis : axes) {
    if (axis < 0 || axis >= batch_rank) {
      return fail("reduce_axes has {}, expected batch axes of the product {}", axis, shape_text(shape));
    }
  }
  Shape result;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const bool is_reduced = std::ranges::find(axes, static_cast<int64_t>(axis)) != axes.end();
    if (!is_reduced) result.push_back(shape[axis]);
    if (is_reduced && flag(operation, "keep_dims")) result.push_back(1);
  }
  const Type type = product[0].with_shape(std::move(result));
  if (has_operand(operation, "addend") && operand_type(operation, "addend") != type) {
    return fail("addend is {}, expected the type of the result {}", type_text(operand_type(operation, "addend")),
                type_text(type));
  }
  return std::vector<Type>{type};
}

Types infer_softmax(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Shape& shape = types[0].shape();
  if (shape.size() < 2) return fail("x is {}, expected rank 2 or more", type_text(types[0]));
  if (has_operand(operation, "mask")) {
    const Type expected = types[0].with_shape(Shape(shape.end() - 2, shape.end()));
    const Type& mask = operand_type(operation, "mask");
    if (mask != expected) return fail("mask is {}, expected {}", type_text(mask), type_text(expected));
  }
  return types;
}

Types infer_softmax_backward(const Operation& operation) {
  const Type& p = operand_type(operation, "p");
  const Type& dp = operand_type(operation, "dp");
  if (!p.is_tensor() || p != dp)
    return fail("p is {}, dp is {}; expected one tensor type", type_text(p), type_text(dp));
  MW_TRY(checked_axis(integer(operation, "axis"), p.rank(), "axis"));
  return std::vector<Type>{p};
}

OperationDefinition internal_operation(std::string_view name, std::vector<ParameterDefinition> parameters,
                                       InferFunction infer) {
  OperationDefinition definition{name, "ios15", kCategory, std::move(parameters), infer};
  definition.internal = true;
  return definition;
}

ParameterDefinition factor(std::string_view name) { return defaulted(name, Literal::number(ElementType::fp32, 1.0)); }

}  // namespace

std::vector<OperationDefinition> internal() {
  return {
      internal_operation("mw.matmul",
                         {value("x"), value("y"), defaulted("transpose_x", Literal::boolean(false)),
                          defaulted("transpose_y", Literal::boolean(false)),
                          optional_constant("reduce_axes", ParameterDefinition::Expect::integers),
                          defaulted("keep_dims", Literal::boolean(false)), factor("alpha"), optional_value("addend")},
                         infer_matmul),
      internal_operation("mw.softmax", {value("x"), factor("scale"), optional_value("mask")}, infer_softmax),
      internal_operation("mw.softmax_backward",
                         {value("p"), value("dp"), defaulted("axis", Literal::int32(-1)), factor("scale")},
                         infer_softmax_backward),
      internal_operation(
          "mw.engine_range",
          {value("x"), defaulted("limit", Literal::number(ElementType::fp32, std::numeric_limits<float>::infinity())),
           defaulted("nan", Literal::number(ElementType::fp32, 0.0))},
          same_as_x),
  };
}

}  // namespace millwright::mil::operations
