#include "ane/rules/check.h"

#include <algorithm>

#include "ane/rules/walk.h"

namespace millwright::ane {

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::compile:
      return "compile";
    case Stage::load:
      return "load";
    case Stage::evaluate:
      return "evaluate";
    case Stage::silent:
      return "silent";
  }
  return {};
}

std::string_view verdict_name(Verdict verdict) { return verdict == Verdict::error ? "error" : "warning"; }

Finding& Report::add(std::string subject, std::string problem, mil::Location location) {
  findings_.push_back({rule_.id, rule_.stage, rule_.verdict, location, std::move(subject), std::move(problem),
                       std::string(rule_.effect), std::string(rule_.remedy)});
  return findings_.back();
}

Finding& Report::add(const mil::Operation& operation, std::string problem) {
  return add(subject_of(operation), std::move(problem), operation.location());
}

std::span<const RuleSection> rule_sections() {
  static const RuleSection sections[] = {
      {"Text and front end", text_rules()}, {"Shapes and sizes", shape_rules()},
      {"Life cycle", lifecycle_rules()},    {"Input and output surfaces", surface_rules()},
      {"Weights", weight_rules()},          {"Numerics", numeric_rules()},
  };
  return sections;
}

namespace {

template <class Visit>
void for_each_rule(Visit&& visit) {
  for (const RuleSection& section : rule_sections()) {
    for (const Rule& rule : section.rules) visit(rule);
  }
}

struct AskProgram {
  const mil::Program& program;
  const ChipProfile& profile;
  mil::WeightFiles* files;
  Report report;

  void operator()(OperationCheck check) {
    for_each_operation(program, [&](const mil::Operation& operation) { check(operation, profile, report); });
  }
  void operator()(FunctionCheck check) {
    for (const auto& function : program.functions()) check(*function, profile, report);
  }
  void operator()(ProgramCheck check) { check(program, profile, report); }
  void operator()(WeightCheck check) {
    if (files != nullptr) check(program, *files, profile, report);
  }
  void operator()(RequestCheck) {}
  void operator()(LifecycleCheck) {}
};

}  // namespace

std::vector<Finding> check_program(const mil::Program& program, const ChipProfile& profile, mil::WeightFiles* files) {
  std::vector<Finding> findings;
  for_each_rule([&](const Rule& rule) {
    std::visit(AskProgram{program, profile, files, Report(rule, findings)}, rule.check);
  });
  std::ranges::stable_sort(
      findings, {}, [](const Finding& finding) { return std::pair(finding.location.line, finding.location.column); });
  return findings;
}

std::vector<Finding> check_request(const Request& request, const ChipProfile& profile) {
  std::vector<Finding> findings;
  for_each_rule([&](const Rule& rule) {
    Report report(rule, findings);
    if (const auto* check = std::get_if<RequestCheck>(&rule.check)) (*check)(request, profile, report);
  });
  return findings;
}

std::vector<Finding> check_event(const LifecycleEvent& event, const ChipProfile& profile) {
  std::vector<Finding> findings;
  for_each_rule([&](const Rule& rule) {
    Report report(rule, findings);
    if (const auto* check = std::get_if<LifecycleCheck>(&rule.check)) (*check)(event, profile, report);
  });
  return findings;
}

void make_strict(std::vector<Finding>& findings) {
  for (Finding& finding : findings) finding.verdict = Verdict::error;
}

bool has_errors(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings, [](const Finding& finding) { return finding.verdict == Verdict::error; });
}

std::string finding_text(const Finding& finding) {
  const std::string place = finding.stage == Stage::silent ? "silent" : fmt::format("at {}", stage_name(finding.stage));
  return fmt::format("{} {} {}: {}: {}; {}; {}", finding.rule, verdict_name(finding.verdict), place, finding.subject,
                     finding.problem, finding.effect, finding.remedy);
}

}  // namespace millwright::ane
