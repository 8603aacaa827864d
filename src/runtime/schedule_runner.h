// ScheduleRunner: runs a plan on a device, or on the CPU and an engine. It compiles the programs, anew after an update
// where parameters are constants of theirs, owns or borrows the surfaces, and runs the tasks of a step or an update in
// their order, measuring the time of each phase.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "device/device.h"
#include "plan/plan.h"
#include "runtime/parameter_store.h"
#include "runtime/step_run.h"
#include "runtime/trace.h"
#include "runtime/update_pass.h"

namespace millwright::runtime {

struct PhaseTime {
  std::string name;
  int64_t calls = 0;
  double seconds = 0;
};

struct RunnerOptions {
  bool profile = false;
  // Runs the programs that the plan has for the engine, and must outlive the runner; nothing: the device runs all.
  device::Device* engine = nullptr;
};

class ScheduleRunner {
 public:
  // Surfaces not listed in `bound` get memory of their own. `store` is what the update task sweeps; none is needed for
  // a plan without one. Device, store and bound memory must outlive the runner.
  static Result<std::unique_ptr<ScheduleRunner>> create(plan::Plan plan, device::Device& device, ParameterStore* store,
                                                        std::vector<std::pair<size_t, device::Surface>> bound,
                                                        const RunnerOptions& options = {});

  // The evaluations of one step. Programs whose weights have changed are compiled first. Where the engine's compile
  // budget is too small for that, it fails with ErrorKind::exhausted before anything has changed: another process can
  // go on from the state of the store.
  Status run_step();
  // The largest magnitude that backward programs of the engine have taken or given out since it was reset; not finite
  // after an overflow.
  double largest_gradient() const { return largest_gradient_; }
  void reset_largest_gradient() { largest_gradient_ = 0; }
  // From now on every task leaves a span there; null: none does. It must outlive the runner or be taken away.
  void record_into(TraceRecorder* trace) { trace_ = trace; }
  // Masters were changed by others than run_update.
  void weights_changed();
  // The update tasks, after the last step of an update.
  Result<UpdateReport> run_update(const UpdateSettings& settings);

  device::Surface& surface(size_t index) { return surfaces_.at(index); }
  // A scalar fp32 surface.
  float scalar(size_t index);
  void set_scalar(size_t index, float value);

  std::vector<PhaseTime> phases() const;  // one per task, in order, and "weights" where an engine gets some
  std::vector<cpu::ProfileEntry> profile() const;
  int64_t bytes() const;  // own surfaces and what the executables take

 private:
  ScheduleRunner() = default;
  device::Device& device_of(const plan::PlannedProgram& program) const;
  Status compile(size_t program, const mil::Program& built);
  Status bind_requests();
  bool has_engine_weights() const;
  std::vector<StepTask> list_step_tasks() const;
  Queue queue_of(const plan::PlannedProgram& program) const;
  std::string describe_phases(const plan::Task& task) const;
  void record(size_t task, TraceRecorder::Clock::time_point start);
  void watch(size_t task);
  Status check_budget() const;
  Status refresh_weights();

  plan::Plan plan_;
  device::Device* device_ = nullptr;
  RunnerOptions options_;
  bool weights_are_stale_ = false;  // some program has others than the store
  ParameterStore* store_ = nullptr;
  std::vector<device::Surface> surfaces_;
  std::vector<std::unique_ptr<device::Executable>> executables_;  // one per program
  std::vector<std::unique_ptr<device::Request>> requests_;        // one per task, none for an update
  std::vector<StepTask> step_tasks_;                              // the evaluations
  std::vector<PhaseTime> phases_;                                 // one per task
  double largest_gradient_ = 0;
  PhaseTime weights_phase_{"weights", 0, 0};
  TraceRecorder* trace_ = nullptr;
  std::vector<std::string> task_phases_;  // by task, for the trace
  int64_t own_surface_bytes_ = 0;
};

}  // namespace millwright::runtime
