// Operations that rearrange elements: reshape, transpose, squeeze, concat, split, stack, pad, tile, reverse, band_part.
#include <algorithm>

#include "mil/operations/tables.h"
#include "mil/opset.h"

namespace millwright::mil::operations {
namespace {

// From ios17 on a 0 copies the axis counted from the right; before, ranks had to be equal.
bool copies_from_the_right(const Operation& operation) {
  constexpr int kSince = 17;
  return opset_age(operation.block()->function()->opset()).value_or(kSince) >= kSince;
}

// reshape's target with 0 (copy the axis) and −1 (inferred) resolved.
Result<Shape> reshaped(const Shape& from, Shape to, bool from_the_right) {
  int64_t known = 1;
  size_t inferred = to.size();
  for (size_t axis = 0; axis < to.size(); ++axis) {
    if (to[axis] == 0) {
      if (from.size() != to.size() && !from_the_right)
        return fail("shape has a 0 at axis {} but ranks {} and {}", axis, from.size(), to.size());
      const bool exists = axis + from.size() >= to.size();
      to[axis] = exists ? from[axis + from.size() - to.size()] : 1;
      if (to[axis] == kUnknownDimension) continue;
    } else if (to[axis] == -1) {
      if (inferred != to.size()) return fail("shape has more than one -1");
      inferred = axis;
      continue;
    }
    if (to[axis] < 0) return fail("shape {} has a negative size", shape_text(to));
    if (to[axis] > 0 && known > INT64_MAX / to[axis]) return fail("shape {} is too large", shape_text(to));
    known *= to[axis];
  }
  if (!is_static(from)) {
    if (inferred < to.size()) to[inferred] = kUnknownDimension;
    return to;
  }
  const int64_t count = element_count(from);
  if (inferred < to.size()) {
    if (known == 0 || count % known != 0) return fail("{} elements do not fill shape {}", count, shape_text(to));
    to[inferred] = count / known;
  } else if (known != count) {
    return fail("x {} has {} elements, shape {} has {}", shape_text(from), count, shape_text(to), known);
  }
  return to;
}

Types infer_reshape(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Literal* shape = operation.constant("shape");
  if (shape == nullptr) {
    MW_ASSIGN(Shape unknown, shape_at_run_time(operation, "shape"));
    return std::vector<Type>{types[0].with_shape(std::move(unknown))};
  }
  MW_ASSIGN(Shape to, reshaped(types[0].shape(), shape->as_integers(), copies_from_the_right(operation)));
  return std::vector<Type>{types[0].with_shape(std::move(to))};
}

Types infer_transpose(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  std::vector<int64_t> permutation = integers(operation, "perm");
  const Shape& from = types[0].shape();
  if (permutation.size() != from.size())
    return fail("perm has {} entries, x has rank {}", permutation.size(), from.size());
  Shape to(from.size());
  std::vector<bool> seen(from.size(), false);
  for (size_t axis = 0; axis < from.size(); ++axis) {
    MW_ASSIGN(const int64_t source, checked_axis(permutation[axis], types[0].rank(), "perm"));
    if (seen[static_cast<size_t>(source)]) return fail("perm names axis {} twice", source);
    seen[static_cast<size_t>(source)] = true;
    to[axis] = from[static_cast<size_t>(source)];
  }
  return std::vector<Type>{types[0].with_shape(std::move(to))};
}

Types infer_expand_dims(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const std::vector<int64_t> axes = integers(operation, "axes");
  const int64_t rank = types[0].rank() + static_cast<int64_t>(axes.size());
  std::vector<bool> added(static_cast<size_t>(rank), false);
  for (const int64_t axis : axes) {
    MW_ASSIGN(const int64_t counted, checked_axis(axis, rank, "axes"));
    if (added[static_cast<size_t>(counted)]) return fail("axes names axis {} twice", counted);
    added[static_cast<size_t>(counted)] = true;
  }
  Shape to;
  size_t next = 0;
  for (const bool is_new : added) to.push_back(is_new ? 1 : types[0].shape()[next++]);
  return std::vector<Type>{types[0].with_shape(std::move(to))};
}

Types infer_squeeze(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const Shape& from = types[0].shape();
  std::vector<bool> dropped(from.size(), false);
  const std::vector<int64_t> axes = integers(operation, "axes");
  if (axes.empty()) {
    for (size_t axis = 0; axis < from.size(); ++axis) dropped[axis] = from[axis] == 1;
  }
  for (const int64_t axis : axes) {
    MW_ASSIGN(const int64_t counted, checked_axis(axis, types[0].rank(), "axes"));
    const int64_t size = from[static_cast<size_t>(counted)];
    if (size != 1 && size != kUnknownDimension)
      return fail("axis {} of x {} has size {}, expected 1", counted, shape_text(from), size);
    dropped[static_cast<size_t>(counted)] = true;
  }
  Shape to;
  for (size_t axis = 0; axis < from.size(); ++axis) {
    if (!dropped[axis]) to.push_back(from[axis]);
  }
  return std::vector<Type>{types[0].with_shape(std::move(to))};
}

// The types of a list operand, checked to be tensors of one element type and rank.
Result<std::vector<Type>> list_types(const Operation& operation) {
  std::vector<Type> types;
  for (const Argument& argument : operation.find_operand("values")->arguments) {
    Value* const* value = std::get_if<Value*>(&argument);
    types.push_back(value != nullptr ? (*value)->type() : std::get<Literal>(argument).type());
    const Type& type = types.back();
    if (!type.is_tensor()) return fail("values[{}] is {}, expected a tensor", types.size() - 1, type_text(type));
    if (type.element() != types[0].element() || type.rank() != types[0].rank()) {
      return fail("values[0] is {}, values[{}] is {}; expected one element type and rank", type_text(types[0]),
                  types.size() - 1, type_text(type));
    }
  }
  return types;
}

Types infer_concat(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, list_types(operation));
  MW_ASSIGN(const int64_t counted, checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  const size_t axis = static_cast<size_t>(counted);
  Shape shape = types[0].shape();
  for (size_t i = 1; i < types.size(); ++i) {
    for (size_t other = 0; other < shape.size(); ++other) {
      const int64_t size = types[i].shape()[other];
      if (other == axis) {
        shape[axis] = shape[axis] < 0 || size < 0 ? kUnknownDimension : shape[axis] + size;
      } else if (shape[other] == kUnknownDimension) {
        shape[other] = size;
      } else if (size != kUnknownDimension && size != shape[other]) {
        return fail("values[0] {} and values[{}] {} differ on axis {}", shape_text(types[0].shape()), i,
                    shape_text(types[i].shape()), other);
      }
    }
    if (flag(operation, "interleave") && !types_agree(types[i], types[0])) {
      return fail("interleave needs equal shapes, found {} and {}", shape_text(types[0].shape()),
                  shape_text(types[i].shape()));
    }
  }
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

Types infer_stack(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, list_types(operation));
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), types[0].rank() + 1, "axis"));
  for (size_t i = 1; i < types.size(); ++i) {
    if (!types_agree(types[i], types[0])) {
      return fail("values[0] {} and values[{}] {} differ", shape_text(types[0].shape()), i,
                  shape_text(types[i].shape()));
    }
  }
  Shape shape = types[0].shape();
  for (const Type& type : types) {
    for (size_t i = 0; i < shape.size(); ++i) shape[i] = std::max(shape[i], type.shape()[i]);  // ? is the smallest
  }
  shape.insert(shape.begin() + axis, static_cast<int64_t>(types.size()));
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

Types infer_split(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const int64_t counted, checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  const size_t axis = static_cast<size_t>(counted);
  const int64_t size = types[0].shape()[axis];
  std::vector<int64_t> sizes = integers(operation, "split_sizes");
  if (sizes.empty()) {
    if (!has_operand(operation, "num_splits")) return fail("expected num_splits or split_sizes");
    const int64_t pieces = integer(operation, "num_splits");
    if (pieces < 1 || pieces > 65536 || (size != kUnknownDimension && size % pieces != 0)) {
      return fail("axis {} of size {} does not split into {} equal pieces", axis, size, pieces);
    }
    sizes.assign(static_cast<size_t>(pieces), size == kUnknownDimension ? size : size / pieces);
  } else {
    int64_t total = 0;
    for (const int64_t piece : sizes) {
      if (piece < 0) return fail("split_sizes has the negative size {}", piece);
      total += piece;
    }
    if (size != kUnknownDimension && total != size)
      return fail("split_sizes add up to {}, axis {} has {}", total, axis, size);
  }
  std::vector<Type> results;
  for (const int64_t piece : sizes) {
    Shape shape = types[0].shape();
    shape[axis] = piece;
    results.push_back(types[0].with_shape(std::move(shape)));
  }
  return results;
}

Types infer_pad(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const std::vector<int64_t> pad = integers(operation, "pad");
  Shape shape = types[0].shape();
  if (pad.size() % 2 != 0 || pad.size() / 2 > shape.size()) {
    return fail("pad has {} entries, expected before and after for at most {} axes", pad.size(), shape.size());
  }
  const std::string mode = text(operation, "mode");
  if (mode != "constant" && mode != "reflect" && mode != "replicate") {
    return fail("mode is \"{}\", expected constant, reflect or replicate", mode);
  }
  const size_t first = shape.size() - pad.size() / 2;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t& size = shape[first + i];
    if (pad[2 * i] < 0 || pad[2 * i + 1] < 0) return fail("pad has a negative entry for axis {}", first + i);
    if (mode == "reflect" && size >= 0 && (pad[2 * i] >= size || pad[2 * i + 1] >= size)) {
      return fail("reflect needs pads smaller than axis {} of size {}", first + i, size);
    }
    if (size != kUnknownDimension) size += pad[2 * i] + pad[2 * i + 1];
  }
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

Types infer_tile(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const std::vector<int64_t> repetitions = integers(operation, "reps");
  Shape shape = types[0].shape();
  if (repetitions.size() != shape.size())
    return fail("reps has {} entries, x has rank {}", repetitions.size(), shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (repetitions[axis] < 1) return fail("reps has {} at axis {}, expected 1 or more", repetitions[axis], axis);
    if (shape[axis] > 0 && repetitions[axis] > INT64_MAX / shape[axis])
      return fail("reps make axis {} too large", axis);
    if (shape[axis] != kUnknownDimension) shape[axis] *= repetitions[axis];
  }
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

Types infer_reverse(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  for (const int64_t axis : integers(operation, "axes")) MW_TRY(checked_axis(axis, types[0].rank(), "axes"));
  return types;
}

Types infer_band_part(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  if (types[0].rank() < 2) return fail("x is {}, expected rank 2 or more", type_text(types[0]));
  return types;
}

}  // namespace

std::vector<OperationDefinition> shapes() {
  constexpr std::string_view kTransformation = "tensor transformation";
  constexpr std::string_view kTensor = "tensor operation";
  return {
      {"reshape", "ios15", kTransformation, {value("x"), value("shape", Expect::integers)}, infer_reshape},
      {"transpose", "ios15", kTransformation, {value("x"), constant("perm", Expect::integers)}, infer_transpose},
      {"expand_dims", "ios15", kTransformation, {value("x"), constant("axes", Expect::integers)}, infer_expand_dims},
      {"squeeze", "ios15", kTransformation, {value("x"), optional_constant("axes", Expect::integers)}, infer_squeeze},
      {"concat",
       "ios15",
       kTensor,
       {list("values"), constant("axis", Expect::integer), defaulted("interleave", Literal::boolean(false))},
       infer_concat},
      {"stack", "ios15", kTensor, {list("values"), constant("axis", Expect::integer)}, infer_stack},
      {"split",
       "ios15",
       kTensor,
       {value("x"), constant("axis", Expect::integer), optional_constant("num_splits", Expect::integer),
        optional_constant("split_sizes", Expect::integers)},
       infer_split},
      {"pad",
       "ios15",
       kTensor,
       {value("x"), constant("pad", Expect::integers), defaulted("mode", Literal::string("constant")),
        defaulted("constant_val", Literal::number(ElementType::fp32, 0.0))},
       infer_pad},
      {"tile", "ios15", kTransformation, {value("x"), constant("reps", Expect::integers)}, infer_tile},
      {"reverse", "ios15", kTransformation, {value("x"), optional_constant("axes", Expect::integers)}, infer_reverse},
      {"band_part",
       "ios15",
       kTensor,
       {value("x"), defaulted("lower", Literal::int32(-1)), defaulted("upper", Literal::int32(-1))},
       infer_band_part},
  };
}

}  // namespace millwright::mil::operations
