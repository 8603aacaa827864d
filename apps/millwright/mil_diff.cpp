// `millwright mil diff`: what differs between two programs, names aside.

#include "mil/diff.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"
#include "parallel_tasks.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct DiffCommand {
  std::string a;
  std::string b;
  bool ignore_weights = false;
  bool build_info = false;
  bool json = false;
};

Result<mil::ProgramSource> read_correct(const std::string& path) {
  MW_ASSIGN(mil::ProgramSource source, read_program(path, ""));
  if (!source.diagnostics.empty()) return mil::fail_with(source.diagnostics, source.name);
  return source;
}

std::string_view kind_text(mil::Difference::Kind kind) {
  switch (kind) {
    case mil::Difference::Kind::added:
      return "added";
    case mil::Difference::Kind::removed:
      return "removed";
    case mil::Difference::Kind::moved:
      return "moved";
    case mil::Difference::Kind::changed:
      return "changed";
  }
  return {};
}

std::string_view subject_text(mil::Difference::Subject subject) {
  switch (subject) {
    case mil::Difference::Subject::program:
      return "program";
    case mil::Difference::Subject::function:
      return "function";
    case mil::Difference::Subject::operation:
      return "operation";
  }
  return {};
}

Json place_json(const mil::Difference::Place& place) {
  if (place.text.empty()) return nullptr;
  return {{"text", place.text}, {"line", place.line}, {"number", place.number}};
}

Json json_of(const mil::Difference& difference) {
  Json changes = Json::array();
  for (const mil::Change& change : difference.changes) {
    changes.push_back({{"what", change.what}, {"before", change.before}, {"after", change.after}});
  }
  return {{"kind", kind_text(difference.kind)}, {"subject", subject_text(difference.subject)},
          {"function", difference.function},    {"a", place_json(difference.a)},
          {"b", place_json(difference.b)},      {"changes", std::move(changes)}};
}

void print_differences(const mil::ProgramDiff& found) {
  std::string text;
  const std::string* function = nullptr;
  for (const mil::Difference& difference : found.differences) {
    const bool is_operation = difference.subject == mil::Difference::Subject::operation;
    if (is_operation && (function == nullptr || *function != difference.function)) {
      text += fmt::format("in function {}:\n", difference.function);
    }
    function = is_operation ? &difference.function : nullptr;
    text += mil::difference_text(difference);
  }
  print(text);
}

Status run_diff(const DiffCommand& options) {
  if (options.a == kStandardInputPath && options.b == kStandardInputPath) {
    return fail("{} can be one of the two programs; name a file for the other", kStandardInput);
  }
  std::array<Result<mil::ProgramSource>, 2> read;
  run_tasks(read.size(), [&](size_t side) { read[side] = read_correct(side == 0 ? options.a : options.b); });
  MW_ASSIGN(const mil::ProgramSource a, std::move(read[0]));
  MW_ASSIGN(const mil::ProgramSource b, std::move(read[1]));
  mil::WeightFiles a_weights(a.folder);
  mil::WeightFiles b_weights(b.folder);
  const mil::ProgramDiff found = mil::diff(*a.program, *b.program,
                                           {.a_weights = &a_weights,
                                            .b_weights = &b_weights,
                                            .ignore_weights = options.ignore_weights,
                                            .compare_build_info = options.build_info});
  if (options.json) {
    Json differences = Json::array();
    for (const mil::Difference& difference : found.differences) differences.push_back(json_of(difference));
    print_json({{"a", a.name},
                {"b", b.name},
                {"equal", found.equal()},
                {"weights_note", found.weights_note},
                {"differences", std::move(differences)}});
  } else {
    if (!found.weights_note.empty()) {
      print(fmt::format("weights are compared by path and offset: {}\n", found.weights_note));
    }
    if (found.equal()) print(fmt::format("{} and {} are equal, names aside\n", a.name, b.name));
    print_differences(found);
  }
  if (found.equal()) return {};
  return fail("{} difference{} between {} and {}", found.differences.size(), found.differences.size() == 1 ? "" : "s",
              a.name, b.name);
}

}  // namespace

void add_mil_diff(CommandTree& tree) {
  Command& command = tree.add("mil diff", "Say what differs between two programs, names aside",
                              "  millwright mil diff old.mlpackage new.mlpackage\n"
                              "  millwright mil diff --ignore-weights before.mil after.mil\n"
                              "  millwright mil print model.mlpackage | millwright mil diff model.mlpackage -\n");
  auto options = std::make_shared<DiffCommand>();
  command.text("A", options->a, "PATH", "An .mlpackage, .mlmodelc, .mlmodel or .mil; -: standard input").required =
      true;
  command.text("B", options->b, "PATH", "The program to compare it with").required = true;
  command.flag("--ignore-weights", options->ignore_weights,
               "Weights and constants of more than 16 elements need only have one type");
  command.flag("--build-info", options->build_info, "Compare buildInfo, too: which tools made the programs");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_diff(*options); });
}

}  // namespace millwright::app
