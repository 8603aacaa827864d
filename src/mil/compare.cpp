#include "mil/compare.h"

#include <fmt/format.h>

#include <algorithm>

namespace millwright::mil {
namespace {

using Difference = std::optional<std::string>;

bool same_argument(const Argument& a, const Argument& b) {
  if (a.index() != b.index()) return false;
  if (const Literal* literal = std::get_if<Literal>(&a)) return *literal == std::get<Literal>(b);
  // Names are unique in a function, so a name says which value it is.
  return std::get<Value*>(a)->name() == std::get<Value*>(b)->name();
}

bool same_operand(const Operand& a, const Operand& b) {
  return a.is_list == b.is_list && std::ranges::equal(a.arguments, b.arguments, same_argument);
}

bool same_value(const Value& a, const Value& b) { return a.name() == b.name() && a.type() == b.type(); }

Difference compare_attributes(std::span<const Attribute> a, std::span<const Attribute> b) {
  if (a.size() != b.size()) return fmt::format("{} and {} attributes", a.size(), b.size());
  for (const Attribute& attribute : a) {
    const auto other = std::ranges::find(b, attribute.name, &Attribute::name);
    if (other == b.end() || !(other->value == attribute.value)) return fmt::format("attribute {}", attribute.name);
  }
  return std::nullopt;
}

Difference compare_blocks(const Block& a, const Block& b);

Difference compare_operations(const Operation& a, const Operation& b) {
  if (a.kind() != b.kind()) return fmt::format("{} and {}", a.kind(), b.kind());
  if (a.operands().size() != b.operands().size()) {
    return fmt::format("{} and {} operands", a.operands().size(), b.operands().size());
  }
  for (const Operand& operand : a.operands()) {
    const Operand* other = b.find_operand(operand.name);
    if (other == nullptr || !same_operand(operand, *other)) return fmt::format("operand {}", operand.name);
  }
  if (Difference difference = compare_attributes(a.attributes(), b.attributes())) return difference;
  const auto same_result = [](const auto& x, const auto& y) { return same_value(*x, *y); };
  if (!std::ranges::equal(a.results(), b.results(), same_result)) return "results";
  if (a.blocks().size() != b.blocks().size()) {
    return fmt::format("{} and {} blocks", a.blocks().size(), b.blocks().size());
  }
  for (size_t i = 0; i < a.blocks().size(); ++i) {
    if (Difference difference = compare_blocks(*a.blocks()[i], *b.blocks()[i])) {
      return fmt::format("block {}, {}", i, *difference);
    }
  }
  return std::nullopt;
}

Difference compare_blocks(const Block& a, const Block& b) {
  const auto same_input = [](const auto& x, const auto& y) { return same_value(*x, *y); };
  if (!std::ranges::equal(a.inputs(), b.inputs(), same_input)) return "inputs";
  auto other = b.operations().begin();
  size_t index = 0;
  for (const auto& operation : a.operations()) {
    if (other == b.operations().end()) break;
    if (Difference difference = compare_operations(*operation, **other)) {
      return fmt::format("operation {} ({}): {}", index, operation->kind(), *difference);
    }
    ++other;
    ++index;
  }
  if (a.operations().size() != b.operations().size()) {
    return fmt::format("{} and {} operations", a.operations().size(), b.operations().size());
  }
  const auto same_name = [](const Value* x, const Value* y) { return x->name() == y->name(); };
  if (!std::ranges::equal(a.results(), b.results(), same_name)) return "results";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> first_difference(const Function& a, const Function& b) {
  const std::string place = fmt::format("function {}", a.name());
  if (a.name() != b.name()) return fmt::format("functions {} and {}", a.name(), b.name());
  if (a.opset() != b.opset()) return fmt::format("{}: opsets {} and {}", place, a.opset(), b.opset());
  if (Difference difference = compare_attributes(a.attributes(), b.attributes())) {
    return fmt::format("{}: {}", place, *difference);
  }
  if (Difference difference = compare_blocks(a.block(), b.block())) return fmt::format("{}, {}", place, *difference);
  return std::nullopt;
}

std::optional<std::string> first_difference(const Program& a, const Program& b) {
  if (a.version() != b.version()) return fmt::format("versions {} and {}", a.version(), b.version());
  if (Difference difference = compare_attributes(a.attributes(), b.attributes())) {
    return fmt::format("program: {}", *difference);
  }
  if (a.functions().size() != b.functions().size()) {
    return fmt::format("{} and {} functions", a.functions().size(), b.functions().size());
  }
  for (size_t i = 0; i < a.functions().size(); ++i) {
    if (Difference difference = first_difference(*a.functions()[i], *b.functions()[i])) return difference;
  }
  return std::nullopt;
}

bool equal(const Program& a, const Program& b) { return !first_difference(a, b).has_value(); }
bool equal(const Function& a, const Function& b) { return !first_difference(a, b).has_value(); }

}  // namespace millwright::mil
