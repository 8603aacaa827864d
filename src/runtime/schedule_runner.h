// ScheduleRunner: runs a plan on a device. It compiles the programs, owns or borrows the surfaces, and runs the tasks
// of a step or an update in their order, measuring the time of each phase.
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
#include "runtime/update_pass.h"

namespace millwright::runtime {

struct PhaseTime {
  std::string name;
  int64_t calls = 0;
  double seconds = 0;
};

struct RunnerOptions {
  bool profile = false;
};

class ScheduleRunner {
 public:
  // Surfaces not listed in `bound` get memory of their own. `store` is what the update task sweeps; none is needed for
  // a plan without one. Device, store and bound memory must outlive the runner.
  static Result<std::unique_ptr<ScheduleRunner>> create(plan::Plan plan, device::Device& device, ParameterStore* store,
                                                        std::vector<std::pair<size_t, device::Surface>> bound,
                                                        const RunnerOptions& options = {});

  // The evaluations of one step.
  Status run_step();
  // The update tasks, after the last step of an update.
  Result<UpdateReport> run_update(const UpdateSettings& settings);

  device::Surface& surface(size_t index) { return surfaces_.at(index); }
  // A scalar fp32 surface.
  float scalar(size_t index);
  void set_scalar(size_t index, float value);

  std::vector<PhaseTime> phases() const;  // one per task, in order
  std::vector<cpu::ProfileEntry> profile() const;
  int64_t bytes() const;  // own surfaces and what the executables take

 private:
  ScheduleRunner() = default;

  plan::Plan plan_;
  ParameterStore* store_ = nullptr;
  std::vector<device::Surface> surfaces_;
  std::vector<std::unique_ptr<device::Executable>> executables_;  // one per program
  std::vector<std::unique_ptr<device::Request>> requests_;        // one per task, none for an update
  std::vector<PhaseTime> phases_;                                 // one per task
  int64_t own_surface_bytes_ = 0;
};

}  // namespace millwright::runtime
