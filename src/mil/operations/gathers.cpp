// Gather and scatter: by slices along one axis, along an axis element by element, and by rows of coordinates.
#include <algorithm>

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
  for (size_t batch = 0; batch < static_cast<size_t>(batch_dims); ++batch) {
    if (!may_differ(types[0].shape()[batch], indices.shape()[batch])) continue;
    return fail("x {} and indices {} differ on the batch axis {}", shape_text(types[0].shape()),
                shape_text(indices.shape()), batch);
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
  if (!std::ranges::equal(updates, indices.shape(), [](int64_t a, int64_t b) { return !may_differ(a, b); })) {
    return fail("updates is {}, expected the shape {} of indices", shape_text(updates), shape_text(indices.shape()));
  }
  return std::vector<Type>{Type::tensor(element, shape)};
}

// The length of a row of coordinates, the last axis of indices.
Result<size_t> coordinate_count(const Type& indices, size_t available) {
  if (indices.rank() < 1 || indices.shape().back() == kUnknownDimension) {
    return fail("indices is {}, expected a known last axis", type_text(indices));
  }
  const int64_t count = indices.shape().back();
  if (count > static_cast<int64_t>(available)) {
    return fail("indices is {}: {} coordinates for {} axes", type_text(indices), count, available);
  }
  return static_cast<size_t>(count);
}

// indices.shape[:-1] + shape[skipped:]
Shape gathered_rows(const Shape& shape, const Shape& indices, size_t skipped) {
  Shape result(indices.begin(), indices.end() - 1);
  result.insert(result.end(), shape.begin() + static_cast<int64_t>(skipped), shape.end());
  return result;
}

Types infer_gather_nd(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const Type indices, index_type(operation));
  const Shape& shape = types[0].shape();
  const int64_t batch_dims = integer(operation, "batch_dims");
  if (batch_dims < 0 || batch_dims > types[0].rank() || batch_dims >= std::max<int64_t>(indices.rank(), 1)) {
    return fail("batch_dims is {}, x has rank {}, indices has rank {}", batch_dims, types[0].rank(), indices.rank());
  }
  const size_t batch = static_cast<size_t>(batch_dims);
  for (size_t axis = 0; axis < batch; ++axis) {
    if (may_differ(shape[axis], indices.shape()[axis])) {
      return fail("x {} and indices {} differ on the batch axis {}", shape_text(shape), shape_text(indices.shape()),
                  axis);
    }
  }
  MW_ASSIGN(const size_t count, coordinate_count(indices, shape.size() - batch));
  return std::vector<Type>{types[0].with_shape(gathered_rows(shape, indices.shape(), batch + count))};
}

Types infer_scatter_nd(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "data", "updates"));
  MW_ASSIGN(const Type indices, index_type(operation));
  MW_TRY(check_mode(operation));
  const Shape& shape = operand_type(operation, "data").shape();
  MW_ASSIGN(const size_t count, coordinate_count(indices, shape.size()));
  MW_TRY(check_shape(operation, "updates", gathered_rows(shape, indices.shape(), count)));
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
      {"gather_nd",
       "ios15",
       kCategory,
       {value("x"), value("indices"), defaulted("batch_dims", Literal::int32(0)), validate()},
       infer_gather_nd},
      {"scatter_nd",
       "ios15",
       kCategory,
       {value("data"), value("indices"), value("updates"), mode(), validate()},
       infer_scatter_nd},
  };
}

}  // namespace millwright::mil::operations
