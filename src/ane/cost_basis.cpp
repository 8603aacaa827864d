#include "ane/cost_basis.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "ane/profile_fields.h"

namespace millwright::ane {
namespace {

constexpr std::string_view kFit = "fit";

// The part that goes by a fact, if any does.
std::optional<CostPart> part_of(const ProfileField& field) {
  if (field.section == "cost") return field.key.starts_with("compile_") ? CostPart::compile : CostPart::time;
  if (field.key == "operand_bytes" || field.key == "on_chip_model") return CostPart::time;
  if (field.key == "int8_speedup" || field.key == "int8_factor") return CostPart::int8;
  if (field.key == "dispatch_w" || field.key == "streaming_w" || field.key == "compute_w") return CostPart::energy;
  return std::nullopt;
}

// The line of one fact, without the fact's name.
template <class T>
BasisLine line_of(const Fact<T>& fact) {
  BasisLine line;
  line.profile = fact.profile;
  line.is_fitted = fact.known() && fact.source == kFit;
  const std::string how = line.is_fitted ? "fitted to published measurements" : fact.source;
  line.origin =
      fact.known() ? fmt::format("{}{}{} (profile {})", how, fact.reason.empty() ? "" : ": ", fact.reason, fact.profile)
                   : "unknown";
  return line;
}

}  // namespace

std::vector<BasisLine> cost_basis(const ChipProfile& profile, std::span<const CostPart> parts) {
  std::vector<BasisLine> lines;
  for (const ProfileField& field : profile_fields()) {
    const std::optional<CostPart> part = part_of(field);
    if (!part || std::ranges::find(parts, *part) == parts.end()) continue;
    // The table's accessors give members to change; reading through them changes nothing.
    BasisLine added =
        std::visit([&](const auto& access) { return line_of(access(const_cast<ChipProfile&>(profile))); }, field.fact);
    auto line = std::ranges::find(lines, added.origin, &BasisLine::origin);
    if (line == lines.end()) line = lines.insert(lines.end(), std::move(added));
    line->constants.push_back(fmt::format("{}.{}", field.section, field.key));
  }
  std::vector<BasisLine> fitted_first;
  for (const bool is_fitted : {true, false}) {
    std::ranges::copy_if(lines, std::back_inserter(fitted_first),
                         [&](const BasisLine& line) { return line.is_fitted == is_fitted; });
  }
  return fitted_first;
}

}  // namespace millwright::ane
