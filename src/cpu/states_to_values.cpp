#include "cpu/states_to_values.h"

#include <string_view>
#include <unordered_map>

#include "base/check.h"
#include "cpu/executor.h"
#include "mil/builder.h"

namespace millwright::cpu {
namespace {

class StateRemoval {
 public:
  explicit StateRemoval(const mil::Function& original)
      : original_(original),
        copy_(std::make_unique<mil::Function>(original.name(), original.opset())),
        builder_(*copy_) {}

  StatelessFunction run() {
    copy_->attributes() = original_.attributes();
    for (const auto& input : original_.inputs()) {
      values_[input.get()] = copy_->block().add_input(input->name(), memory_type(input->type()));
    }
    for (const auto& operation : original_.block().operations()) copy(*operation);
    for (const mil::Value* result : original_.results()) copy_->block().add_result(values_.at(result));

    StatelessFunction stateless;
    for (size_t i = 0; i < original_.inputs().size(); ++i) {
      mil::Value* last = values_.at(original_.inputs()[i].get());
      if (last == copy_->inputs()[i].get()) continue;
      copy_->block().add_result(last);
      stateless.written_to.push_back(static_cast<int>(i));
    }
    stateless.function = std::move(copy_);
    return stateless;
  }

 private:
  mil::Value* argument(const mil::Operation& operation, std::string_view name) {
    const mil::Argument& given = operation.find_operand(name)->arguments.at(0);
    if (mil::Value* const* value = std::get_if<mil::Value*>(&given)) return values_.at(*value);
    return builder_.constant(std::get<mil::Literal>(given));
  }

  void copy(const mil::Operation& operation) {
    if (operation.kind() == "read_state") {
      values_[operation.result()] = values_.at(operation.operand("input"));
    } else if (operation.kind() == "write_state") {
      values_[operation.operand("input")] = argument(operation, "data");
    } else if (operation.kind() == "coreml_update_state") {
      values_[operation.operand("state")] = values_[operation.result()] = argument(operation, "value");
    } else {
      copy_plain(operation);
    }
  }

  void copy_plain(const mil::Operation& operation) {
    MW_CHECK(operation.blocks().empty(), "{} has blocks", mil::describe(operation));
    mil::Operation* copy = copy_->block().add_operation(operation.kind(), nullptr, operation.location());
    for (mil::Operand operand : operation.operands()) {
      for (mil::Argument& argument : operand.arguments) {
        if (mil::Value** value = std::get_if<mil::Value*>(&argument)) *value = values_.at(*value);
      }
      copy->add_operand(std::move(operand));
    }
    for (const mil::Attribute& attribute : operation.attributes()) copy->set_attribute(attribute.name, attribute.value);
    for (const auto& result : operation.results()) {
      values_[result.get()] = copy->add_result(result->name(), result->type());
    }
  }

  const mil::Function& original_;
  std::unique_ptr<mil::Function> copy_;
  mil::Builder builder_;
  std::unordered_map<const mil::Value*, mil::Value*> values_;  // what each value, or state, is at this position
};

}  // namespace

StatelessFunction states_to_values(const mil::Function& function) { return StateRemoval(function).run(); }

}  // namespace millwright::cpu
