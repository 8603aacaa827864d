#include "mil/operations/tables.h"

#include <algorithm>

#include "base/check.h"

namespace millwright::mil::operations {

using Kind = ParameterDefinition::Kind;

ParameterDefinition value(std::string_view name, Expect expect) { return {name, Kind::value, true, expect, {}}; }
ParameterDefinition optional_value(std::string_view name, Expect expect) {
  return {name, Kind::value, false, expect, {}};
}
ParameterDefinition list(std::string_view name, Expect expect) { return {name, Kind::list, true, expect, {}}; }
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

ParameterDefinition defaulted_value(std::string_view name, Literal default_value) {
  ParameterDefinition parameter = defaulted(name, std::move(default_value));
  parameter.kind = Kind::value;
  return parameter;
}
ParameterDefinition defaulted_number(std::string_view name, double value) {
  return defaulted(name, Literal::number(ElementType::fp32, value));
}
ParameterDefinition defaulted_flag(std::string_view name, bool value) {
  return defaulted(name, Literal::boolean(value));
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

bool may_differ(int64_t a, int64_t b) { return a != b && a != kUnknownDimension && b != kUnknownDimension; }

int64_t size_product(int64_t a, int64_t b) {
  constexpr int64_t kLargest = int64_t{1} << 62;
  if (a == kUnknownDimension || b == kUnknownDimension) return kUnknownDimension;
  if (a != 0 && b > kLargest / a) return kLargest;
  return a * b;
}

Status check_shape(const Operation& operation, std::string_view name, const Shape& expected) {
  if (operation.definition()->parameter(name) == nullptr || !has_operand(operation, name)) return {};
  const Type& type = operand_type(operation, name);
  if (types_agree(type, Type::tensor(type.element(), expected))) return {};
  return fail("{} is {}, expected the shape {}", name, type_text(type), shape_text(expected));
}

Status check_choice(const Operation& operation, std::string_view name, std::span<const std::string_view> choices) {
  const std::string found = text(operation, name);
  if (std::ranges::find(choices, found) != choices.end()) return {};
  std::string expected;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) expected += i + 1 == choices.size() ? " or " : ", ";
    expected += choices[i];
  }
  return fail("{} is \"{}\", expected {}", name, found, expected);
}

Result<Type> ranked(const Operation& operation, std::string_view name, int64_t lowest, int64_t highest) {
  const Type& type = operand_type(operation, name);
  if (type.rank() >= lowest && type.rank() <= highest) return type;
  if (lowest == highest) return fail("{} is {}, expected rank {}", name, type_text(type), lowest);
  return fail("{} is {}, expected rank {} to {}", name, type_text(type), lowest, highest);
}

Result<Shape> shape_at_run_time(const Operation& operation, std::string_view name) {
  constexpr int64_t kLargestRank = 64;
  const Type& type = operand_type(operation, name);
  if (type.rank() != 1 || type.shape()[0] < 0 || type.shape()[0] > kLargestRank) {
    return fail("{} is {}, expected a vector of at most {} sizes", name, type_text(type), kLargestRank);
  }
  return Shape(static_cast<size_t>(type.shape()[0]), kUnknownDimension);
}

ElementType parameter_element(const Operation& operation, std::string_view name) {
  const Literal* literal = find_parameter(operation, name);
  return literal != nullptr ? literal->type().element() : operand_type(operation, name).element();
}

const Type& argument_type(const Argument& argument) {
  Value* const* value = std::get_if<Value*>(&argument);
  return value != nullptr ? (*value)->type() : std::get<Literal>(argument).type();
}

const Literal* argument_constant(const Argument& argument) {
  const Literal* literal = std::get_if<Literal>(&argument);
  if (Value* const* value = std::get_if<Value*>(&argument)) {
    const Operation* producer = (*value)->producer();
    literal = producer != nullptr && producer->is_const() ? producer->attribute("val") : nullptr;
  }
  return literal == nullptr || literal->is_blob() ? nullptr : literal;
}

}  // namespace millwright::mil::operations
