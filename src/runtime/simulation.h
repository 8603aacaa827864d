// Simulation: the schedule of a plan in virtual time. Engine programs take what the cost model of a chip profile says,
// functions of the CPU what their arithmetic and bytes say; tasks start when those that they wait for are done and
// their queue is free, as in step_run.h. Everything here is predicted, nothing measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/host_cpu.h"
#include "base/result.h"
#include "plan/plan.h"
#include "runtime/phase.h"
#include "runtime/step_run.h"
#include "runtime/trace.h"

namespace millwright::runtime {

struct PhasePart {
  Phase phase = Phase::elementwise;
  double seconds = 0;
};

struct SimulatedTask {
  std::string name;
  Queue queue = Queue::cpu;
  double start = 0;  // seconds behind the beginning of the step
  double seconds = 0;
  std::vector<PhasePart> parts;
};

struct SimulationSettings {
  int64_t accumulate = 1;       // steps per update
  int64_t tokens_per_step = 0;  // for the energy per token
  int64_t parameters = 0;       // elements that the optimizer sweeps over
};

struct Simulation {
  std::vector<SimulatedTask> tasks;  // of one step, in the order of the plan
  double step_seconds = 0;           // of one step alone
  double update_seconds = 0;         // of an update's steps, optimizer and weights
  double first_weights_seconds = 0;  // before the first update, when nothing is compiled
  double wall_seconds_per_step = 0;  // update_seconds over the steps of an update

  double phase_seconds[kPhases] = {};  // by Phase: of a step; optimizer and weights their share of it
  double engine_busy = 0;              // part of the wall time that the engine works
  double cpu_busy = 0;
  double flops = 0;  // of a step, both queues
  double tflops() const { return wall_seconds_per_step > 0 ? flops / wall_seconds_per_step * 1e-12 : 0; }
  double engine_flops = 0;         // of them the engine's
  double engine_joules = 0;        // of a step, the engine's rail alone
  int64_t engine_evaluations = 0;  // of a step
  plan::CompileCounts compiles;
};

// Fails where the profile or the CPU is not known well enough.
Result<Simulation> simulate(const plan::Plan& plan, const ane::ChipProfile& profile, const ane::HostCpu& cpu,
                            const SimulationSettings& settings);

// The tasks of a step, each with the milliseconds of its phases, and the names of their queues.
std::vector<TraceSpan> trace_spans(const Simulation& simulation);
inline QueueNames predicted_queues() { return {"CPU (predicted)", "engine (predicted)"}; }

}  // namespace millwright::runtime
