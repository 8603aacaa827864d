// `millwright mil stats`: what each function of a program holds and costs.

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "mil/statistics.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct StatsCommand {
  ProgramInput program;
  bool json = false;
};

Json totals_json(const mil::FunctionStatistics& function) {
  return {{"function", function.name},
          {"opset", function.opset},
          {"operations", function.operations},
          {"constants", function.constants},
          {"parameters", function.parameters},
          {"constant_bytes", function.constant_bytes},
          {"input_bytes", function.input_bytes},
          {"output_bytes", function.output_bytes},
          {"flops", function.flops},
          {"bytes", function.bytes},
          {"peak_bytes", function.peak_bytes},
          {"unknown_shapes", function.unknown_shapes}};
}

Json function_json(const mil::FunctionStatistics& function) {
  Json json = totals_json(function);
  Json kinds = Json::array();
  for (const mil::KindStatistics& kind : function.kinds) {
    kinds.push_back({{"kind", kind.kind}, {"count", kind.count}, {"flops", kind.flops}, {"bytes", kind.bytes}});
  }
  json["kinds"] = std::move(kinds);
  return json;
}

void print_function(const mil::FunctionStatistics& function) {
  print_facts(totals_json(function));
  print(fmt::format("\n  {:<32} {:>8} {:>14} {:>14}\n", "operation", "count", "flops", "bytes"));
  for (const mil::KindStatistics& kind : function.kinds) {
    print(fmt::format("  {:<32} {:>8} {:>14.6g} {:>14.6g}\n", kind.kind, kind.count, kind.flops, kind.bytes));
  }
}

Status run_stats(const StatsCommand& options) {
  MW_ASSIGN(const mil::ProgramSource source, options.program.read_correct());
  const std::vector<mil::FunctionStatistics> functions = mil::statistics(*source.program);
  if (options.json) {
    Json list = Json::array();
    for (const mil::FunctionStatistics& function : functions) list.push_back(function_json(function));
    print_json({{"file", source.name}, {"version", source.program->version()}, {"functions", std::move(list)}});
    return {};
  }
  for (size_t i = 0; i < functions.size(); ++i) {
    if (i > 0) print("\n");
    print_function(functions[i]);
  }
  return {};
}

}  // namespace

void add_mil_stats(CommandTree& tree) {
  Command& command = tree.add("mil stats", "Count operations, FLOPs, bytes, parameters and peak memory",
                              "  millwright mil stats model.mlpackage\n"
                              "  millwright mil stats --json model.mil\n");
  auto options = std::make_shared<StatsCommand>();
  options->program.add_to(command);
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_stats(*options); });
}

}  // namespace millwright::app
