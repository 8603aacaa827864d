// Reductions over axes, arg-reductions and running sums.
#include <algorithm>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Shape reduced(const Shape& shape, const std::vector<int64_t>& axes, bool keep_dims) {
  Shape result;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (!std::ranges::binary_search(axes, static_cast<int64_t>(axis))) {
      result.push_back(shape[axis]);
    } else if (keep_dims) {
      result.push_back(1);
    }
  }
  return result;
}

Types infer_reduction(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Type& x = types[0];
  for (const int64_t axis : integers(operation, "axes")) MW_TRY(checked_axis(axis, x.rank(), "axes"));
  return std::vector<Type>{
      x.with_shape(reduced(x.shape(), reduction_axes(operation, x.rank()), flag(operation, "keep_dims")))};
}

Types infer_arg_reduction(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Type& x = types[0];
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), x.rank(), "axis"));
  const auto element = element_from_name(text(operation, "output_dtype"));
  if (!element || !is_integer(*element)) {
    return fail("output_dtype is \"{}\", expected int32 or uint16", text(operation, "output_dtype"));
  }
  return std::vector<Type>{Type::tensor(*element, reduced(x.shape(), {axis}, flag(operation, "keep_dims")))};
}

Types infer_cumsum(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_TRY(checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  return types;
}

}  // namespace

std::vector<OperationDefinition> reductions() {
  std::vector<OperationDefinition> table;
  for (const std::string_view name :
       {"reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_max", "reduce_mean",
        "reduce_min", "reduce_prod", "reduce_sum", "reduce_sum_square"}) {
    table.push_back(
        {name,
         "ios15",
         "reduction",
         {value("x"), optional_constant("axes", Expect::integers), defaulted("keep_dims", Literal::boolean(false))},
         infer_reduction});
  }
  for (const std::string_view name : {"reduce_argmax", "reduce_argmin"}) {
    table.push_back(
        {name,
         "ios15",
         "reduction",
         {value("x"), defaulted("axis", Literal::int32(-1)), defaulted("keep_dims", Literal::boolean(false)),
          defaulted("output_dtype", Literal::string("int32"))},
         infer_arg_reduction});
  }
  table.push_back({"cumsum",
                   "ios15",
                   "tensor operation",
                   {value("x"), defaulted("axis", Literal::int32(0)), defaulted("exclusive", Literal::boolean(false)),
                    defaulted("reverse", Literal::boolean(false))},
                   infer_cumsum});
  return table;
}

}  // namespace millwright::mil::operations
