// `millwright mil check`: every error of programs, as file:line:column: message.

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "mil/verifier.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct CheckCommand {
  std::vector<std::string> paths;
  std::string weights;
  bool ignore_weights = false;
  bool json = false;
};

// The errors of one program. `failure` is there where it could not be read at all.
struct Checked {
  std::string name;
  std::vector<mil::Diagnostic> diagnostics;
  std::optional<Error> failure;

  size_t errors() const { return diagnostics.size() + (failure ? 1 : 0); }
};

Checked check(const std::string& path, const CheckCommand& options) {
  Result<mil::ProgramSource> read = read_program(path, options.weights);
  if (!read) return {path, {}, std::move(read.error())};
  mil::ProgramSource& source = *read;
  if (!source.program) return {source.name, std::move(source.diagnostics), {}};
  if (!options.ignore_weights) {
    if (Status loaded = load_weights(source); !loaded) {
      loaded.error().message = source.name + ": " + loaded.error().message;
      return {source.name, mil::verify_all(*source.program), std::move(loaded.error())};
    }
  }
  return {source.name, mil::verify_all(*source.program), {}};
}

Json json_of(const Checked& checked) {
  Json errors = Json::array();
  for (const mil::Diagnostic& diagnostic : checked.diagnostics) {
    errors.push_back({{"line", diagnostic.line}, {"column", diagnostic.column}, {"message", diagnostic.message}});
  }
  if (checked.failure) errors.push_back({{"line", 0}, {"column", 0}, {"message", checked.failure->message}});
  return {{"file", checked.name}, {"ok", checked.errors() == 0}, {"errors", std::move(errors)}};
}

void print_errors(const Checked& checked) {
  for (const mil::Diagnostic& diagnostic : checked.diagnostics) {
    print(mil::diagnostic_text(diagnostic, checked.name) + "\n");
  }
  if (checked.failure) print(checked.failure->message + "\n");
}

Status run_check(const CheckCommand& options) {
  Json files = Json::array();
  size_t errors = 0;
  size_t wrong_files = 0;
  bool only_io = true;
  for (const std::string& path : options.paths) {
    const Checked checked = check(path, options);
    errors += checked.errors();
    if (checked.errors() > 0) ++wrong_files;
    if (!checked.diagnostics.empty() || (checked.failure && checked.failure->kind != ErrorKind::io)) only_io = false;
    if (options.json) {
      files.push_back(json_of(checked));
    } else {
      print_errors(checked);
    }
  }
  if (options.json) print_json(files);
  if (errors == 0) return {};
  return fail(only_io ? ErrorKind::io : ErrorKind::invalid_input, "{} error{} in {} of {} program{}", errors,
              errors == 1 ? "" : "s", wrong_files, options.paths.size(), options.paths.size() == 1 ? "" : "s");
}

}  // namespace

void add_mil_check(CommandTree& tree) {
  Command& command = tree.add("mil check", "Find every error of MIL programs",
                              "  millwright mil check model.mlmodelc model.mlpackage\n"
                              "  millwright mil check --ignore-weights model.mil\n"
                              "  millwright mil print model.mlpackage | millwright mil check --ignore-weights -\n");
  auto options = std::make_shared<CheckCommand>();
  command.texts("FILE", options->paths, "PATH", "Folders and files with a program; -: standard input").required = true;
  command.text("--weights", options->weights, "DIR",
               "Folder that @model_path stands for, where it is not the program's own");
  command.flag("--ignore-weights", options->ignore_weights, "Do not look into weight files");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_check(*options); });
}

}  // namespace millwright::app
