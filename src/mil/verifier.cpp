#include "mil/verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "mil/lexer.h"
#include "mil/name_table.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

constexpr std::string_view kAliasesAttribute = "mw_aliases";  // ir.h

// Attributes whose meaning is known have one type; others may have any.
bool is_text(const Type& type) { return type.is_scalar() && type.element() == ElementType::string; }

class Verifier {
 public:
  explicit Verifier(std::vector<Diagnostic>& diagnostics) : diagnostics_(diagnostics) {}

  void check_program(const Program& program);
  void check_function(const Function& function);

 private:
  void check_block(const Block& block);
  void check_operation(const Operation& operation);
  void check_attributes(const Operation& operation);
  void check_operands(const Operation& operation);
  void check_parameters_once(const Operation& operation);
  void check_types(const Operation& operation);
  void check_block_results(const Block& block);
  void check_aliases(const Function& function);
  void check_alias(const Function& function, const std::string& result, const std::string& input);
  // Operations behind the one that stores into an aliased input must not read the input.
  void check_reads_behind_write(const Value& input, const Value& result);
  void number_operations(const Block& block);
  void define(const Value& value, const Operation* operation);
  bool is_visible(const Value& value) const { return value.id() < visible_.size() && visible_[value.id()] == &value; }
  void hide(const Value& value) {
    if (is_visible(value)) visible_[value.id()] = nullptr;
  }

  void report(const Operation& operation, std::string_view message) {
    diagnostics_.push_back(
        {operation.location().line, operation.location().column, fmt::format("{}: {}", describe(operation), message)});
  }
  // About a whole function or block: at the operation that carries it, if there is one.
  void report(std::string message) {
    diagnostics_.push_back({0, 0, fmt::format("function {}: {}", function_->name(), message)});
  }

  std::vector<Diagnostic>& diagnostics_;
  const Function* function_ = nullptr;
  NameTable<const Value> names_;
  std::vector<const Value*> visible_;                       // by id; the values that an operation here may use
  std::unordered_map<const Operation*, size_t> positions_;  // order in the text, for aliases
};

void Verifier::check_program(const Program& program) {
  for (const Attribute& attribute : program.attributes()) {
    const Type& type = attribute.value.type();
    if (attribute.name != "buildInfo" || (type.kind() == Type::Kind::dict && is_text(type.arguments()[0]))) continue;
    diagnostics_.push_back(
        {0, 0,
         fmt::format("program: the attribute buildInfo is {}, expected a dictionary of strings", type_text(type))});
  }
  std::unordered_set<std::string_view, TextHash> names;
  for (const auto& function : program.functions()) {
    function_ = function.get();
    if (!names.insert(function->name()).second) report("the program has another function of this name");
    check_function(*function);
  }
}

void Verifier::check_function(const Function& function) {
  function_ = &function;
  names_.clear();
  visible_.clear();
  if (!is_identifier(function.name())) report("the name is not an identifier");
  check_block(function.block());
  check_aliases(function);
}

void Verifier::define(const Value& value, const Operation* operation) {
  const auto complain = [&](const std::string& message) {
    operation != nullptr ? report(*operation, message) : report(message);
  };
  if (!is_identifier(value.name())) complain(fmt::format("the value name \"{}\" is not an identifier", value.name()));
  if (names_.find(value.name(), value.name().hash()) == nullptr) {
    names_.insert(&value);
  } else {
    complain(fmt::format("the value {} is defined twice", value.name()));
  }
  if (value.id() >= visible_.size()) visible_.resize(size_t{value.id()} + 1, nullptr);
  visible_[value.id()] = &value;
}

void Verifier::check_block(const Block& block) {
  for (const auto& input : block.inputs()) define(*input, block.owner());
  for (const auto& operation : block.operations()) check_operation(*operation);
  check_block_results(block);
  if (block.owner() == nullptr) return;  // nothing follows a function's own block
  for (const auto& input : block.inputs()) hide(*input);
  for (const auto& operation : block.operations()) {
    for (const auto& result : operation->results()) hide(*result);
  }
}

void Verifier::check_block_results(const Block& block) {
  const auto complain = [&](const std::string& message) {
    block.owner() != nullptr ? report(*block.owner(), message) : report(message);
  };
  if (block.results().empty()) complain("expected one result or more, found none");
  for (const Value* result : block.results()) {
    if (!is_visible(*result)) complain(fmt::format("the result {} is not defined in this block", result->name()));
  }
}

void Verifier::check_operation(const Operation& operation) {
  for (const auto& result : operation.results()) names_.prefetch(result->name().hash());
  check_attributes(operation);
  check_operands(operation);
  for (const auto& block : operation.blocks()) check_block(*block);
  const size_t expected =
      operation.definition() != nullptr ? operation.definition()->blocks : operation.blocks().size();
  if (operation.blocks().size() == expected) {
    check_types(operation);
  } else {
    report(operation,
           fmt::format("{} takes {} blocks, found {}", operation.kind(),
                       expected == 0 ? std::string("no") : std::to_string(expected), operation.blocks().size()));
  }
  for (const auto& result : operation.results()) define(*result, &operation);
}

void Verifier::check_attributes(const Operation& operation) {
  for (const Attribute& attribute : operation.attributes()) {
    if (attribute.name != "name" || is_text(attribute.value.type())) continue;
    report(operation, fmt::format("the attribute name is {}, expected string", type_text(attribute.value.type())));
  }
}

void Verifier::check_operands(const Operation& operation) {
  check_parameters_once(operation);
  for (const Operand& operand : operation.operands()) {
    for (const Argument& argument : operand.arguments) {
      Value* const* value = std::get_if<Value*>(&argument);
      if (value == nullptr || is_visible(**value)) continue;
      report(operation, fmt::format("{} uses {}, which is not defined before it", operand.name, (*value)->name()));
    }
  }
}

void Verifier::check_parameters_once(const Operation& operation) {
  constexpr size_t kFew = 16;
  const std::span<const Operand> operands = operation.operands();
  std::unordered_set<std::string_view, TextHash> many;
  for (size_t i = 0; i < operands.size(); ++i) {
    const auto is_same = [&](const Operand& other) { return other.name == operands[i].name; };
    const bool is_repeated = operands.size() <= kFew ? std::ranges::any_of(operands.first(i), is_same)
                                                     : !many.insert(operands[i].name).second;
    if (is_repeated) report(operation, fmt::format("{} is given twice", operands[i].name));
  }
}

void Verifier::check_types(const Operation& operation) {
  auto inferred = infer_types(operation);
  if (!inferred) {
    diagnostics_.push_back({operation.location().line, operation.location().column, inferred.error().message});
    return;
  }
  if (inferred->size() != operation.results().size()) {
    report(operation, fmt::format("{} has {} result{}, found {}", operation.kind(), inferred->size(),
                                  inferred->size() == 1 ? "" : "s", operation.results().size()));
    return;
  }
  for (size_t i = 0; i < inferred->size(); ++i) {
    const Value& result = *operation.result(i);
    if (types_agree(result.type(), (*inferred)[i])) continue;
    report(operation, fmt::format("{} is declared as {}, but its operands give {}", result.name(),
                                  type_text(result.type()), type_text((*inferred)[i])));
  }
}

// Function::aliased_input() and alias() rely on this form of the attribute.
void Verifier::check_aliases(const Function& function) {
  const auto found = std::ranges::find(function.attributes(), kAliasesAttribute, &Attribute::name);
  if (found == function.attributes().end()) return;
  const Type text = Type::scalar(ElementType::string);
  if (!(found->value.type() == Type::dict(text, text))) {
    return report(fmt::format("{} is {}, expected {}", kAliasesAttribute, type_text(found->value.type()),
                              type_text(Type::dict(text, text))));
  }
  positions_.clear();
  number_operations(function.block());
  std::unordered_set<std::string, TextHash> results, inputs;
  for (const auto& [result, input] : found->value.pairs()) {
    if (!results.insert(result.as_string()).second) report(fmt::format("{} aliases two inputs", result.as_string()));
    if (!inputs.insert(input.as_string()).second)
      report(fmt::format("two results alias the input {}", input.as_string()));
    check_alias(function, result.as_string(), input.as_string());
  }
}

void Verifier::check_alias(const Function& function, const std::string& result_name, const std::string& input_name) {
  const auto result = std::ranges::find(function.results(), result_name, &Value::name);
  if (result == function.results().end()) {
    return report(fmt::format("{} is given an alias but is no result", result_name));
  }
  const Value* input = function.input(input_name);
  if (input == nullptr) return report(fmt::format("{} aliases {}, which is no input", result_name, input_name));
  if (!((*result)->type() == input->type())) {
    return report(fmt::format("{} of type {} cannot alias {} of type {}", result_name, type_text((*result)->type()),
                              input_name, type_text(input->type())));
  }
  check_reads_behind_write(*input, **result);
}

void Verifier::check_reads_behind_write(const Value& input, const Value& result) {
  const auto found = positions_.find(result.producer());
  if (found == positions_.end()) return;
  const size_t written = found->second;
  for (const Operation* reader : input.users()) {
    const auto position = positions_.find(reader);
    if (position == positions_.end() || position->second <= written) continue;
    report(*reader, fmt::format("reads {} behind the operation that stores {} into it", input.name(), result.name()));
  }
}

void Verifier::number_operations(const Block& block) {
  for (const auto& operation : block.operations()) {
    positions_.emplace(operation.get(), positions_.size());
    for (const auto& nested : operation->blocks()) number_operations(*nested);
  }
}

template <class T, class Check>
std::vector<Diagnostic> collect(const T& subject, Check check) {
  std::vector<Diagnostic> diagnostics;
  Verifier verifier(diagnostics);
  (verifier.*check)(subject);
  return diagnostics;
}

Status status_of(const std::vector<Diagnostic>& diagnostics) {
  if (diagnostics.empty()) return {};
  // The messages name line and operation themselves.
  const size_t more = diagnostics.size() - 1;
  const std::string& first = diagnostics.front().message;
  if (more == 0) return fail("{}", first);
  return fail("{} (and {} more error{})", first, more, more == 1 ? "" : "s");
}

}  // namespace

std::vector<Diagnostic> verify_all(const Program& program) { return collect(program, &Verifier::check_program); }
std::vector<Diagnostic> verify_all(const Function& function) { return collect(function, &Verifier::check_function); }
Status verify(const Program& program) { return status_of(verify_all(program)); }
Status verify(const Function& function) { return status_of(verify_all(function)); }

}  // namespace millwright::mil
