#include "mil/ir.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "base/check.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

constexpr std::string_view kAliases = "mw_aliases";

const Literal* find_attribute(std::span<const Attribute> attributes, std::string_view name) {
  const auto found = std::ranges::find(attributes, name, &Attribute::name);
  return found == attributes.end() ? nullptr : &found->value;
}

void copy_block(const Block& source, Block& target, std::unordered_map<const Value*, Value*>& values);

Operand copy_operand(const Operand& operand, const std::unordered_map<const Value*, Value*>& values) {
  Operand copy{operand.name, {}, operand.is_list};
  for (const Argument& argument : operand.arguments) {
    if (Value* const* value = std::get_if<Value*>(&argument)) {
      copy.arguments.emplace_back(values.at(*value));
    } else {
      copy.arguments.push_back(argument);
    }
  }
  return copy;
}

void copy_operation(const Operation& source, Block& target, std::unordered_map<const Value*, Value*>& values) {
  Operation* copy = target.add_operation(source.kind(), source.definition(), nullptr, source.location());
  for (const Operand& operand : source.operands()) copy->add_operand(copy_operand(operand, values));
  for (const Attribute& attribute : source.attributes()) copy->set_attribute(attribute.name, attribute.value);
  for (const auto& block : source.blocks()) copy_block(*block, *copy->add_block(), values);
  for (const auto& result : source.results()) {
    values[result.get()] = copy->add_result(result->name(), result->type());
  }
}

void copy_block(const Block& source, Block& target, std::unordered_map<const Value*, Value*>& values) {
  for (const auto& input : source.inputs()) values[input.get()] = target.add_input(input->name(), input->type());
  for (const auto& operation : source.operations()) copy_operation(*operation, target, values);
  for (const Value* result : source.results()) target.add_result(values.at(result));
}

size_t remove_dead_operations(Block& block) {
  size_t removed = 0;
  const OperationList& operations = block.operations();
  for (auto it = operations.end(); it != operations.begin();) {
    Operation& operation = **std::prev(it);
    --it;
    for (auto& nested : operation.blocks()) removed += remove_dead_operations(*nested);
    const OperationDefinition* definition = operation.definition();
    if (definition == nullptr || definition->has_side_effects) continue;
    const bool used = std::ranges::any_of(operation.results(), [&](const auto& result) {
      return !result->users().empty() || std::ranges::count(block.results(), result.get()) > 0;
    });
    if (used) continue;
    auto next = std::next(it);
    block.erase(&operation);
    it = next;
    ++removed;
  }
  return removed;
}

}  // namespace

void Value::remove_user(const Operation* user) { users_.erase(std::ranges::find(users_, user)); }

Operation::Operation(Block* block, SharedText kind, const OperationDefinition* definition, Location location)
    : block_(block), kind_(std::move(kind)), definition_(definition), location_(location) {}

Operation::~Operation() = default;

// One by one: destroying the first would recurse through all that follow it.
OperationList::~OperationList() {
  while (first_ != nullptr) first_ = std::move(first_->next_);
}

Operation* OperationList::insert(std::unique_ptr<Operation> operation, Operation* before) {
  Operation* const inserted = operation.get();
  Operation* const previous = before == nullptr ? last_ : before->previous_;
  std::unique_ptr<Operation>& owner = previous == nullptr ? first_ : previous->next_;
  inserted->previous_ = previous;
  inserted->next_ = std::move(owner);
  owner = std::move(operation);
  (before == nullptr ? last_ : before->previous_) = inserted;
  ++size_;
  return inserted;
}

void OperationList::erase(Operation* operation) {
  Operation* const previous = operation->previous_;
  std::unique_ptr<Operation>& owner = previous == nullptr ? first_ : previous->next_;
  std::unique_ptr<Operation> following = std::move(operation->next_);
  (following == nullptr ? last_ : following->previous_) = previous;
  owner = std::move(following);
  --size_;
}

const Operand* Operation::find_operand(std::string_view name) const {
  const auto found = std::ranges::find(operands_, name, &Operand::name);
  return found == operands_.end() ? nullptr : &*found;
}

Value* Operation::operand(std::string_view name) const {
  const Operand* found = find_operand(name);
  if (found == nullptr || found->arguments.size() != 1) return nullptr;
  Value* const* value = std::get_if<Value*>(&found->arguments[0]);
  return value == nullptr ? nullptr : *value;
}

std::vector<Value*> Operation::operand_values(std::string_view name) const {
  std::vector<Value*> values;
  const Operand* found = find_operand(name);
  if (found == nullptr) return values;
  for (const Argument& argument : found->arguments) {
    if (Value* const* value = std::get_if<Value*>(&argument)) values.push_back(*value);
  }
  return values;
}

std::vector<Value*> Operation::all_operands() const {
  std::vector<Value*> values;
  for (const Operand& operand : operands_) {
    for (const Argument& argument : operand.arguments) {
      if (Value* const* value = std::get_if<Value*>(&argument)) values.push_back(*value);
    }
  }
  return values;
}

const Literal* Operation::constant(std::string_view name) const {
  const auto inline_only = [](const Literal* literal) {
    return literal != nullptr && literal->is_blob() ? nullptr : literal;
  };
  const Operand* found = find_operand(name);
  if (found == nullptr) return inline_only(attribute(name));
  if (found->arguments.size() != 1) return nullptr;
  if (const Literal* literal = std::get_if<Literal>(&found->arguments[0])) return inline_only(literal);
  const Operation* producer = std::get<Value*>(found->arguments[0])->producer();
  return producer != nullptr && producer->is_const() ? inline_only(producer->attribute("val")) : nullptr;
}

const Literal* Operation::attribute(std::string_view name) const { return find_attribute(attributes_, name); }

void Operation::set_attribute(SharedText name, Literal value) {
  const auto found = std::ranges::find(attributes_, name, &Attribute::name);
  if (found != attributes_.end()) {
    found->value = std::move(value);
  } else {
    attributes_.push_back({std::move(name), std::move(value)});
  }
}

std::string Operation::label() const {
  const Literal* name = attribute("name");
  if (name == nullptr || !name->type().is_scalar() || name->type().element() != ElementType::string) return {};
  return name->as_string();
}

void Operation::add_operand(Operand operand) {
  for (const Argument& argument : operand.arguments) {
    if (Value* const* value = std::get_if<Value*>(&argument)) (*value)->users_.push_back(this);
  }
  operands_.push_back(std::move(operand));
}

void Operation::remove_operand(std::string_view name) {
  const auto found = std::ranges::find(operands_, name, &Operand::name);
  if (found == operands_.end()) return;
  for (const Argument& argument : found->arguments) {
    if (Value* const* value = std::get_if<Value*>(&argument)) (*value)->remove_user(this);
  }
  operands_.erase(found);
}

void Operation::replace_operand(Value* from, Value* to) {
  if (from == to) return;
  for (Operand& operand : operands_) {
    for (Argument& argument : operand.arguments) {
      Value** value = std::get_if<Value*>(&argument);
      if (value == nullptr || *value != from) continue;
      *value = to;
      from->remove_user(this);
      to->users_.push_back(this);
    }
  }
}

Value* Operation::add_result(SharedText name, Type type) {
  const uint32_t id = block_->function()->register_value(name);
  const int index = static_cast<int>(results_.size());
  return results_.emplace_back(new Value(std::move(name), std::move(type), this, index, id)).get();
}

Block* Operation::add_block() { return blocks_.emplace_back(std::make_unique<Block>(block_->function(), this)).get(); }

Block::~Block() = default;

Value* Block::add_input(SharedText name, Type type) {
  const uint32_t id = function_->register_value(name);
  const int index = static_cast<int>(inputs_.size());
  inputs_.push_back(std::unique_ptr<Value>(new Value(std::move(name), std::move(type), nullptr, index, id)));
  return inputs_.back().get();
}

Operation* Block::add_operation(SharedText kind, Operation* before, Location location) {
  const OperationDefinition* definition = find_definition(kind);
  return add_operation(std::move(kind), definition, before, location);
}

Operation* Block::add_operation(SharedText kind, const OperationDefinition* definition, Operation* before,
                                Location location) {
  std::unique_ptr<Operation> operation(new Operation(this, std::move(kind), definition, location));
  return operations_.insert(std::move(operation), before);
}

void Block::erase(Operation* operation) {
  for (const auto& result : operation->results()) {
    MW_CHECK(result->users().empty(), "erasing {} while {} has users", describe(*operation), result->name());
  }
  while (!operation->operands().empty()) operation->remove_operand(std::string(operation->operands().back().name));
  operations_.erase(operation);
}

void Block::replace_uses(Value* from, Value* to) {
  const std::vector<Operation*> users(from->users().begin(), from->users().end());
  for (Operation* user : users) user->replace_operand(from, to);
  std::ranges::replace(results_, from, to);
  for (const auto& operation : operations_) {
    for (const auto& nested : operation->blocks()) nested->replace_uses(from, to);
  }
}

Function::Function(std::string name, std::string opset)
    : name_(std::move(name)), opset_(std::move(opset)), block_(std::make_unique<Block>(this)) {}

Value* Function::input(std::string_view name) const {
  const auto found = std::ranges::find_if(inputs(), [&](const auto& input) { return input->name() == name; });
  return found == inputs().end() ? nullptr : found->get();
}

void Function::alias(Value* result, Value* input) {
  MW_CHECK(result->type() == input->type(), "result {} of type {} cannot alias input {} of type {}", result->name(),
           type_text(result->type()), input->name(), type_text(input->type()));
  const Type text = Type::scalar(ElementType::string);
  const auto found = std::ranges::find(attributes_, kAliases, &Attribute::name);
  std::vector<Literal::Pair> pairs;
  if (found != attributes_.end()) pairs = found->value.pairs();
  pairs.emplace_back(Literal::string(result->name()), Literal::string(input->name()));
  Literal dictionary = Literal::dictionary(Type::dict(text, text), std::move(pairs));
  if (found != attributes_.end()) {
    found->value = std::move(dictionary);
  } else {
    attributes_.push_back({kAliases, std::move(dictionary)});
  }
}

Value* Function::aliased_input(const Value* result) const {
  const Literal* aliases = find_attribute(attributes_, kAliases);
  if (aliases == nullptr || aliases->type().kind() != Type::Kind::dict) return nullptr;
  for (const auto& [from, to] : aliases->pairs()) {
    if (from.as_string() == result->name()) return input(to.as_string());
  }
  return nullptr;
}

std::string Function::unique_name(std::string_view base) {
  if (names_ == nullptr) {
    names_ = std::make_unique<std::unordered_map<std::string, int, TextHash>>();
    collect_names(*block_);
  }
  std::string name;
  for (const char c : base) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name.insert(name.begin(), '_');
  const auto found = names_->find(name);
  if (found == names_->end()) return name;
  for (;;) {
    std::string candidate = fmt::format("{}_{}", name, found->second++);
    if (!names_->contains(candidate)) return candidate;
  }
}

void Function::collect_names(const Block& block) {
  for (const auto& input : block.inputs()) names_->emplace(input->name(), 0);
  for (const auto& operation : block.operations()) {
    for (const auto& result : operation->results()) names_->emplace(result->name(), 0);
    for (const auto& nested : operation->blocks()) collect_names(*nested);
  }
}

uint32_t Function::register_value(const SharedText& name) {
  if (names_ != nullptr) names_->emplace(name, 0);
  MW_CHECK(value_count_ < std::numeric_limits<uint32_t>::max(), "{} values in function {}", value_count_, name_);
  return value_count_++;
}

Function* Program::add_function(std::string name, std::string opset) {
  functions_.push_back(std::make_unique<Function>(std::move(name), std::move(opset)));
  return functions_.back().get();
}

Function* Program::function(std::string_view name) const {
  const auto found = std::ranges::find_if(functions_, [&](const auto& f) { return f->name() == name; });
  return found == functions_.end() ? nullptr : found->get();
}

std::unique_ptr<Function> Program::take_function(std::string_view name) {
  const auto found = std::ranges::find_if(functions_, [&](const auto& f) { return f->name() == name; });
  if (found == functions_.end()) return nullptr;
  std::unique_ptr<Function> function = std::move(*found);
  functions_.erase(found);
  return function;
}

std::unique_ptr<Function> clone(const Function& function, std::unordered_map<const Value*, Value*>* values) {
  auto copy = std::make_unique<Function>(function.name(), function.opset());
  std::unordered_map<const Value*, Value*> local;
  copy_block(function.block(), copy->block(), values != nullptr ? *values : local);
  copy->attributes() = function.attributes();
  return copy;
}

size_t remove_dead_operations(Function& function) { return remove_dead_operations(function.block()); }

std::string describe(const Operation& operation) {
  const std::string label = operation.label();
  const std::string name =
      !label.empty() || operation.results().empty() ? label : std::string(operation.result()->name());
  const std::string place = operation.location().line > 0 ? fmt::format("line {}, ", operation.location().line) : "";
  return name.empty() ? fmt::format("{}{}", place, operation.kind())
                      : fmt::format("{}{} ({})", place, name, operation.kind());
}

}  // namespace millwright::mil
