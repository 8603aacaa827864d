// Published training steps beside the simulation of the same pipeline: build/release/bench/results > docs/results.md.
// None of the published rows was used to calibrate anything: the engine's cost model knows microbenchmarks alone, and
// the CPU's rates are those of single large products and copies.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "ane/chip_profile.h"
#include "model/llama.h"
#include "model/llama_config.h"
#include "plan/pipeline.h"
#include "plan/training_plan.h"
#include "runtime/simulation.h"

using namespace millwright;

namespace {

struct PublishedStep {
  std::string_view chip;
  std::string_view pipeline;
  double milliseconds;
  std::string_view source;
  std::string_view remark;
};

// Stories110M, 256 tokens, without compiles. The fact base, measurements.csv, kind train_step: every row of a chip
// whose CPU rate is published and whose pipeline ours is.
constexpr PublishedStep kPublished[] = {
    {"m4", "static", 106.7, "maderix/ANE training/README.md", "no RoPE"},
    {"m4", "static", 107.0, "maderix/ANE#3", "no RoPE"},
    {"m4", "static-offload", 91.8, "maderix/ANE training/README.md", "no RoPE"},
    {"m4", "dynamic", 91.0, "maderix/ANE README.md", "9,205 of 32,000 tokens"},
    {"m4", "dynamic", 111.0, "maderix/ANE training/README.md", "9,205 of 32,000 tokens"},
    {"m4", "dynamic", 115.0, "maderix/ANE training/README.md", "9,205 of 32,000 tokens"},
    {"m4", "dynamic", 93.1, "slavko-at-klincov-it/ANE-Training docs", "9,205 of 32,000 tokens"},
    {"m4-max", "static", 72.4, "dev-erik/ANE, run 1", "no RoPE"},
    {"m4-max", "static", 71.6, "dev-erik/ANE, run 4", "no RoPE"},
    {"m4-max", "static", 64.0, "maderix/ANE community_results.json", "no RoPE"},
    {"m4-max", "static-offload", 62.9, "dev-erik/ANE, run 1", "no RoPE"},
    {"m4-max", "static-offload", 57.0, "dev-erik/ANE, run 3", "no RoPE"},
};

constexpr int64_t kAccumulate = 10;

[[noreturn]] void stop(const Error& error) {
  std::fprintf(stderr, "results: %s\n", error.message.c_str());
  std::exit(1);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) stop(result.error());
  return std::move(*result);
}

runtime::Simulation simulated(std::string_view model, std::string_view pipeline, std::string_view chip) {
  const model::LlamaConfig config = value_of(model::find_preset(std::string(model)));
  const int64_t sequence = std::min<int64_t>(256, config.sequence_length);
  auto step = value_of(model::build_training_step(config, {.batch = 1, .sequence = sequence, .accumulate = true}));
  const ane::ChipProfile profile = value_of(ane::find_profile(chip));
  const runtime::SimulationSettings settings{.accumulate = kAccumulate, .parameters = model::parameter_count(config)};
  const ane::HostCpu cpu = value_of(ane::host_cpu(profile));
  if (pipeline == "cpu") {
    const plan::Plan whole = plan::whole_function_plan(std::move(step.function), plan::PlanPurpose::training);
    return value_of(runtime::simulate(whole, profile, cpu, settings));
  }
  const plan::Pipeline chosen = value_of(plan::make_pipeline(pipeline));
  const plan::TrainingPlan planned = value_of(plan::plan_training(*step.function, chosen));
  return value_of(runtime::simulate(planned.plan, profile, cpu, settings));
}

// Of a step, with the optimizer's share but without compiles and weights, as the published figures are.
double step_milliseconds(const runtime::Simulation& simulation) {
  return 1e3 * (simulation.step_seconds + simulation.phase_seconds[static_cast<size_t>(runtime::Phase::optimizer)]);
}

void print_published() {
  std::printf("## Published training steps beside the simulation\n\n");
  std::printf(
      "Stories110M, 256 tokens, milliseconds per step without compiles. Ours has RoPE and the whole vocabulary.\n\n");
  std::printf(
      "| chip | pipeline | published | predicted | error | published by | its model "
      "|\n|---|---|---|---|---|---|---|\n");
  for (const PublishedStep& row : kPublished) {
    const double predicted = step_milliseconds(simulated("stories110m", row.pipeline, row.chip));
    fmt::print("| {} | {} | {:.1f} | {:.1f} | {:+.0f} % | {} | {} |\n", row.chip, row.pipeline, row.milliseconds,
               predicted, 100 * (predicted / row.milliseconds - 1), row.source, row.remark);
  }
}

void print_phases() {
  std::printf("\n## Where the time goes\n\n");
  std::printf("Predicted milliseconds per step, updates of %lld steps; the engine and the CPU run at once.\n\n",
              static_cast<long long>(kAccumulate));
  std::string head = "| model | chip | pipeline | wall clock |";
  std::string rule = "|---|---|---|---|";
  for (size_t i = 0; i < std::size(runtime::Simulation{}.phase_seconds); ++i) {
    head += fmt::format(" {} |", runtime::phase_name(static_cast<runtime::Phase>(i)));
    rule += "---|";
  }
  fmt::print("{} binding |\n{}---|\n", head, rule);
  for (const std::string_view model : {"stories15m", "stories110m"}) {
    for (const std::string_view chip : {"m4", "m4-max"}) {
      for (const std::string_view pipeline : {"static", "static-offload", "dynamic", "cpu"}) {
        const runtime::Simulation simulation = simulated(model, pipeline, chip);
        fmt::print("| {} | {} | {} | {:.1f}", model, chip, pipeline, 1e3 * simulation.wall_seconds_per_step);
        size_t largest = 0;
        for (size_t i = 0; i < std::size(simulation.phase_seconds); ++i) {
          fmt::print(" | {:.1f}", 1e3 * simulation.phase_seconds[i]);
          if (simulation.phase_seconds[i] > simulation.phase_seconds[largest]) largest = i;
        }
        fmt::print(" | {} |\n", runtime::phase_name(static_cast<runtime::Phase>(largest)));
      }
    }
  }
  std::printf(
      "\n`cpu` is the same step on the chip's own CPU alone, the honest opponent. `weights` is compiling and loading "
      "programs "
      "(`static`) or rounding\nweights into surfaces (`dynamic`), per update.\n");
}

void print_claims() {
  const runtime::Simulation simulation = simulated("stories110m", "static", "m4");
  std::printf("\n## Claims of the published article beside ours\n\n| claim | ours |\n|---|---|\n");
  fmt::print(
      "| \"about 1.7 GFLOP of matmuls per step\" | {:.0f} GFLOP per step of Stories110M counted from the plan; the "
      "article's own program prints 174 |\n",
      simulation.flops * 1e-9);
  fmt::print("| 72 compiles, 60 of them for each update | {} and {}, counted from the plan |\n",
             simulation.compiles.first, simulation.compiles.per_update);
  const double peak = *value_of(ane::find_profile("m4")).throughput.fp16_tflops * 1e12;
  fmt::print(
      "| the engine is 5 to 9 % utilised | predicted {:.0f} % of its peak, and busy for {:.0f} % of the time |\n",
      100 * simulation.engine_flops / simulation.step_seconds / peak,
      100 * simulation.phase_seconds[static_cast<size_t>(runtime::Phase::engine)] / simulation.step_seconds);
  fmt::print(
      "| training at under 3 W | predicted {:.3f} J per step on the engine's rail alone; the CPU, which does most of "
      "the "
      "work, is not in it |\n",
      simulation.engine_joules);
}

}  // namespace

int main() {
  std::printf(
      "# Results\n\nWritten by `build/release/bench/results`. Every number that is not called published is predicted "
      "by the "
      "simulator\n([planner.md](planner.md)), which is calibrated on published microbenchmarks alone; no row of this "
      "page was used "
      "for that, and nothing\nhere has run on hardware.\n\n");
  print_published();
  print_phases();
  print_claims();
  return 0;
}
