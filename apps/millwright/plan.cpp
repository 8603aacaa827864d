// `millwright plan`: how a training step would be cut between a chip's engine and its CPU.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "model_plan.h"
#include "output.h"
#include "plan/plan_report.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples =
    "  millwright plan --model stories110m --pipeline static --chip m4\n"
    "  millwright plan --model stories15m --pipeline dynamic --operations\n"
    "  millwright plan --json > plan.json\n"
    "Times and energy are predicted, never measured: docs/cost-model.md.\n";

struct PlanCommand {
  ModelPlanOptions options;
  bool operations = false;
  bool json = false;
};

Json program_json(const plan::ProgramReport& program) {
  return {{"name", program.name},
          {"programs", program.programs},
          {"evaluations_per_step", program.evaluations},
          {"holds_weights", program.holds_weights},
          {"inputs", program.inputs},
          {"outputs", program.outputs},
          {"weight_bytes", program.weight_bytes},
          {"largest_operand_bytes", program.largest_operand_bytes},
          {"flops", program.flops},
          {"predicted_seconds", program.seconds},
          {"predicted_joules", program.joules},
          {"predicted_compile_seconds", program.compile_seconds}};
}

Json operations_json(const std::vector<plan::OperationReport>& operations) {
  Json list = Json::array();
  for (const plan::OperationReport& operation : operations) {
    Json entry = {{"operation", operation.label},
                  {"kind", operation.kind},
                  {"device", operation.is_engine ? "engine" : "cpu"},
                  {"reason", operation.reason}};
    if (operation.is_engine) entry["program"] = operation.program;
    list.push_back(std::move(entry));
  }
  return list;
}

void print_programs(const ModelPlan& plan, const plan::PlanReport& report) {
  print(fmt::format(
      "{} of {} on {}: {} programs, {} compiles for the first update and {} for each other, {} CPU functions, "
      "{:.1f} MB of surfaces\n\n",
      plan.pipeline.name, plan.config.layers == 1 ? "1 layer" : fmt::format("{} layers", plan.config.layers),
      plan.profile.name, report.compiles.first, report.compiles.first, report.compiles.per_update, report.cpu_functions,
      report.surface_bytes * 1e-6));
  print(fmt::format("{:<22} {:>8} {:>6} {:>9} {:>10} {:>13} {:>10}  {}\n", "program", "compiled", "runs", "MFLOP",
                    "weights MB", "predicted ms", "largest MB", "in -> out"));
  for (const plan::ProgramReport& program : report.programs) {
    print(fmt::format("{:<22} {:>8} {:>6} {:>9.0f} {:>10.2f} {:>13.3f} {:>10.2f}  {} -> {}\n", program.name,
                      program.programs, program.evaluations, program.flops * 1e-6, program.weight_bytes * 1e-6,
                      program.seconds * 1e3, program.largest_operand_bytes * 1e-6, fmt::join(program.inputs, ", "),
                      fmt::join(program.outputs, ", ")));
  }
  if (plan.profile.memory.operand_bytes.known()) {
    print(fmt::format("\nan operand above {:.2f} MB streams from memory (C64)\n",
                      static_cast<double>(*plan.profile.memory.operand_bytes) * 1e-6));
  }
}

Status run_plan(const PlanCommand& command) {
  MW_ASSIGN(const ModelPlan plan, command.options.make());
  MW_ASSIGN(const plan::PlanReport report,
            plan::report(plan.planned.plan, plan.profile, plan.function->inputs().size()));
  if (command.json) {
    Json programs = Json::array();
    for (const plan::ProgramReport& program : report.programs) programs.push_back(program_json(program));
    print_json({{"model", command.options.model},
                {"pipeline", plan.pipeline.name},
                {"chip", plan.profile.name},
                {"sequence", plan.sequence},
                {"compiles_first_update", report.compiles.first},
                {"compiles_per_update", report.compiles.per_update},
                {"cpu_functions", report.cpu_functions},
                {"surface_bytes", report.surface_bytes},
                {"programs", std::move(programs)},
                {"operations", operations_json(plan::report_operations(*plan.function, plan.pipeline))}});
    return {};
  }
  print_programs(plan, report);
  if (!command.operations) return {};
  print("\n");
  for (const plan::OperationReport& operation : plan::report_operations(*plan.function, plan.pipeline)) {
    print(fmt::format("{:<52} {:<20} {:<36} {}\n", operation.label, operation.kind,
                      operation.is_engine ? operation.program : "cpu", operation.reason));
  }
  return {};
}

}  // namespace

void add_plan(CommandTree& tree) {
  Command& command = tree.add("plan", "Show how a training step is cut between engine and CPU", kExamples);
  auto options = std::make_shared<PlanCommand>();
  options->options.add_to(command);
  command.flag("--operations", options->operations, "List every operation with its place and the reason");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_plan(*options); });
}

}  // namespace millwright::app
