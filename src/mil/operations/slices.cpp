// Slices by index and by size, and slice_update.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Status check_bounds(const Operation& operation, const Shape& shape) {
  for (const std::string_view name : {"begin", "end"}) {
    const Type& type = operand_type(operation, name);
    if (!is_integer(type.element()) || type.rank() != 1 ||
        may_differ(type.shape()[0], static_cast<int64_t>(shape.size()))) {
      return fail("{} is {}, expected {} integers", name, type_text(type), shape.size());
    }
  }
  for (const int64_t stride : integers(operation, "stride")) {
    if (stride == 0) return fail("stride has a 0");
  }
  for (const std::string_view name : {"stride", "begin_mask", "end_mask", "squeeze_mask"}) {
    const Literal* literal = operation.constant(name);
    if (literal != nullptr && literal->type().count() != static_cast<int64_t>(shape.size())) {
      return fail("{} has {} entries, expected {}", name, literal->type().count(), shape.size());
    }
  }
  return {};
}

// The shape of x[begin:end:stride]; unknown sizes where the bounds are known only at run time.
Result<Shape> sliced(const Operation& operation, const Shape& shape) {
  MW_TRY(check_bounds(operation, shape));
  const std::vector<bool> squeeze = flags(operation, "squeeze_mask");
  const auto axes = slice_axes(operation, shape);
  Shape result;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const bool squeezed = axis < squeeze.size() && squeeze[axis];
    if (axes && squeezed && ((*axes)[axis].begin < 0 || (*axes)[axis].begin >= shape[axis])) {
      return fail("index {} is outside axis {} of size {}", (*axes)[axis].begin, axis, shape[axis]);
    }
    if (!squeezed) result.push_back(axes ? (*axes)[axis].size : kUnknownDimension);
  }
  return result;
}

Types infer_slice_by_index(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(Shape shape, sliced(operation, types[0].shape()));
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

Types infer_slice_by_size(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Shape& from = types[0].shape();
  Shape size = integers(operation, "size");
  if (size.size() != from.size()) return fail("size has {} entries, x has rank {}", size.size(), from.size());
  const Type& begin_type = operand_type(operation, "begin");
  if (!is_integer(begin_type.element()) || begin_type.rank() != 1 ||
      may_differ(begin_type.shape()[0], static_cast<int64_t>(from.size()))) {
    return fail("begin is {}, expected {} integers", type_text(begin_type), from.size());
  }
  const Literal* begin = operation.constant("begin");
  for (size_t axis = 0; axis < from.size(); ++axis) {
    int64_t first = begin == nullptr ? 0 : begin->integer_at(static_cast<int64_t>(axis));
    if (from[axis] == kUnknownDimension) {
      if (size[axis] < 0) size[axis] = kUnknownDimension;
      continue;
    }
    if (first < 0) first += from[axis];
    if (size[axis] == -1) {
      size[axis] = begin == nullptr ? kUnknownDimension : from[axis] - first;
      if (begin == nullptr) continue;
    }
    if (first < 0 || size[axis] < 0 || size[axis] > from[axis] - first) {
      return fail("begin {} and size {} leave axis {} of size {}", first, size[axis], axis, from[axis]);
    }
  }
  return std::vector<Type>{types[0].with_shape(std::move(size))};
}

Types infer_slice_update(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_TRY(common_element(operation, "x", "update"));
  MW_ASSIGN(const Shape region, sliced(operation, types[0].shape()));
  const Shape& update = operand_type(operation, "update").shape();
  bool fits = region.size() == update.size();
  for (size_t axis = 0; fits && axis < region.size(); ++axis) {
    fits = region[axis] == update[axis] || region[axis] < 0 || update[axis] < 0;
  }
  if (!fits) return fail("update {} does not fit the region {}", shape_text(update), shape_text(region));
  return types;
}

}  // namespace

std::vector<OperationDefinition> slices() {
  constexpr std::string_view kTransformation = "tensor transformation";
  return {
      {"slice_by_index",
       "ios15",
       kTransformation,
       {value("x"), value("begin", Expect::integers), value("end", Expect::integers),
        optional_constant("stride", Expect::integers), optional_constant("begin_mask", Expect::booleans),
        optional_constant("end_mask", Expect::booleans), optional_constant("squeeze_mask", Expect::booleans)},
       infer_slice_by_index},
      {"slice_by_size",
       "ios15",
       kTransformation,
       {value("x"), value("begin", Expect::integers), constant("size", Expect::integers)},
       infer_slice_by_size},
      {"slice_update",
       "ios18",
       kTransformation,
       {value("x"), value("update"), value("begin", Expect::integers), value("end", Expect::integers),
        optional_constant("stride", Expect::integers), optional_constant("begin_mask", Expect::booleans),
        optional_constant("end_mask", Expect::booleans), optional_constant("squeeze_mask", Expect::booleans)},
       infer_slice_update},
  };
}

}  // namespace millwright::mil::operations
