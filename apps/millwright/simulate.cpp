// `millwright simulate`: what a training step is predicted to take on a chip, and what it spends the time on.

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"
#include "commands.h"
#include "model/llama_config.h"
#include "model_plan.h"
#include "output.h"
#include "runtime/simulation.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples =
    "  millwright simulate --model stories110m --pipeline static --chip m4\n"
    "  millwright simulate --pipeline dynamic --accumulate 10 --trace step.json\n"
    "  millwright simulate --chip m5 --cpu-tflops 1.8 --json\n"
    "Every number is predicted: the engine by the cost model (docs/cost-model.md), the CPU by published rates.\n";

constexpr std::array kPhases = {
    runtime::Phase::engine,   runtime::Phase::staging,     runtime::Phase::classifier,       runtime::Phase::norms,
    runtime::Phase::products, runtime::Phase::elementwise, runtime::Phase::weight_gradients, runtime::Phase::optimizer,
    runtime::Phase::weights};

struct SimulateCommand {
  ModelPlanOptions options;
  int64_t accumulate = 10;
  double cpu_tflops = 0;
  std::string trace;
  bool json = false;
};

Json result_json(const ModelPlan& plan, const ane::HostCpu& cpu, const runtime::Simulation& simulation) {
  Json phases = Json::object();
  for (const runtime::Phase phase : kPhases) {
    phases[std::string(runtime::phase_name(phase))] = simulation.phase_seconds[static_cast<size_t>(phase)];
  }
  return {{"predicted", true},
          {"chip", plan.profile.name},
          {"pipeline", plan.pipeline.name},
          {"cpu_matrix_tflops", cpu.matrix_tflops},
          {"cpu_memory_gbps", cpu.memory_gbps},
          {"cpu_source", cpu.source},
          {"wall_seconds_per_step", simulation.wall_seconds_per_step},
          {"step_seconds", simulation.step_seconds},
          {"update_seconds", simulation.update_seconds},
          {"first_weights_seconds", simulation.first_weights_seconds},
          {"engine_busy", simulation.engine_busy},
          {"cpu_busy", simulation.cpu_busy},
          {"tflops", simulation.tflops()},
          {"engine_joules_per_step", simulation.engine_joules},
          {"engine_joules_per_token", simulation.engine_joules / static_cast<double>(plan.sequence)},
          {"engine_evaluations", simulation.engine_evaluations},
          {"compiles_first_update", simulation.compiles.first},
          {"compiles_per_update", simulation.compiles.per_update},
          {"phases", std::move(phases)}};
}

void print_result(const SimulateCommand& command, const ModelPlan& plan, const ane::HostCpu& cpu,
                  const runtime::Simulation& simulation) {
  print(fmt::format(
      "predicted, {} of {} on {}: {:.1f} ms per step, wall clock with updates of {} steps ({:.1f} ms without "
      "optimizer and weights)\n",
      plan.pipeline.name, command.options.model, plan.profile.name, simulation.wall_seconds_per_step * 1e3,
      command.accumulate, simulation.step_seconds * 1e3));
  print(
      fmt::format("{:.0f} tokens/s, {:.2f} TFLOPS; engine busy {:.0f} %, CPU busy {:.0f} %; {} evaluations per step\n",
                  static_cast<double>(plan.sequence) / simulation.wall_seconds_per_step, simulation.tflops(),
                  simulation.engine_busy * 100, simulation.cpu_busy * 100, simulation.engine_evaluations));
  print(fmt::format("engine rail {:.3f} J per step, {:.2f} mJ per token (the CPU's energy is not predicted)\n",
                    simulation.engine_joules, simulation.engine_joules / static_cast<double>(plan.sequence) * 1e3));
  print(fmt::format("compiles: {} and {:.2f} s before the first update, {} for each other one\n\n",
                    simulation.compiles.first, simulation.first_weights_seconds, simulation.compiles.per_update));
  for (const runtime::Phase phase : kPhases) {
    print(fmt::format("{:<18} {:>9.2f} ms\n", runtime::phase_name(phase),
                      simulation.phase_seconds[static_cast<size_t>(phase)] * 1e3));
  }
  print(fmt::format("\nCPU: {:.1f} TFLOPS fp32 products, {:.0f} GB/s [{}]\n", cpu.matrix_tflops, cpu.memory_gbps,
                    cpu.source));
}

Status run_simulate(const SimulateCommand& command) {
  if (command.cpu_tflops < 0) return fail("--cpu-tflops: expected 0 or more, found {}", command.cpu_tflops);
  MW_ASSIGN(const ModelPlan plan, command.options.make());
  MW_ASSIGN(const ane::HostCpu cpu, ane::host_cpu(plan.profile, command.cpu_tflops));
  MW_ASSIGN(const runtime::Simulation simulation,
            runtime::simulate(plan.planned.plan, plan.profile, cpu,
                              {.accumulate = command.accumulate, .parameters = model::parameter_count(plan.config)}));
  if (!command.trace.empty()) {
    MW_TRY(write_file_atomically(command.trace,
                                 runtime::trace_json(runtime::trace_spans(simulation), runtime::predicted_queues())));
  }
  if (command.json) {
    print_json(result_json(plan, cpu, simulation));
  } else {
    print_result(command, plan, cpu, simulation);
  }
  return {};
}

}  // namespace

void add_simulate(CommandTree& tree) {
  Command& command = tree.add("simulate", "Predict the time and energy of a training step on a chip", kExamples);
  auto options = std::make_shared<SimulateCommand>();
  options->options.add_to(command);
  command.integer("--accumulate", options->accumulate, "Steps per update", 1, int64_t{1} << 16);
  command.number("--cpu-tflops", options->cpu_tflops, "fp32 products of the chip's CPU; 0: as published");
  command.text("--trace", options->trace, "FILE", "Write the step as a trace for Perfetto or chrome://tracing");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_simulate(*options); });
}

}  // namespace millwright::app
