// Control flow: cond and while_loop with their blocks, and lists, whose elements all have one type.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

std::string types_text(const std::vector<Type>& types) {
  std::string text;
  for (const Type& type : types) text += (text.empty() ? "" : ", ") + type_text(type);
  return "(" + text + ")";
}

std::vector<Type> result_types(const Block& block) {
  std::vector<Type> types;
  for (const Value* result : block.results()) types.push_back(result->type());
  return types;
}
std::vector<Type> input_types(const Block& block) {
  std::vector<Type> types;
  for (const auto& input : block.inputs()) types.push_back(input->type());
  return types;
}

bool all_agree(const std::vector<Type>& a, const std::vector<Type>& b) { return std::ranges::equal(a, b, types_agree); }

// Of two types that agree, the one that leaves open what either leaves open.
Type joined(const Type& a, const Type& b) {
  if (!a.is_tensor()) return a;
  Shape shape = a.shape();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (b.shape()[axis] != shape[axis]) shape[axis] = kUnknownDimension;
  }
  return a.with_shape(std::move(shape));
}

Status check_block_count(const Operation& operation) {
  if (operation.blocks().size() == operation.definition()->blocks) return {};
  return fail("takes {} blocks, found {}", operation.definition()->blocks, operation.blocks().size());
}

Types infer_cond(const Operation& operation) {
  MW_TRY(check_block_count(operation));
  for (const auto& block : operation.blocks()) {
    if (!block->inputs().empty())
      return fail("a block has the inputs {}, expected none", types_text(input_types(*block)));
  }
  const std::vector<Type> yes = result_types(*operation.blocks()[0]);
  const std::vector<Type> no = result_types(*operation.blocks()[1]);
  if (!all_agree(yes, no)) {
    return fail("the blocks give {} and {}, expected the same types", types_text(yes), types_text(no));
  }
  std::vector<Type> results;
  for (size_t i = 0; i < yes.size(); ++i) results.push_back(joined(yes[i], no[i]));
  return results;
}

Types infer_while_loop(const Operation& operation) {
  MW_TRY(check_block_count(operation));
  std::vector<Type> variables;
  for (const Argument& argument : operation.find_operand("loop_vars")->arguments) {
    variables.push_back(argument_type(argument));
  }
  const Block& condition = *operation.blocks()[0];
  const Block& body = *operation.blocks()[1];
  for (const Block* block : {&condition, &body}) {
    const std::vector<Type> inputs = input_types(*block);
    if (all_agree(inputs, variables)) continue;
    return fail("the {} takes {}, the loop variables are {}", block == &body ? "body" : "condition", types_text(inputs),
                types_text(variables));
  }
  const std::vector<Type> go_on = result_types(condition);
  if (go_on.size() != 1 || !types_agree(go_on[0], Type::scalar(ElementType::boolean))) {
    return fail("the condition gives {}, expected (bool)", types_text(go_on));
  }
  const std::vector<Type> next = result_types(body);
  if (!all_agree(next, variables)) {
    return fail("the body gives {}, the loop variables are {}", types_text(next), types_text(variables));
  }
  std::vector<Type> results;
  for (size_t i = 0; i < variables.size(); ++i) results.push_back(joined(variables[i], next[i]));
  return results;
}

// The sizes of the elements: one vector, a list of them, or sizes and symbols one by one; a symbol is unknown.
Result<Shape> element_shape(const Operation& operation) {
  Shape shape;
  for (const Argument& argument : operation.find_operand("elem_shape")->arguments) {
    const Type& type = argument_type(argument);
    const bool is_symbol = type.is_scalar() && type.element() == ElementType::string;
    if (is_symbol) {
      shape.push_back(kUnknownDimension);
      continue;
    }
    if (!type.is_tensor() || !is_integer(type.element()) || type.rank() > 1) {
      return fail("elem_shape has {}, expected sizes", type_text(type));
    }
    const Literal* literal = argument_constant(argument);
    if (literal == nullptr) return fail("elem_shape must be a constant");
    for (const int64_t size : literal->as_integers()) {
      if (size < -1 || size > INT32_MAX) return fail("elem_shape has {}, expected a size", size);
      shape.push_back(size);
    }
  }
  return shape;
}

Types infer_make_list(const Operation& operation) {
  MW_ASSIGN(Shape shape, element_shape(operation));
  const auto element = element_from_name(text(operation, "dtype"));
  if (!element) return fail("dtype \"{}\" is no element type", text(operation, "dtype"));
  const Literal* length = find_parameter(operation, "init_length");
  if (length != nullptr && length->as_integer() < 0) {
    return fail("init_length is {}, expected 0 or more", length->as_integer());
  }
  const bool is_fixed = length != nullptr && !flag(operation, "dynamic_length");
  return std::vector<Type>{
      Type::list(Type::tensor(*element, std::move(shape)), is_fixed ? length->as_integer() : kUnknownDimension)};
}

Types infer_list_length(const Operation&) { return std::vector<Type>{Type::scalar(ElementType::int32)}; }

Types infer_list_read(const Operation& operation) {
  return std::vector<Type>{operand_type(operation, "ls").arguments()[0]};
}

// The elements as one tensor; as many as `indices` names.
Result<Type> stacked(const Operation& operation) {
  const Type& element = operand_type(operation, "ls").arguments()[0];
  if (!element.is_tensor()) return fail("ls is a list of {}, expected tensors", type_text(element));
  const Type& indices = operand_type(operation, "indices");
  Shape shape = element.shape();
  shape.insert(shape.begin(), indices.rank() == 1 ? indices.shape()[0] : 1);
  return element.with_shape(std::move(shape));
}

Types infer_list_gather(const Operation& operation) {
  MW_ASSIGN(const Type type, stacked(operation));
  return std::vector<Type>{type};
}

Types infer_list_write(const Operation& operation) {
  const Type& ls = operand_type(operation, "ls");
  const Type& value = operand_type(operation, "value");
  if (!types_agree(ls.arguments()[0], value)) return fail("value is {}, ls is {}", type_text(value), type_text(ls));
  return std::vector<Type>{ls};
}

Types infer_list_scatter(const Operation& operation) {
  MW_ASSIGN(const Type expected, stacked(operation));
  const Type& value = operand_type(operation, "value");
  if (!types_agree(expected, value)) {
    return fail("value is {}, expected {}", type_text(value), type_text(expected));
  }
  return std::vector<Type>{operand_type(operation, "ls")};
}

}  // namespace

std::vector<OperationDefinition> control_flow() {
  constexpr std::string_view kCategory = "control flow";
  std::vector<OperationDefinition> table = {
      {"cond", "ios15", kCategory, {value("pred", Expect::boolean)}, infer_cond},
      {"while_loop", "ios15", kCategory, {list("loop_vars", Expect::anything)}, infer_while_loop},
      {"make_list",
       "ios15",
       kCategory,
       {list("elem_shape", Expect::anything), defaulted_value("init_length", Literal::int32(1)),
        defaulted_flag("dynamic_length", true), defaulted("dtype", Literal::string("fp32"))},
       infer_make_list},
      {"list_length", "ios15", kCategory, {value("ls", Expect::sequence)}, infer_list_length},
      {"list_read",
       "ios15",
       kCategory,
       {value("ls", Expect::sequence), value("index", Expect::integer)},
       infer_list_read},
      {"list_gather",
       "ios15",
       kCategory,
       {value("ls", Expect::sequence), value("indices", Expect::integers)},
       infer_list_gather},
      {"list_write",
       "ios15",
       kCategory,
       {value("ls", Expect::sequence), value("index", Expect::integer), value("value")},
       infer_list_write},
      {"list_scatter",
       "ios15",
       kCategory,
       {value("ls", Expect::sequence), value("indices", Expect::integers), value("value")},
       infer_list_scatter},
  };
  table[0].blocks = 2;
  table[1].blocks = 2;
  return table;
}

}  // namespace millwright::mil::operations
