// Elementwise operations: one or two operands with NumPy broadcasting, comparisons, logic, select, clip and cast.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

OperationDefinition unary(std::string_view name) { return {name, "ios15", "elementwise", {value("x")}, same_as_x}; }

OperationDefinition unary_with_epsilon(std::string_view name, double epsilon) {
  return {name,
          "ios15",
          "elementwise",
          {value("x"), defaulted("epsilon", Literal::number(ElementType::fp32, epsilon))},
          same_as_x};
}

Result<Shape> broadcast(const Operation& operation, std::string_view a, std::string_view b) {
  const Shape& first = operand_type(operation, a).shape();
  const Shape& second = operand_type(operation, b).shape();
  const auto shape = broadcast_shapes(first, second);
  if (!shape) return fail("{} {} and {} {} do not broadcast", a, shape_text(first), b, shape_text(second));
  return *shape;
}

Types infer_binary(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "x", "y"));
  MW_ASSIGN(Shape shape, broadcast(operation, "x", "y"));
  return std::vector<Type>{Type::tensor(element, std::move(shape))};
}

Types infer_comparison(const Operation& operation) {
  MW_TRY(common_element(operation, "x", "y"));
  MW_ASSIGN(Shape shape, broadcast(operation, "x", "y"));
  return std::vector<Type>{Type::tensor(ElementType::boolean, std::move(shape))};
}

Types infer_logical(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "x", "y"));
  if (element != ElementType::boolean) return fail("x and y are {}, expected bool", element_name(element));
  return infer_comparison(operation);
}

Types infer_logical_not(const Operation& operation) {
  const Type& x = operand_type(operation, "x");
  if (!x.is_tensor() || x.element() != ElementType::boolean) return fail("x is {}, expected bool", type_text(x));
  return std::vector<Type>{x};
}

Types infer_select(const Operation& operation) {
  const Type& condition = operand_type(operation, "cond");
  if (!condition.is_tensor() || condition.element() != ElementType::boolean) {
    return fail("cond is {}, expected bool", type_text(condition));
  }
  if (!has_operand(operation, "a") && !has_operand(operation, "b")) {
    return std::vector<Type>{Type::tensor(ElementType::int32, {kUnknownDimension, condition.rank()})};
  }
  if (!has_operand(operation, "a") || !has_operand(operation, "b")) return fail("a and b go together");
  MW_ASSIGN(const ElementType element, common_element(operation, "a", "b"));
  MW_ASSIGN(const Shape branches, broadcast(operation, "a", "b"));
  const auto shape = broadcast_shapes(condition.shape(), branches);
  if (!shape) return fail("cond {} and a, b {} do not broadcast", shape_text(condition.shape()), shape_text(branches));
  return std::vector<Type>{Type::tensor(element, *shape)};
}

Types infer_cast(const Operation& operation) {
  const Type& x = operand_type(operation, "x");
  const Literal* name = operation.constant("dtype");
  if (!x.is_tensor()) return fail("x is {}, expected a tensor", type_text(x));
  if (name == nullptr || !name->type().is_scalar() || name->type().element() != ElementType::string) {
    return fail("dtype must be a constant string");
  }
  const auto element = element_from_name(name->as_string());
  if (!element || *element == ElementType::string) return fail("dtype \"{}\" is no element type", name->as_string());
  return std::vector<Type>{x.with_element(*element)};
}

OperationDefinition binary(std::string_view name) {
  return {name, "ios15", "elementwise", {value("x"), value("y")}, infer_binary};
}
OperationDefinition comparison(std::string_view name) {
  return {name, "ios15", "elementwise", {value("x"), value("y")}, infer_comparison};
}
OperationDefinition logical(std::string_view name) {
  return {name, "ios15", "elementwise", {value("x"), value("y")}, infer_logical};
}

}  // namespace

std::vector<OperationDefinition> elementwise() {
  std::vector<OperationDefinition> table;
  for (const std::string_view name :
       {"abs",  "acos",  "asin",  "atan", "atanh", "ceil", "cos",  "cosh",   "erf", "exp",
        "exp2", "floor", "round", "sign", "sin",   "sinh", "sqrt", "square", "tan", "tanh"}) {
    table.push_back(unary(name));
  }
  table.push_back(unary_with_epsilon("inverse", 1e-4));
  table.push_back(unary_with_epsilon("log", 1e-45));
  table.push_back(unary_with_epsilon("rsqrt", 1e-12));
  for (const std::string_view name :
       {"add", "floor_div", "maximum", "minimum", "mod", "mul", "pow", "real_div", "sub"}) {
    table.push_back(binary(name));
  }
  for (const std::string_view name : {"equal", "greater", "greater_equal", "less", "less_equal", "not_equal"}) {
    table.push_back(comparison(name));
  }
  for (const std::string_view name : {"logical_and", "logical_or", "logical_xor"}) table.push_back(logical(name));
  table.push_back({"logical_not", "ios15", "elementwise", {value("x")}, infer_logical_not});
  table.push_back({"clip",
                   "ios15",
                   "elementwise",
                   {value("x"), constant("alpha", Expect::number), constant("beta", Expect::number)},
                   same_as_x});
  table.push_back({"threshold", "ios15", "elementwise", {value("x"), constant("alpha", Expect::number)}, same_as_x});
  table.push_back(
      {"select", "ios15", "control flow", {value("cond"), optional_value("a"), optional_value("b")}, infer_select});
  table.push_back({"cast", "ios15", "elementwise", {value("x"), constant("dtype", Expect::text)}, infer_cast});
  table.push_back({"identity", "ios15", "tensor operation", {value("x")}, same_as_x});
  return table;
}

}  // namespace millwright::mil::operations
