#include "mil/specialize.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "mil/flexible_shapes.h"
#include "mil/interpreter/interpreter.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

// Sizes and indices are short; longer tensors are data and stay computed.
constexpr int64_t kMostFoldedElements = 4096;

bool is_static_type(const Type& type) {
  if (type.is_tensor()) return is_static(type.shape());
  if (type.kind() == Type::Kind::list && type.list_length() == kUnknownDimension) return false;
  return std::ranges::all_of(type.arguments(), is_static_type);
}

const Value* open_input(const Block& block) {
  const auto found = std::ranges::find_if(block.inputs(), [](const auto& one) { return !is_static_type(one->type()); });
  return found == block.inputs().end() ? nullptr : found->get();
}

// The first operation that has a result, or a nested block with an input, of open size.
const Operation* open_operation(const Block& block) {
  for (const auto& operation : block.operations()) {
    for (const auto& nested : operation->blocks()) {
      if (open_input(*nested) != nullptr) return operation.get();
      if (const Operation* inside = open_operation(*nested)) return inside;
    }
    const bool is_open =
        std::ranges::any_of(operation->results(), [](const auto& one) { return !is_static_type(one->type()); });
    if (is_open) return operation.get();
  }
  return nullptr;
}

// Of two types that agree, the one with the sizes that either knows.
Type refined(const Type& inferred, const Type& declared) {
  if (!inferred.is_tensor()) return inferred;
  Shape shape = inferred.shape();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == kUnknownDimension) shape[axis] = declared.shape()[axis];
  }
  return inferred.with_shape(std::move(shape));
}

class Specializer {
 public:
  Specializer(const Function& source, std::span<const Type> input_types, const KnownValues& known)
      : source_(source),
        input_types_(input_types),
        known_(known),
        target_(std::make_unique<Function>(source.name(), source.opset())) {}

  Result<std::unique_ptr<Function>> run() {
    MW_CHECK(input_types_.size() == source_.inputs().size(), "{} types for {} inputs", input_types_.size(),
             source_.inputs().size());
    for (size_t i = 0; i < input_types_.size(); ++i) {
      const Value& input = *source_.inputs()[i];
      if (!types_agree(input.type(), input_types_[i])) {
        return fail("input {}: expected {}, found {}", input.name(), type_text(input.type()),
                    type_text(input_types_[i]));
      }
      values_[&input] = target_->block().add_input(input.name(), input_types_[i]);
    }
    for (const auto& input : source_.inputs()) {
      const auto known = known_.find(input.get());
      if (known == known_.end()) continue;
      values_[input.get()] = add_constant(input->name() + "@known", known->second, target_->block(), {});
    }
    for (const Attribute& attribute : source_.attributes()) {
      if (attribute.name != kFlexibleShapes) target_->attributes().push_back(attribute);
    }
    MW_TRY(copy_operations(source_.block(), target_->block()));
    remove_dead_operations(*target_);
    return std::move(target_);
  }

 private:
  Status copy_operations(const Block& source, Block& target) {
    for (const auto& operation : source.operations()) MW_TRY(copy_operation(*operation, target));
    for (const Value* result : source.results()) target.add_result(values_.at(result));
    return {};
  }

  Status copy_operation(const Operation& source, Block& target) {
    if (source.kind() == "shape" && fold_shape(source, target)) return {};
    if (is_known(source)) {
      for (size_t i = 0; i < source.results().size(); ++i) {
        add_constant(source, i, known_.at(source.result(i)), target);
      }
      return {};
    }
    Operation* copy = target.add_operation(source.kind(), nullptr, source.location());
    for (const Operand& operand : source.operands()) copy->add_operand(copied(operand));
    for (const Attribute& attribute : source.attributes()) copy->set_attribute(attribute.name, attribute.value);
    for (const auto& block : source.blocks()) MW_TRY(copy_block(*block, *copy));
    MW_ASSIGN(const std::vector<Type> types, result_types(source, *copy));
    if (is_foldable(*copy, types) && fold(source, *copy, types)) {
      target.erase(copy);
      return {};
    }
    for (size_t i = 0; i < types.size(); ++i) {
      values_[source.result(i)] = copy->add_result(source.result(i)->name(), types[i]);
    }
    return {};
  }

  Operand copied(const Operand& operand) const {
    Operand copy{operand.name, operand.arguments, operand.is_list};
    for (Argument& argument : copy.arguments) {
      if (Value** value = std::get_if<Value*>(&argument)) *value = values_.at(*value);
    }
    return copy;
  }

  // Variables of a loop have the types of what it begins with.
  Status copy_block(const Block& source, Operation& owner) {
    Block& target = *owner.add_block();
    const std::vector<Value*> variables = owner.operand_values("loop_vars");
    for (size_t i = 0; i < source.inputs().size(); ++i) {
      const Value& input = *source.inputs()[i];
      const bool begins = variables.size() == source.inputs().size() && types_agree(input.type(), variables[i]->type());
      values_[&input] = target.add_input(input.name(), begins ? variables[i]->type() : input.type());
    }
    return copy_operations(source, target);
  }

  // What the operands give, with the declared sizes that they leave open. Operations that the registry does not know
  // keep their declared types.
  static Result<std::vector<Type>> result_types(const Operation& source, const Operation& copy) {
    std::vector<Type> types;
    for (const auto& result : source.results()) types.push_back(result->type());
    if (copy.definition() == nullptr || source.is_const()) return types;
    MW_ASSIGN(const std::vector<Type> inferred, infer_types(copy));
    if (inferred.size() != types.size()) {
      return fail("{}: gives {} results, declared are {}", describe(source), inferred.size(), types.size());
    }
    for (size_t i = 0; i < types.size(); ++i) {
      if (!types_agree(inferred[i], types[i])) {
        return fail("{}: {} is declared as {}, but with these inputs it becomes {}", describe(source),
                    source.result(i)->name(), type_text(types[i]), type_text(inferred[i]));
      }
      types[i] = refined(inferred[i], types[i]);
    }
    return types;
  }

  bool fold_shape(const Operation& source, Block& target) {
    const Value* x = source.operand("x");
    if (x == nullptr || source.results().size() != 1) return false;
    const Type& type = values_.at(x)->type();
    if (!type.is_tensor() || !is_static(type.shape())) return false;
    const Shape& shape = type.shape();
    add_constant(source, 0, Literal::int32_vector(shape), target);
    return true;
  }

  bool is_known(const Operation& source) const {
    const bool has_side_effects = source.definition() != nullptr && source.definition()->has_side_effects;
    return !source.results().empty() && !has_side_effects &&
           std::ranges::all_of(source.results(), [&](const auto& one) { return known_.contains(one.get()); });
  }

  void add_constant(const Operation& source, size_t result, Literal literal, Block& target) {
    values_[source.result(result)] =
        add_constant(source.result(result)->name(), std::move(literal), target, source.location());
  }

  Value* add_constant(SharedText name, Literal literal, Block& target, Location location) {
    Operation* constant = target.add_operation("const", nullptr, location);
    const Type type = literal.type();
    constant->set_attribute("val", std::move(literal));
    Value* value = constant->add_result(std::move(name), type);
    folded_.insert(value);
    return value;
  }

  // Every operand is a constant, and one of them comes from a `shape` or the size of the result is that of its data.
  bool is_foldable(const Operation& copy, const std::vector<Type>& types) const {
    const OperationDefinition* definition = copy.definition();
    if (definition == nullptr || definition->has_side_effects || definition->internal || !copy.blocks().empty() ||
        copy.is_const() || !is_interpreted(copy.kind())) {
      return false;
    }
    const auto is_long = [](const Type& type) {
      return !type.is_tensor() || (is_static(type.shape()) && type.count() > kMostFoldedElements);
    };
    if (std::ranges::any_of(types, is_long)) return false;
    bool from_shape = std::ranges::any_of(types, [](const Type& type) { return !is_static_type(type); });
    for (const Value* value : copy.all_operands()) {
      if (value->producer() == nullptr || !value->producer()->is_const()) return false;
      if (value->producer()->attribute("val")->is_blob()) return false;
      from_shape = from_shape || folded_.contains(value);
    }
    return from_shape;
  }

  // Computes the results once and for all; false where the interpreter cannot.
  bool fold(const Operation& source, const Operation& copy, const std::vector<Type>& types) {
    Function alone("fold", source_.opset());
    std::unordered_map<const Value*, Value*> constants;
    for (const Value* value : copy.all_operands()) {
      if (constants.contains(value)) continue;
      Operation* constant = alone.block().add_operation("const");
      constant->set_attribute("val", *value->producer()->attribute("val"));
      constants[value] = constant->add_result(value->name(), value->type());
    }
    Operation* operation = alone.block().add_operation(copy.kind());
    for (Operand operand : copy.operands()) {
      for (Argument& argument : operand.arguments) {
        if (Value** value = std::get_if<Value*>(&argument)) *value = constants.at(*value);
      }
      operation->add_operand(std::move(operand));
    }
    for (const Attribute& attribute : copy.attributes()) operation->set_attribute(attribute.name, attribute.value);
    for (size_t i = 0; i < types.size(); ++i) {
      alone.block().add_result(operation->add_result(source.result(i)->name(), types[i]));
    }
    const Result<std::vector<TensorValue>> computed = interpret(alone, {}, Precision::declared);
    if (!computed) return false;
    for (size_t i = 0; i < types.size(); ++i) {
      add_constant(source, i, to_literal((*computed)[i]), *copy.block());
    }
    return true;
  }

  const Function& source_;
  std::span<const Type> input_types_;
  const KnownValues& known_;
  std::unique_ptr<Function> target_;
  std::unordered_map<const Value*, Value*> values_;
  std::unordered_set<const Value*> folded_;  // constants that are computed from shapes
};

}  // namespace

bool is_static(const Function& function) {
  return open_input(function.block()) == nullptr && open_operation(function.block()) == nullptr;
}

const Operation* first_open_operation(const Function& function) { return open_operation(function.block()); }

Result<std::unique_ptr<Function>> specialize(const Function& function, std::span<const Type> input_types,
                                             const KnownValues& known) {
  return Specializer(function, input_types, known).run();
}

Status check_static(const Function& function) {
  if (const Operation* operation = open_operation(function.block())) {
    const auto open =
        std::ranges::find_if(operation->results(), [](const auto& one) { return !is_static_type(one->type()); });
    if (open == operation->results().end())
      return fail("{}: its blocks have inputs of unknown size", describe(*operation));
    return fail("{}: the size of its result {} is known at run time only", describe(*operation),
                type_text((*open)->type()));
  }
  if (const Value* input = open_input(function.block())) {
    return fail("input {}: the size of {} is not known", input->name(), type_text(input->type()));
  }
  return {};
}

}  // namespace millwright::mil
