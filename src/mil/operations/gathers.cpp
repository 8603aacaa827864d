// Gather and scatter: by slices along one axis, and along an axis element by element.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Result<Type> index_type(const Operation& operation) {
  const Type& indices = operand_type(operation, "indices");
  if (!indices.is_tensor() || !is_integer(indices.element())) {
    return fail("indices is {}, expected a tensor of integers", type_text(indices));
  }
  return indices;
}

// shape[:axis] + indices[batch_dims:] + shape[axis+1:]
Shape gathered(const Shape& shape, size_t axis, const Shape& indices, size_t batch_dims) {
  Shape result(shape.begin(), shape.begin() + static_cast<int64_t>(axis));
  result.insert(result.end(), indices.begin() + static_cast<int64_t>(batch_dims), indices.end());
  result.insert(result.end(), shape.begin() + static_cast<int64_t>(axis) + 1, shape.end());
  return result;
}

Types infer_gather(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const Type indices, index_type(operation));
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  const int64_t batch_dims = integer(operation, "batch_dims");
  if (batch_dims < 0 || batch_dims > axis || batch_dims > indices.rank()) {
    return fail("batch_dims is {}, expected 0 to the axis {} and the rank {} of indices", batch_dims, axis,
                indices.rank());
  }
  return std::vector<Type>{types[0].with_shape(
      gathered(types[0].shape(), static_cast<size_t>(axis), indices.shape(), static_cast<size_t>(batch_dims)))};
}

Status check_along_axis(const Shape& shape, const Shape& indices, size_t axis, std::string_view name) {
  bool fits = shape.size() == indices.size();
  for (size_t other = 0; fits && other < shape.size(); ++other) {
    fits = other == axis || shape[other] == indices[other] || shape[other] < 0 || indices[other] < 0;
  }
  if (!fits) {
    return fail("indices {} does not fit {} {} off axis {}", shape_text(indices), name, shape_text(shape), axis);
  }
  return {};
}

Types infer_gather_along_axis(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const Type indices, index_type(operation));
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  MW_TRY(check_along_axis(types[0].shape(), indices.shape(), static_cast<size_t>(axis), "x"));
  return std::vector<Type>{types[0].with_shape(indices.shape())};
}

Status check_mode(const Operation& operation) {
  const std::string mode = text(operation, "mode");
  for (const std::string_view known : {"update", "add", "sub", "mul", "div", "max", "min"}) {
    if (mode == known) return {};
  }
  return fail("mode is \"{}\", expected update, add, sub, mul, div, max or min", mode);
}

Types infer_scatter(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "data", "updates"));
  MW_ASSIGN(const Type indices, index_type(operation));
  MW_TRY(check_mode(operation));
  const Shape& shape = operand_type(operation, "data").shape();
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), static_cast<int64_t>(shape.size()), "axis"));
  const Shape expected = gathered(shape, static_cast<size_t>(axis), indices.shape(), 0);
  const Shape& updates = operand_type(operation, "updates").shape();
  if (updates != expected && is_static(updates) && is_static(expected)) {
    return fail("updates is {}, expected {}", shape_text(updates), shape_text(expected));
  }
  return std::vector<Type>{Type::tensor(element, shape)};
}

Types infer_scatter_along_axis(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "data", "updates"));
  MW_ASSIGN(const Type indices, index_type(operation));
  MW_TRY(check_mode(operation));
  const Shape& shape = operand_type(operation, "data").shape();
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), static_cast<int64_t>(shape.size()), "axis"));
  MW_TRY(check_along_axis(shape, indices.shape(), static_cast<size_t>(axis), "data"));
  const Shape& updates = operand_type(operation, "updates").shape();
  if (updates != indices.shape()) {
    return fail("updates is {}, expected the shape {} of indices", shape_text(updates), shape_text(indices.shape()));
  }
  return std::vector<Type>{Type::tensor(element, shape)};
}

ParameterDefinition validate() { return defaulted("validate_indices", Literal::boolean(false)); }
ParameterDefinition axis() { return defaulted("axis", Literal::int32(0)); }
ParameterDefinition mode() { return defaulted("mode", Literal::string("add")); }

}  // namespace

std::vector<OperationDefinition> gathers() {
  constexpr std::string_view kCategory = "scatter gather";
  return {
      {"gather",
       "ios15",
       kCategory,
       {value("x"), value("indices"), axis(), defaulted("batch_dims", Literal::int32(0)), validate()},
       infer_gather},
      {"gather_along_axis",
       "ios15",
       kCategory,
       {value("x"), value("indices"), axis(), validate()},
       infer_gather_along_axis},
      {"scatter",
       "ios15",
       kCategory,
       {value("data"), value("indices"), value("updates"), axis(), mode(), validate()},
       infer_scatter},
      {"scatter_along_axis",
       "ios15",
       kCategory,
       {value("data"), value("indices"), value("updates"), axis(), mode(), validate()},
       infer_scatter_along_axis},
  };
}

}  // namespace millwright::mil::operations
