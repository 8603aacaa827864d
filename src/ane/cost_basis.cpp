#include "ane/cost_basis.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include "ane/profile_fields.h"

namespace millwright::ane {
namespace {

constexpr std::string_view kFit = "fit";
constexpr std::string_view kFitted = "fitted to published measurements";

// The part that goes by a fact, if any does.
std::optional<CostPart> part_of(const ProfileField& field) {
  if (field.section == "cost") return field.key.starts_with("compile_") ? CostPart::compile : CostPart::time;
  if (field.key == "operand_bytes" || field.key == "on_chip_model") return CostPart::time;
  if (field.key == "int8_speedup" || field.key == "int8_factor") return CostPart::int8;
  if (field.key == "dispatch_w" || field.key == "streaming_w" || field.key == "compute_w") return CostPart::energy;
  return std::nullopt;
}

template <class T>
std::string origin_of(const Fact<T>& fact) {
  if (!fact.known()) return "unknown";
  const std::string how = fact.source == kFit ? std::string(kFitted) : fact.source;
  return fmt::format("{}{}{} (profile {})", how, fact.reason.empty() ? "" : ": ", fact.reason, fact.profile);
}

}  // namespace

std::vector<BasisLine> cost_basis(const ChipProfile& profile, std::span<const CostPart> parts) {
  std::vector<BasisLine> lines;
  for (const ProfileField& field : profile_fields()) {
    const std::optional<CostPart> part = part_of(field);
    if (!part || std::ranges::find(parts, *part) == parts.end()) continue;
    // The table's accessors give members to change; reading through them changes nothing.
    const std::string origin = std::visit(
        [&](const auto& access) { return origin_of(access(const_cast<ChipProfile&>(profile))); }, field.fact);
    auto line = std::ranges::find(lines, origin, &BasisLine::origin);
    if (line == lines.end()) line = lines.insert(lines.end(), {{}, origin});
    line->constants.push_back(fmt::format("{}.{}", field.section, field.key));
  }
  std::vector<BasisLine> fitted_first;
  for (const bool is_fitted : {true, false}) {
    std::ranges::copy_if(lines, std::back_inserter(fitted_first),
                         [&](const BasisLine& line) { return line.origin.starts_with(kFitted) == is_fitted; });
  }
  return fitted_first;
}

}  // namespace millwright::ane
