// `millwright mil graph`: the graph of a program for Graphviz.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "mil/graph.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct GraphCommand {
  ProgramInput program;
  bool json = false;
};

Status run_graph(const GraphCommand& options) {
  MW_ASSIGN(const mil::ProgramSource source, options.program.read_correct());
  const std::string text = mil::dot_text(*source.program);
  options.json ? print_json(Json{{"file", source.name}, {"dot", text}}) : print(text);
  return {};
}

}  // namespace

void add_mil_graph(CommandTree& tree) {
  Command& command = tree.add("mil graph", "Print the graph of a program in Graphviz's DOT language",
                              "  millwright mil graph model.mlpackage | dot -Tsvg > model.svg\n"
                              "  millwright mil graph model.mil > model.dot\n");
  auto options = std::make_shared<GraphCommand>();
  options->program.add_to(command);
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_graph(*options); });
}

}  // namespace millwright::app
