#include "runtime/schedule_runner.h"

#include <chrono>
#include <optional>

#include "base/check.h"

namespace millwright::runtime {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<device::Surface*> pointers(std::vector<device::Surface>& surfaces, const std::vector<size_t>& indices) {
  std::vector<device::Surface*> chosen;
  for (const size_t index : indices) chosen.push_back(&surfaces[index]);
  return chosen;
}

// Bound surfaces where there are any, memory of our own for the others.
Result<std::vector<device::Surface>> make_surfaces(const plan::Plan& plan,
                                                   std::vector<std::pair<size_t, device::Surface>> bound,
                                                   int64_t& own_bytes) {
  std::vector<std::optional<device::Surface>> places(plan.surfaces.size());
  for (auto& [index, surface] : bound) {
    MW_CHECK(index < places.size() && !places[index], "surface {} of {} bound twice or out of range", index,
             places.size());
    places[index] = std::move(surface);
  }
  std::vector<device::Surface> surfaces;
  surfaces.reserve(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i]) {
      MW_ASSIGN(places[i], device::Surface::allocate(plan.surfaces[i].type));
      own_bytes += static_cast<int64_t>(places[i]->bytes());
    }
    surfaces.push_back(std::move(*places[i]));
  }
  return surfaces;
}

}  // namespace

Result<std::unique_ptr<ScheduleRunner>> ScheduleRunner::create(plan::Plan plan, device::Device& device,
                                                               ParameterStore* store,
                                                               std::vector<std::pair<size_t, device::Surface>> bound,
                                                               const RunnerOptions& options) {
  MW_TRY(plan::verify(plan));
  std::unique_ptr<ScheduleRunner> runner(new ScheduleRunner());
  runner->store_ = store;
  MW_ASSIGN(runner->surfaces_, make_surfaces(plan, std::move(bound), runner->own_surface_bytes_));
  for (plan::PlannedProgram& planned : plan.programs) {
    const device::CompileOptions compile{.function = planned.function, .profile = options.profile};
    MW_ASSIGN(auto executable, device.compile(*planned.program, compile));
    MW_TRY(executable->load());
    runner->executables_.push_back(std::move(executable));
    planned.program.reset();  // compiled: its constants need not stay twice
  }
  for (const plan::Task& task : plan.tasks) {
    std::unique_ptr<device::Request> request;
    if (const auto* evaluate = std::get_if<plan::EvaluateTask>(&task.action)) {
      const auto inputs = pointers(runner->surfaces_, evaluate->inputs);
      const auto outputs = pointers(runner->surfaces_, evaluate->outputs);
      MW_ASSIGN(request, runner->executables_[evaluate->program]->bind(inputs, outputs));
    } else {
      MW_CHECK(store != nullptr, "task {} needs a parameter store", task.name);
    }
    runner->requests_.push_back(std::move(request));
    runner->phases_.push_back({task.name, 0, 0});
  }
  runner->plan_ = std::move(plan);
  return runner;
}

Status ScheduleRunner::run_step() {
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (!requests_[i]) continue;
    const auto start = Clock::now();
    MW_TRY(requests_[i]->evaluate());
    phases_[i].seconds += seconds_since(start);
    ++phases_[i].calls;
  }
  return {};
}

Result<UpdateReport> ScheduleRunner::run_update(const UpdateSettings& settings) {
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (requests_[i]) continue;
    const auto start = Clock::now();
    MW_ASSIGN(UpdateReport report, update_pass(*store_, settings));
    phases_[i].seconds += seconds_since(start);
    ++phases_[i].calls;
    return report;
  }
  MW_CHECK(false, "run_update on a plan without an update task ({} tasks)", plan_.tasks.size());
}

float ScheduleRunner::scalar(size_t index) {
  const auto values = surface(index).as<float>();
  MW_CHECK(values.size() == 1, "surface {} has {} elements", plan_.surfaces[index].name, values.size());
  return values[0];
}

void ScheduleRunner::set_scalar(size_t index, float value) {
  const auto values = surface(index).as<float>();
  MW_CHECK(values.size() == 1, "surface {} has {} elements", plan_.surfaces[index].name, values.size());
  values[0] = value;
}

std::vector<PhaseTime> ScheduleRunner::phases() const { return phases_; }

std::vector<cpu::ProfileEntry> ScheduleRunner::profile() const {
  std::vector<cpu::ProfileEntry> entries;
  for (const auto& executable : executables_) {
    for (auto& entry : executable->profile()) entries.push_back(std::move(entry));
  }
  return entries;
}

int64_t ScheduleRunner::bytes() const {
  int64_t bytes = own_surface_bytes_;
  for (const auto& executable : executables_) {
    const cpu::MemoryReport memory = executable->memory();
    bytes += memory.arena_bytes + memory.constant_bytes + memory.workspace_bytes;
  }
  return bytes;
}

}  // namespace millwright::runtime
