// `millwright mil graph`: a program as a picture, drawn by Graphviz where it is installed.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/subprocess.h"
#include "commands.h"
#include "mil/graph.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

// `dot` takes minutes above: its layout is worse than linear in the nodes.
constexpr int64_t kMostNodes = 2000;

struct Format {
  const char* name;
  const char* extension;
  bool is_text;
};
constexpr std::array kFormats = {Format{"svg", ".svg", true}, Format{"dot", ".dot", true}, Format{"png", ".png", false},
                                 Format{"pdf", ".pdf", false}};

struct GraphCommand {
  ProgramInput program;
  std::string function;
  std::string format;
  std::string out;
  int64_t most_nodes = kMostNodes;
  bool json = false;
};

// What --format or the end of --out asks for; nothing where neither does.
Result<const Format*> wanted_format(const GraphCommand& options) {
  if (!options.format.empty()) {
    const auto found = std::ranges::find(kFormats, options.format, &Format::name);
    if (found != kFormats.end()) return &*found;
    return fail("--format: expected svg, dot, png or pdf, found \"{}\"", options.format);
  }
  if (options.out.empty()) return nullptr;
  const auto found = std::ranges::find(kFormats, Path(options.out).extension().string(), &Format::extension);
  if (found != kFormats.end()) return &*found;
  return fail("--out: expected a name that ends in .svg, .dot, .png or .pdf, found {}; or say --format", options.out);
}

// Why Graphviz does not draw this graph; nothing where it can.
std::optional<std::string> obstacle(const mil::GraphText& graph, int64_t most_nodes,
                                    const std::optional<Path>& program) {
  if (!program) return "Graphviz is not installed: there is no dot in PATH";
  if (graph.nodes <= static_cast<size_t>(most_nodes)) return std::nullopt;
  return fmt::format("the graph has {} nodes, and Graphviz would take long for more than {}", graph.nodes, most_nodes);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Result<std::string> drawn_by(const Path& program, const std::string& format, const std::string& dot) {
  const std::vector<std::string> arguments = {"-T" + format};
  MW_ASSIGN(ProgramOutput result, run_program(program, arguments, dot));
  if (result.exit_code == 0 && !result.output.empty()) return std::move(result.output);
  return fail(ErrorKind::io, "{} failed with exit code {}: {}; --format dot needs no Graphviz", program.string(),
              result.exit_code, result.errors.empty() ? "it said nothing" : first_line(result.errors));
}

// The picture and its format. Without a wish: an SVG where it can be drawn, DOT text and a note where it cannot.
Result<std::pair<const Format*, std::string>> draw(const mil::GraphText& graph, const GraphCommand& options) {
  MW_ASSIGN(const Format* wanted, wanted_format(options));
  const Format* const dot = &kFormats[1];
  if (wanted == dot) return std::pair{dot, graph.dot};
  const std::optional<Path> program = find_program("dot");
  if (const std::optional<std::string> reason = obstacle(graph, options.most_nodes, program)) {
    if (wanted != nullptr) {
      return fail("{}; use --format dot{}", *reason, program ? ", --function, or a higher --most-nodes" : "");
    }
    log_info("this is DOT text and not SVG: {}", *reason);
    return std::pair{dot, graph.dot};
  }
  const Format* const format = wanted != nullptr ? wanted : &kFormats[0];
  MW_ASSIGN(std::string picture, drawn_by(*program, format->name, graph.dot));
  return std::pair{format, std::move(picture)};
}

Status check_function(const mil::Program& program, const std::string& name) {
  if (name.empty() || program.function(name) != nullptr) return {};
  std::vector<std::string> names;
  for (const auto& function : program.functions()) names.push_back(function->name());
  return fail("--function: the program has no function {}; it has {}", name,
              names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

Status run_graph(const GraphCommand& options) {
  MW_ASSIGN(const mil::ProgramSource source, options.program.read_correct());
  MW_TRY(check_function(*source.program, options.function));
  const mil::GraphText graph = mil::draw_graph(*source.program, options.function);
  MW_ASSIGN(const auto drawn, draw(graph, options));
  const auto& [format, picture] = drawn;
  Json facts = {{"file", source.name}, {"format", format->name}, {"nodes", graph.nodes}};
  if (!options.out.empty()) {
    MW_TRY(write_file_atomically(options.out, picture));
    facts["written"] = options.out;
    options.json ? print_json(facts) : print_facts(facts);
    return {};
  }
  if (!options.json) {
    print(picture);
    return {};
  }
  if (!format->is_text) return fail("--json cannot hold a {}; name a file with --out", format->name);
  facts["text"] = picture;
  print_json(facts);
  return {};
}

}  // namespace

void add_mil_graph(CommandTree& tree) {
  Command& command = tree.add("mil graph", "Draw a program with Graphviz, or print its graph in the DOT language",
                              "  millwright mil graph model.mlpackage > model.svg\n"
                              "  millwright mil graph model.mil --function main --out model.pdf\n"
                              "  millwright mil graph model.mil --format dot > model.dot\n");
  auto options = std::make_shared<GraphCommand>();
  options->program.add_to(command);
  command.text("--function", options->function, "NAME", "Draw this function alone");
  command
      .text("--format", options->format, "FORMAT",
            "svg, dot, png or pdf; without it what the end of --out says, or SVG where Graphviz is installed, else DOT")
      .words = {"svg", "dot", "png", "pdf"};
  command.text("--out", options->out, "FILE", "Where the picture goes; without it, standard output");
  command.integer("--most-nodes", options->most_nodes, "Larger graphs are not given to Graphviz, which takes long", 1);
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_graph(*options); });
}

}  // namespace millwright::app
