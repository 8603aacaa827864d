#include "mil/registry.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>

#include "base/check.h"
#include "mil/operations/tables.h"

namespace millwright::mil {
namespace {

constexpr size_t kMostParameters = 32;  // of one operation

std::vector<OperationDefinition> collect() {
  std::vector<OperationDefinition> all;
  for (auto table : {operations::elementwise, operations::activations, operations::normalizations, operations::products,
                     operations::windows, operations::recurrent, operations::reductions, operations::shapes,
                     operations::rearrangements, operations::slices, operations::gathers, operations::creation,
                     operations::sorting, operations::images, operations::compression, operations::states,
                     operations::control_flow, operations::random, operations::internal}) {
    for (OperationDefinition& definition : table()) {
      MW_CHECK(definition.parameters.size() <= kMostParameters, "{} parameters", definition.parameters.size());
      all.push_back(std::move(definition));
    }
  }
  std::ranges::sort(all, {}, &OperationDefinition::name);
  return all;
}

const std::vector<OperationDefinition>& registry() {
  static const std::vector<OperationDefinition> all = collect();
  return all;
}

std::string_view expectation_text(ParameterDefinition::Expect expect) {
  switch (expect) {
    case ParameterDefinition::Expect::tensor:
      return "a tensor of numbers or bool";
    case ParameterDefinition::Expect::boolean:
      return "one bool";
    case ParameterDefinition::Expect::integer:
      return "one integer";
    case ParameterDefinition::Expect::number:
      return "one number";
    case ParameterDefinition::Expect::text:
      return "one string";
    case ParameterDefinition::Expect::booleans:
      return "a vector of bool";
    case ParameterDefinition::Expect::integers:
      return "a vector of integers";
    case ParameterDefinition::Expect::state:
      return "a state";
    case ParameterDefinition::Expect::sequence:
      return "a list";
    case ParameterDefinition::Expect::anything:
      return "a value";
  }
  return {};
}

bool is_single(const Type& type) {
  return std::ranges::all_of(type.shape(), [](int64_t size) { return size == 1; });
}
bool is_vector(const Type& type) { return type.rank() == 1 || type.rank() == 0; }

bool meets(const Type& type, ParameterDefinition::Expect expect) {
  if (expect == ParameterDefinition::Expect::anything) return true;
  if (expect == ParameterDefinition::Expect::state) return type.kind() == Type::Kind::state;
  if (expect == ParameterDefinition::Expect::sequence) return type.kind() == Type::Kind::list;
  if (!type.is_tensor()) return false;
  const ElementType element = type.element();
  switch (expect) {
    case ParameterDefinition::Expect::tensor:
      return element != ElementType::string;
    case ParameterDefinition::Expect::boolean:
      return element == ElementType::boolean && is_single(type);
    case ParameterDefinition::Expect::integer:
      return is_integer(element) && is_single(type);
    case ParameterDefinition::Expect::number:
      return (is_integer(element) || is_floating(element)) && is_single(type);
    case ParameterDefinition::Expect::text:
      return element == ElementType::string && is_single(type);
    case ParameterDefinition::Expect::booleans:
      return element == ElementType::boolean && is_vector(type);
    case ParameterDefinition::Expect::integers:
      return is_integer(element) && is_vector(type);
    case ParameterDefinition::Expect::state:
    case ParameterDefinition::Expect::sequence:
    case ParameterDefinition::Expect::anything:
      break;  // answered above
  }
  return false;
}

Status check_type(const ParameterDefinition& parameter, const Type& type) {
  if (meets(type, parameter.expect)) return {};
  return fail("{} is {}, expected {}", parameter.name, type_text(type), expectation_text(parameter.expect));
}

// Type rules add and multiply sizes and integer parameters; within 32 bits none of that can overflow.
constexpr int64_t kLargestSize = std::numeric_limits<int32_t>::max();
constexpr int64_t kLargestElementCount = int64_t{1} << 59;  // 2^62 bytes of the widest type

Status check_size(std::string_view name, const Type& type) {
  if (!type.is_tensor()) return {};
  int64_t elements = 1;
  for (const int64_t size : type.shape()) {
    if (size > kLargestSize || (size > 1 && elements > kLargestElementCount / size)) {
      return fail("{} {} is too large", name, type_text(type));
    }
    elements *= std::max<int64_t>(size, 1);
  }
  return {};
}

// A constant whose elements are at hand.
const Literal* inline_only(const Literal* literal) {
  return literal != nullptr && literal->is_blob() ? nullptr : literal;
}

// The constant that an operand is bound to: find_operand() and constant() of the operation in one.
const Literal* constant_of(const Operand& operand) {
  return operand.arguments.size() == 1 ? operations::argument_constant(operand.arguments[0]) : nullptr;
}

Status check_operand(const Operand& operand, const ParameterDefinition* parameter) {
  if (parameter == nullptr) return fail("has no parameter {}", operand.name);
  const bool is_list = parameter->kind == ParameterDefinition::Kind::list;
  if (is_list && operand.arguments.empty()) return fail("{} is an empty list", operand.name);
  if (!is_list && (operand.is_list || operand.arguments.size() != 1)) {
    return fail("{} takes one value, found a list", operand.name);
  }
  for (const Argument& argument : operand.arguments) {
    MW_TRY(check_type(*parameter, operations::argument_type(argument)));
    MW_TRY(check_size(operand.name, operations::argument_type(argument)));
  }
  if (parameter->kind == ParameterDefinition::Kind::constant && constant_of(operand) == nullptr) {
    return fail("{} must be a constant", operand.name);
  }
  return {};
}

// `literal` is the constant that the parameter is bound to, if any.
Status check_integers(const ParameterDefinition& parameter, const Literal* literal) {
  using Expect = ParameterDefinition::Expect;
  if (parameter.expect != Expect::integer && parameter.expect != Expect::integers) return {};
  if (literal == nullptr || !literal->has_elements()) return {};
  const ElementType element = literal->type().element();
  const bool is_wide = element == ElementType::uint32 || element_bytes(element) == sizeof(int64_t);
  for (int64_t i = 0; is_wide && i < literal->type().count(); ++i) {
    const int64_t value = literal->integer_at(i);
    if (value < -kLargestSize - 1 || value > kLargestSize) {
      return fail("{} has {}, expected 32-bit integers", parameter.name, value);
    }
  }
  return {};
}

Status check_operands(const Operation& operation) {
  // The operand of each parameter, in the order of the definition; the first where one is given twice.
  const std::vector<ParameterDefinition>& parameters = operation.definition()->parameters;
  std::array<const Operand*, kMostParameters> given{};
  for (const Operand& operand : operation.operands()) {
    const ParameterDefinition* parameter = operation.definition()->parameter(operand.name);
    MW_TRY(check_operand(operand, parameter));
    const Operand*& first = given[static_cast<size_t>(parameter - parameters.data())];
    if (first == nullptr) first = &operand;
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterDefinition& parameter = parameters[i];
    const Literal* attribute = operation.attribute(parameter.name);
    if (parameter.required && given[i] == nullptr && attribute == nullptr) {
      return fail("the parameter {} is missing", parameter.name);
    }
    if (attribute != nullptr) {
      if (parameter.kind == ParameterDefinition::Kind::list) return fail("{} must be an operand", parameter.name);
      MW_TRY(check_type(parameter, attribute->type()));
      MW_TRY(check_size(parameter.name, attribute->type()));
      if (parameter.kind == ParameterDefinition::Kind::constant && operation.constant(parameter.name) == nullptr) {
        return fail("{} must be a constant", parameter.name);
      }
    }
    MW_TRY(check_integers(parameter, given[i] != nullptr ? constant_of(*given[i]) : inline_only(attribute)));
  }
  return {};
}

}  // namespace

const ParameterDefinition* OperationDefinition::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters, name, &ParameterDefinition::name);
  return found == parameters.end() ? nullptr : &*found;
}

const OperationDefinition* find_definition(std::string_view kind) {
  static const std::unordered_map<std::string_view, const OperationDefinition*> by_name = [] {
    std::unordered_map<std::string_view, const OperationDefinition*> map;
    for (const OperationDefinition& definition : registry()) map.emplace(definition.name, &definition);
    return map;
  }();
  const auto found = by_name.find(kind);
  return found == by_name.end() ? nullptr : found->second;
}

bool types_agree(const Type& a, const Type& b) {
  const auto sizes_agree = [](int64_t x, int64_t y) {
    return x == y || x == kUnknownDimension || y == kUnknownDimension;
  };
  if (a.kind() != b.kind()) return false;
  if (a.is_tensor()) return a.element() == b.element() && std::ranges::equal(a.shape(), b.shape(), sizes_agree);
  if (a.kind() == Type::Kind::list && !sizes_agree(a.list_length(), b.list_length())) return false;
  return std::ranges::equal(a.arguments(), b.arguments(), types_agree);
}

std::span<const OperationDefinition> all_definitions() { return registry(); }

Result<std::vector<Type>> infer_types(const Operation& operation) {
  if (operation.definition() == nullptr) {
    return fail("{}: unknown operation {}", describe(operation), operation.kind());
  }
  if (Status status = check_operands(operation); !status) {
    return tl::unexpected<Error>(with_context(std::move(status.error()), describe(operation)));
  }
  auto types = operation.definition()->infer(operation);
  if (!types) return tl::unexpected<Error>(with_context(std::move(types.error()), describe(operation)));
  for (const Type& type : *types) {
    if (Status status = check_size("the result", type); !status) {
      return tl::unexpected<Error>(with_context(std::move(status.error()), describe(operation)));
    }
  }
  return types;
}

}  // namespace millwright::mil
