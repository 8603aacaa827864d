#include "mil/operations/tables.h"

#include "base/check.h"

namespace millwright::mil::operations {

using Kind = ParameterDefinition::Kind;

ParameterDefinition value(std::string_view name, Expect expect) { return {name, Kind::value, true, expect, {}}; }
ParameterDefinition optional_value(std::string_view name) { return {name, Kind::value, false, Expect::tensor, {}}; }
ParameterDefinition list(std::string_view name) { return {name, Kind::list, true, Expect::tensor, {}}; }
ParameterDefinition constant(std::string_view name, Expect expect) { return {name, Kind::constant, true, expect, {}}; }
ParameterDefinition optional_constant(std::string_view name, Expect expect) {
  return {name, Kind::constant, false, expect, {}};
}

ParameterDefinition defaulted(std::string_view name, Literal default_value) {
  const ElementType element = default_value.type().element();
  const Expect expect = element == ElementType::boolean  ? Expect::boolean
                        : element == ElementType::string ? Expect::text
                        : is_integer(element)            ? Expect::integer
                                                         : Expect::number;
  return {name, Kind::constant, false, expect, std::move(default_value)};
}

bool has_operand(const Operation& operation, std::string_view name) {
  return operation.find_operand(name) != nullptr || operation.attribute(name) != nullptr;
}

const Type& operand_type(const Operation& operation, std::string_view name) {
  if (const Operand* operand = operation.find_operand(name)) {
    if (Value* const* value = std::get_if<Value*>(&operand->arguments.at(0))) return (*value)->type();
    return std::get<Literal>(operand->arguments[0]).type();
  }
  const Literal* attribute = operation.attribute(name);
  MW_CHECK(attribute != nullptr, "{} has no operand {}", describe(operation), name);
  return attribute->type();
}

Types same_as_x(const Operation& operation) {
  const Type& type = operand_type(operation, "x");
  if (!type.is_tensor()) return fail("x is {}, expected a tensor", type_text(type));
  return std::vector<Type>{type};
}

Result<ElementType> common_element(const Operation& operation, std::string_view a, std::string_view b) {
  const Type& first = operand_type(operation, a);
  const Type& second = operand_type(operation, b);
  if (!first.is_tensor() || !second.is_tensor()) {
    return fail("{} is {}, {} is {}; expected tensors", a, type_text(first), b, type_text(second));
  }
  if (first.element() != second.element()) {
    return fail("{} is {}, {} is {}; expected one element type", a, type_text(first), b, type_text(second));
  }
  return first.element();
}

Result<int64_t> checked_axis(int64_t axis, int64_t rank, std::string_view name) {
  if (axis < -rank || axis >= rank)
    return fail("{} is {}, expected {} to {} for rank {}", name, axis, -rank, rank - 1, rank);
  return axis < 0 ? axis + rank : axis;
}

}  // namespace millwright::mil::operations
