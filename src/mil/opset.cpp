#include "mil/opset.h"

#include <fmt/format.h>

#include <charconv>

#include "mil/registry.h"

namespace millwright::mil {
namespace {

// The number behind a name such as "ios", if nothing else follows it.
std::optional<int> number_behind(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  int number = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || stop != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

void collect(const Block& block, int age, std::string_view opset, std::vector<Diagnostic>& found) {
  for (const auto& operation : block.operations()) {
    for (const auto& nested : operation->blocks()) collect(*nested, age, opset, found);
    const OperationDefinition* definition = operation->definition();
    if (definition == nullptr || definition->internal) continue;
    const std::optional<int> since = opset_age(definition->since);
    if (!since || *since <= age) continue;
    found.push_back({operation->location().line, operation->location().column,
                     fmt::format("{}: {} came with {}, and the function is written in {}", describe(*operation),
                                 definition->name, definition->since, opset)});
  }
}

}  // namespace

std::optional<int> opset_age(std::string_view opset) {
  constexpr int kYearNames = 26;  // from here on versions are years, the same for every system
  if (const auto version = number_behind(opset, "ios")) return version;
  // Core ML 3 came with iOS 13, 8 with iOS 18 and 9 with iOS 26; macOS 15 with iOS 18.
  if (const auto version = number_behind(opset, "CoreML")) return *version <= 8 ? *version + 10 : *version + 17;
  if (const auto version = number_behind(opset, "macos")) return *version < kYearNames ? *version + 3 : *version;
  return std::nullopt;
}

std::vector<Diagnostic> newer_operations(const Program& program) {
  std::vector<Diagnostic> found;
  for (const auto& function : program.functions()) {
    if (const auto age = opset_age(function->opset())) collect(function->block(), *age, function->opset(), found);
  }
  return found;
}

}  // namespace millwright::mil
