// `millwright mil print`: a program of any form as MIL text.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "mil/blob/program_blobs.h"
#include "mil/printer.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct PrintCommand {
  ProgramInput program;
  std::string style = "apple";
  bool strip_weights = false;
  bool inline_weights = false;
  bool json = false;
};

Result<mil::PrintStyle> style_of(const std::string& name) {
  if (name == "apple") return mil::PrintStyle::apple();
  if (name == "engine") return mil::PrintStyle::engine();
  return fail("--style: expected apple or engine, found \"{}\"", name);
}

Status run_print(const PrintCommand& options) {
  MW_ASSIGN(const mil::PrintStyle style, style_of(options.style));
  if (options.strip_weights && options.inline_weights) {
    return fail("--strip-weights and --inline-weights exclude each other; leave one out");
  }
  MW_ASSIGN(mil::ProgramSource source, options.program.read_correct());
  if (options.inline_weights) MW_TRY(load_weights(source));
  size_t stripped = 0;
  if (options.strip_weights) stripped = mil::strip_weights(*source.program);
  const std::string text = mil::print(*source.program, style);
  if (options.json) {
    print_json(Json{{"file", source.name}, {"style", options.style}, {"stripped", stripped}, {"text", text}});
  } else {
    print(text);
  }
  return {};
}

}  // namespace

void add_mil_print(CommandTree& tree) {
  Command& command = tree.add("mil print", "Print a program as MIL text",
                              "  millwright mil print model.mlpackage\n"
                              "  millwright mil print --strip-weights --style engine model.mil\n"
                              "  millwright mil print - < model.mlmodel\n");
  auto options = std::make_shared<PrintCommand>();
  options->program.add_to(command);
  options->program.add_weights_to(command);
  command.text("--style", options->style, "STYLE", "apple: as coremlc writes; engine: constants by name").words = {
      "apple", "engine"};
  command.flag("--strip-weights", options->strip_weights, "Leave out the numbers of constants above 16 elements");
  command.flag("--inline-weights", options->inline_weights, "Write the numbers of weight files into the text");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_print(*options); });
}

}  // namespace millwright::app
