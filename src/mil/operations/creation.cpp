// Operations that make tensors: const, fill, range, one_hot, shape.
#include <cmath>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Types infer_const(const Operation& operation) {
  const Literal* value = operation.attribute("val");
  if (value == nullptr) return fail("the attribute val is missing");
  return std::vector<Type>{value->type()};
}

Types infer_fill(const Operation& operation) {
  const Type& shape_type = operand_type(operation, "shape");
  if (!shape_type.is_tensor() || !is_integer(shape_type.element()) || shape_type.rank() != 1) {
    return fail("shape is {}, expected a vector of integers", type_text(shape_type));
  }
  const Literal* value = find_parameter(operation, "value");
  const ElementType element = value != nullptr ? value->type().element() : operand_type(operation, "value").element();
  const Literal* shape = operation.constant("shape");
  if (shape == nullptr) {
    MW_ASSIGN(Shape unknown, shape_at_run_time(operation, "shape"));
    return std::vector<Type>{Type::tensor(element, std::move(unknown))};
  }
  Shape sizes = shape->as_integers();
  int64_t count = 1;
  for (const int64_t size : sizes) {
    if (size < 0 || (size > 0 && count > INT64_MAX / size))
      return fail("shape {} is not a tensor's", shape_text(sizes));
    count *= size;
  }
  return std::vector<Type>{Type::tensor(element, std::move(sizes))};
}

Types infer_fill_like(const Operation& operation) {
  const Literal* value = find_parameter(operation, "value");
  const ElementType element = value != nullptr ? value->type().element() : operand_type(operation, "value").element();
  return std::vector<Type>{Type::tensor(element, operand_type(operation, "ref_tensor").shape())};
}

Types infer_range(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "start", "end"));
  MW_TRY(common_element(operation, "start", "step"));
  const Literal* start = operation.constant("start");
  const Literal* end = operation.constant("end");
  const Literal* step = operation.constant("step");
  if (start == nullptr || end == nullptr || step == nullptr) {
    return std::vector<Type>{Type::tensor(element, {kUnknownDimension})};
  }
  if (step->as_number() == 0) return fail("step is 0");
  const double count = std::ceil((end->as_number() - start->as_number()) / step->as_number());
  if (!(count <= 1e12)) return fail("the range has too many elements");
  return std::vector<Type>{Type::tensor(element, {count > 0 ? static_cast<int64_t>(count) : 0})};
}

Types infer_one_hot(const Operation& operation) {
  const Type& indices = operand_type(operation, "indices");
  if (!indices.is_tensor() || !is_integer(indices.element()))
    return fail("indices is {}, expected integers", type_text(indices));
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), indices.rank() + 1, "axis"));
  const int64_t size = integer(operation, "one_hot_vector_size");
  if (size < 0) return fail("one_hot_vector_size is {}, expected 0 or more", size);
  Shape shape = indices.shape();
  shape.insert(shape.begin() + axis, size);
  return std::vector<Type>{Type::tensor(find_parameter(operation, "on_value")->type().element(), std::move(shape))};
}

Types infer_shape(const Operation& operation) {
  return std::vector<Type>{Type::tensor(ElementType::int32, {operand_type(operation, "x").rank()})};
}

// A constant of any number type, int32 by default.
ParameterDefinition number(std::string_view name, int64_t default_value) {
  return {name, ParameterDefinition::Kind::constant, false, Expect::number, Literal::int32(default_value)};
}

ParameterDefinition fill_value() {
  return {"value", ParameterDefinition::Kind::value, false, Expect::number, Literal::number(ElementType::fp32, 0.0)};
}

}  // namespace

std::vector<OperationDefinition> creation() {
  constexpr std::string_view kTensor = "tensor operation";
  return {
      {"const", "ios15", "control flow", {}, infer_const},
      {"fill", "ios15", kTensor, {value("shape", Expect::integers), fill_value()}, infer_fill},
      {"fill_like", "ios16", kTensor, {value("ref_tensor"), fill_value()}, infer_fill_like},
      {"range_1d",
       "ios15",
       kTensor,
       {value("end", Expect::number), value("start", Expect::number), value("step", Expect::number)},
       infer_range},
      {"one_hot",
       "ios15",
       kTensor,
       {value("indices"), constant("one_hot_vector_size", Expect::integer), defaulted("axis", Literal::int32(-1)),
        number("on_value", 1), number("off_value", 0)},
       infer_one_hot},
      {"shape", "ios15", kTensor, {value("x")}, infer_shape},
  };
}

}  // namespace millwright::mil::operations
