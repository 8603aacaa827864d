#include "mil/bind_constants.h"

#include "base/check.h"

namespace millwright::mil {

std::unique_ptr<Function> bind_constants(const Function& function,
                                         std::span<const std::pair<size_t, Literal>> constants) {
  auto bound = std::make_unique<Function>(function.name(), function.opset());
  std::unordered_map<const Value*, Value*> values;
  for (const auto& [index, literal] : constants) {
    const Value* input = function.inputs().at(index).get();
    MW_CHECK(literal.type() == input->type(), "{}: a constant of {} for an input of {}", input->name().view(),
             type_text(literal.type()), type_text(input->type()));
    Operation* constant = bound->block().add_operation("const");
    constant->set_attribute("name", Literal::string(input->name()));
    constant->set_attribute("val", literal);
    values[input] = constant->add_result(input->name(), input->type());
  }
  for (const auto& input : function.inputs()) {
    if (!values.contains(input.get())) values[input.get()] = bound->block().add_input(input->name(), input->type());
  }
  for (const auto& operation : function.block().operations()) {
    MW_CHECK(operation->blocks().empty(), "{}: an operation with blocks", describe(*operation));
    Operation* copy =
        bound->block().add_operation(operation->kind(), operation->definition(), nullptr, operation->location());
    for (const Operand& operand : operation->operands()) {
      Operand moved{operand.name, operand.arguments, operand.is_list};
      for (Argument& argument : moved.arguments) {
        if (Value** value = std::get_if<Value*>(&argument)) *value = values.at(*value);
      }
      copy->add_operand(std::move(moved));
    }
    for (const Attribute& attribute : operation->attributes()) copy->set_attribute(attribute.name, attribute.value);
    for (const auto& result : operation->results()) {
      values[result.get()] = copy->add_result(result->name(), result->type());
    }
  }
  for (const Value* result : function.results()) bound->block().add_result(values.at(result));
  bound->attributes() = function.attributes();
  return bound;
}

}  // namespace millwright::mil
