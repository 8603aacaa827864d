// `millwright mil check`: every error of programs, and what a chip's engine would make of them, as
// file:line:column: message.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "ane/rules/check.h"
#include "chip_choice.h"
#include "commands.h"
#include "mil/opset.h"
#include "mil/verifier.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"
#include "parallel_tasks.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kFilesPerThread = 8;

struct CheckCommand {
  std::vector<std::string> paths;
  std::string weights;
  bool ignore_weights = false;
  ChipChoice choice;
  bool strict = false;
  bool json = false;
};

// The errors of one program. `failure` is there where it could not be read at all.
struct Checked {
  std::string name;
  std::vector<mil::Diagnostic> diagnostics;
  std::optional<Error> failure;
  std::vector<mil::Diagnostic> warnings;
  std::vector<ane::Finding> findings;  // of the engine, where the program has no errors of its own

  size_t errors() const {
    const auto broken = std::ranges::count(findings, ane::Verdict::error, &ane::Finding::verdict);
    return diagnostics.size() + (failure ? 1 : 0) + static_cast<size_t>(broken);
  }
};

// Before the weights are loaded: the rules look at the references themselves.
std::vector<ane::Finding> ask_engine(const mil::ProgramSource& source, const ane::ChipProfile& profile,
                                     const CheckCommand& options) {
  mil::WeightFiles files(source.folder);
  std::vector<ane::Finding> findings =
      ane::check_program(*source.program, profile, options.ignore_weights ? nullptr : &files);
  if (options.strict) ane::make_strict(findings);
  return findings;
}

bool is_about_weight_files(const ane::Finding& finding) {
  return std::ranges::any_of(ane::weight_rules(), [&](const ane::Rule& rule) {
    return rule.id == finding.rule && std::holds_alternative<ane::WeightCheck>(rule.check);
  });
}

Checked check(const std::string& path, const CheckCommand& options, const std::optional<ane::ChipProfile>& profile) {
  Result<mil::ProgramSource> read = read_program(path, options.weights);
  if (!read) return {path, {}, std::move(read.error()), {}, {}};
  mil::ProgramSource& source = *read;
  if (!source.program) return {source.name, std::move(source.diagnostics), {}, {}, {}};
  Checked checked{source.name, {}, {}, {}, {}};
  if (profile && mil::verify_all(*source.program).empty()) checked.findings = ask_engine(source, *profile, options);
  // What the rules found in a weight file, the loader would only say again.
  if (!options.ignore_weights && !std::ranges::any_of(checked.findings, is_about_weight_files)) {
    if (Status loaded = load_weights(source); !loaded) {
      loaded.error().message = source.name + ": " + loaded.error().message;
      checked.failure = std::move(loaded.error());
    }
  }
  checked.diagnostics = mil::verify_all(*source.program);
  std::vector<mil::Diagnostic> newer = mil::newer_operations(*source.program);
  auto& place = options.strict ? checked.diagnostics : checked.warnings;
  std::ranges::move(newer, std::back_inserter(place));
  return checked;
}

Json json_of(const ane::Finding& finding) {
  return {{"rule", finding.rule},
          {"verdict", ane::verdict_name(finding.verdict)},
          {"stage", ane::stage_name(finding.stage)},
          {"line", finding.location.line},
          {"column", finding.location.column},
          {"subject", finding.subject},
          {"problem", finding.problem},
          {"effect", finding.effect},
          {"remedy", finding.remedy}};
}

Json json_of(std::span<const mil::Diagnostic> diagnostics) {
  Json list = Json::array();
  for (const mil::Diagnostic& diagnostic : diagnostics) {
    list.push_back({{"line", diagnostic.line}, {"column", diagnostic.column}, {"message", diagnostic.message}});
  }
  return list;
}

Json json_of(const Checked& checked, bool with_findings) {
  Json errors = json_of(checked.diagnostics);
  if (checked.failure) errors.push_back({{"line", 0}, {"column", 0}, {"message", checked.failure->message}});
  Json facts = {{"file", checked.name}, {"ok", checked.errors() == 0}, {"errors", std::move(errors)}};
  facts["warnings"] = json_of(checked.warnings);
  if (!with_findings) return facts;
  facts["findings"] = Json::array();
  for (const ane::Finding& finding : checked.findings) facts["findings"].push_back(json_of(finding));
  return facts;
}

void print_errors(const Checked& checked) {
  for (const mil::Diagnostic& diagnostic : checked.diagnostics) {
    print(mil::diagnostic_text(diagnostic, checked.name) + "\n");
  }
  if (checked.failure) print(checked.failure->message + "\n");
  for (mil::Diagnostic warning : checked.warnings) {
    warning.message = "warning: " + warning.message;
    print(mil::diagnostic_text(warning, checked.name) + "\n");
  }
  for (const ane::Finding& finding : checked.findings) {
    const mil::Diagnostic line{finding.location.line, finding.location.column, ane::finding_text(finding)};
    print(mil::diagnostic_text(line, checked.name) + "\n");
  }
}

Status run_check(const CheckCommand& options) {
  std::optional<ane::ChipProfile> profile;
  if (options.choice.is_given()) {
    MW_ASSIGN(profile, options.choice.read());
  }
  if (std::ranges::count(options.paths, kStandardInputPath) > 1) {
    return fail("{} can be one of the programs; name files for the others", kStandardInput);
  }
  Json files = Json::array();
  size_t errors = 0;
  size_t wrong_files = 0;
  bool only_io = true;
  const auto account = [&](const Checked& checked) {
    errors += checked.errors();
    if (checked.errors() > 0) ++wrong_files;
    if (!checked.diagnostics.empty() || ane::has_errors(checked.findings) ||
        (checked.failure && checked.failure->kind != ErrorKind::io))
      only_io = false;
    if (options.json) {
      files.push_back(json_of(checked, profile.has_value()));
    } else {
      print_errors(checked);
    }
  };
  // A few at a time, so that the first results do not wait for the last file.
  const auto most = kFilesPerThread * static_cast<size_t>(thread_count());
  for (size_t begin = 0; begin < options.paths.size(); begin += most) {
    std::vector<Checked> some(std::min(most, options.paths.size() - begin));
    run_tasks(some.size(), [&](size_t i) { some[i] = check(options.paths[begin + i], options, profile); });
    std::ranges::for_each(some, account);
  }
  if (options.json) print_json(files);
  if (errors == 0) return {};
  return fail(only_io ? ErrorKind::io : ErrorKind::invalid_input, "{} error{} in {} of {} program{}", errors,
              errors == 1 ? "" : "s", wrong_files, options.paths.size(), options.paths.size() == 1 ? "" : "s");
}

}  // namespace

void add_mil_check(CommandTree& tree) {
  Command& command = tree.add("mil check", "Find every error of MIL programs, and what a chip's engine would refuse",
                              "  millwright mil check model.mlmodelc model.mlpackage\n"
                              "  millwright mil check --ignore-weights model.mil\n"
                              "  millwright mil check --chip m4 --strict model.mlmodelc\n"
                              "  millwright mil print model.mlpackage | millwright mil check --ignore-weights -\n");
  auto options = std::make_shared<CheckCommand>();
  command.texts("FILE", options->paths, "PATH", "Folders and files with a program; -: standard input").required = true;
  command.text("--weights", options->weights, "DIR",
               "Folder that @model_path stands for, where it is not the program's own");
  command.flag("--ignore-weights", options->ignore_weights, "Do not look into weight files");
  options->choice.add_to(command, "--chip", "Ask the rules of this chip's engine too: m4, m4+macos26, ...");
  command.flag("--strict", options->strict,
               "Warnings are errors: newer operations than the opset, what the engine does wrong silently");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_check(*options); });
}

}  // namespace millwright::app
