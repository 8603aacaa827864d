#include "device/probe/compile_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ane/probes.h"
#include "base/check.h"
#include "base/svg_plot.h"

namespace millwright::device {
namespace {

Status compile_small(Device& device, int64_t index) {
  mil::Program program;
  program.add_function(ane::small_program(index));
  MW_ASSIGN(const auto executable, device.compile(program, {}));
  return {};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

std::string limit_text(const std::optional<int64_t>& limit) {
  if (!limit) return "unknown";
  return *limit == ane::kNoLimit ? "none" : fmt::format("{}", *limit);
}

}  // namespace

Result<CompileLimit> probe_compile_limit(Device& device, int64_t most) {
  MW_CHECK(most > 0, "{} programs were asked for", most);
  CompileLimit limit;
  while (limit.accepted() < most) {
    const double before = device.clock().seconds;
    Status compiled = compile_small(device, limit.accepted());
    if (compiled) {
      limit.seconds.push_back(device.clock().seconds - before);
      continue;
    }
    if (compiled.error().kind != ErrorKind::exhausted) return forward_error(compiled);
    limit.refusal = std::move(compiled.error().message);
    limit.takes_known_program = limit.accepted() > 0 && compile_small(device, 0).has_value();
    break;
  }
  return limit;
}

std::vector<ane::ProbeNote> compile_limit_notes(const CompileLimit& limit, const ane::ProbeSubject& subject) {
  std::vector<ane::ProbeNote> notes;
  if (limit.refusal) notes.push_back({"refused", fmt::format("program {}: {}", limit.accepted() + 1, *limit.refusal)});
  if (subject.chip == nullptr) return notes;
  const auto& budget = subject.chip->lifecycle.compile_budget;
  notes.push_back({"published", fmt::format("{} ({}){}{}", limit_text(budget.value), budget.source,
                                            budget.reason.empty() ? "" : ": ", budget.reason)});
  for (const auto& other : budget.alternatives) {
    notes.push_back({"disputed", fmt::format("{} ({})", limit_text(other.value), other.source)});
  }
  if (subject.is_predicted) {
    notes.push_back(
        {"predicted from", fmt::format("lifecycle.compile_budget of the profile, {}: the probe runs into the "
                                       "budget that a source reports, and tells nothing new of the chip",
                                       limit_text(budget.value))});
  }
  constexpr ane::CostPart kParts[] = {ane::CostPart::compile};
  for (ane::ProbeNote& note : ane::basis_notes(subject, kParts)) notes.push_back(std::move(note));
  return notes;
}

std::string compile_limit_table(const CompileLimit& limit, const ane::ProbeSubject& subject) {
  std::string text = fmt::format("compile-limit: programs that one process may compile\non {}\n\n", subject.device);
  text += fmt::format("accepted         {}{}\n", limit.accepted(),
                      limit.refusal ? fmt::format(", program {} was refused", limit.accepted() + 1)
                                    : ", all that were tried; --most N tries others");
  if (limit.refusal) {
    text += fmt::format("a known program  {}\n", limit.takes_known_program ? "accepted, still" : "refused, too");
  }
  if (!limit.seconds.empty()) {
    const auto [least, most] = std::ranges::minmax(limit.seconds);
    text += fmt::format("one compile      {:.3g} ms, from {:.3g} to {:.3g} ms ({})\n", 1e3 * median(limit.seconds),
                        1e3 * least, 1e3 * most, subject.verb());
  }
  return text + ane::notes_text(compile_limit_notes(limit, subject));
}

std::string compile_limit_figure(const CompileLimit& limit, const ane::ProbeSubject& subject) {
  PlotSeries accepted{"accepted", kPlotColors[0], true, {{0, 0}}};
  const auto count = static_cast<double>(limit.accepted());
  accepted.points.emplace_back(count, count);
  if (limit.refusal) accepted.points.emplace_back(count * 1.25, count);
  std::vector<PlotSeries> all = {accepted};
  if (subject.chip != nullptr) {
    PlotSeries published{"published limits", kPlotGrey, false, {}};
    const auto add = [&](const std::optional<int64_t>& value) {
      if (!value || *value == ane::kNoLimit) return;
      published.points.emplace_back(static_cast<double>(*value), static_cast<double>(*value));
    };
    add(subject.chip->lifecycle.compile_budget.value);
    for (const auto& other : subject.chip->lifecycle.compile_budget.alternatives) add(other.value);
    if (!published.points.empty()) all.push_back(std::move(published));
  }
  return svg_plot(fmt::format("compile-limit on {}", subject.device), {"programs tried", false},
                  {"programs accepted", false}, all);
}

}  // namespace millwright::device
