#include "runtime/schedule_runner.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/check.h"
#include "base/half.h"
#include "base/parallel.h"
#include "mil/bind_constants.h"
#include "runtime/engine_weights.h"
#include "runtime/half_magnitude.h"
#include "runtime/phase.h"

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
    if (!places[i] && plan.surfaces[i].shares) {
      places[i] = device::Surface::view(plan.surfaces[i].type, surfaces[*plan.surfaces[i].shares].data());
    } else if (!places[i]) {
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
  runner->device_ = &device;
  runner->options_ = options;
  MW_ASSIGN(runner->surfaces_, make_surfaces(plan, std::move(bound), runner->own_surface_bytes_));
  runner->plan_ = std::move(plan);
  for (const plan::Task& task : runner->plan_.tasks) runner->task_phases_.push_back(runner->describe_phases(task));
  runner->executables_.resize(runner->plan_.programs.size());
  for (size_t i = 0; i < runner->plan_.programs.size(); ++i) {
    plan::PlannedProgram& planned = runner->plan_.programs[i];
    if (!planned.weights.empty()) continue;  // compiled with the first step's weights
    MW_TRY(runner->compile(i, *planned.program));
    planned.program.reset();  // compiled: its constants need not stay twice
  }
  for (const plan::Task& task : runner->plan_.tasks) {
    if (std::holds_alternative<plan::UpdateTask>(task.action)) {
      MW_CHECK(store != nullptr, "task {} needs a parameter store", task.name);
    }
    runner->phases_.push_back({task.name, 0, 0});
  }
  runner->step_tasks_ = runner->list_step_tasks();
  runner->weights_are_stale_ = runner->has_engine_weights();
  runner->requests_.resize(runner->plan_.tasks.size());
  MW_TRY(runner->bind_requests());
  return runner;
}

std::vector<StepTask> ScheduleRunner::list_step_tasks() const {
  std::vector<StepTask> tasks;
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    const auto* evaluate = std::get_if<plan::EvaluateTask>(&plan_.tasks[i].action);
    if (evaluate == nullptr) continue;
    tasks.push_back({i, queue_of(plan_.programs[evaluate->program]), plan_.tasks[i].can_wait});
  }
  return tasks;
}

Queue ScheduleRunner::queue_of(const plan::PlannedProgram& program) const {
  return options_.engine != nullptr && program.target == plan::Target::engine ? Queue::engine : Queue::cpu;
}

device::Device& ScheduleRunner::device_of(const plan::PlannedProgram& program) const {
  return queue_of(program) == Queue::engine ? *options_.engine : *device_;
}

// What its span in a trace says that it did; functions are looked at before they are compiled.
std::string ScheduleRunner::describe_phases(const plan::Task& task) const {
  const auto* evaluate = std::get_if<plan::EvaluateTask>(&task.action);
  if (evaluate == nullptr) return std::string(phase_name(Phase::optimizer));
  const plan::PlannedProgram& program = plan_.programs[evaluate->program];
  if (queue_of(program) == Queue::engine) return std::string(phase_name(Phase::engine));
  return phases_of(*program.program->function(program.function), task.can_wait);
}

void ScheduleRunner::record(size_t task, TraceRecorder::Clock::time_point start) {
  if (trace_ == nullptr) return;
  const auto* evaluate = std::get_if<plan::EvaluateTask>(&plan_.tasks[task].action);
  const Queue queue = evaluate == nullptr ? Queue::cpu : queue_of(plan_.programs[evaluate->program]);
  trace_->record(plan_.tasks[task].name, queue, start, task_phases_[task]);
}

Status ScheduleRunner::compile(size_t program, const mil::Program& built) {
  const plan::PlannedProgram& planned = plan_.programs[program];
  const device::CompileOptions compile{.function = planned.function, .profile = options_.profile};
  auto compiled = device_of(planned).compile(built, compile);
  if (!compiled) return tl::unexpected(with_context(std::move(compiled.error()), planned.name));
  MW_TRY((*compiled)->load());
  executables_[program] = std::move(*compiled);
  return {};
}

// Requests of the programs that are compiled and have none.
Status ScheduleRunner::bind_requests() {
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    const auto* evaluate = std::get_if<plan::EvaluateTask>(&plan_.tasks[i].action);
    if (evaluate == nullptr || requests_[i] != nullptr || executables_[evaluate->program] == nullptr) continue;
    const auto inputs = pointers(surfaces_, evaluate->inputs);
    const auto outputs = pointers(surfaces_, evaluate->outputs);
    MW_ASSIGN(requests_[i], executables_[evaluate->program]->bind(inputs, outputs));
  }
  return {};
}

bool ScheduleRunner::has_engine_weights() const {
  return !plan_.staged_weights.empty() ||
         std::any_of(plan_.programs.begin(), plan_.programs.end(),
                     [](const plan::PlannedProgram& program) { return !program.weights.empty(); });
}

void ScheduleRunner::weights_changed() { weights_are_stale_ = has_engine_weights(); }

Status ScheduleRunner::check_budget() const {
  const auto needed = std::count_if(plan_.programs.begin(), plan_.programs.end(),
                                    [](const plan::PlannedProgram& program) { return !program.weights.empty(); });
  for (const plan::PlannedProgram& program : plan_.programs) {
    if (program.weights.empty()) continue;
    const auto left = device_of(program).limits().compile_budget_left;
    if (!left || *left >= needed) return {};
    return fail(ErrorKind::exhausted,
                "the programs of this update need {} compiles, but this process has {} left (C21); a new process can "
                "resume from here",
                needed, *left);
  }
  return {};
}

// Rounds the weights that programs take as inputs, and compiles every program that holds some anew, the old ones
// unloaded first (C20).
Status ScheduleRunner::refresh_weights() {
  MW_TRY(check_budget());
  const auto start = Clock::now();
  parallel_for(static_cast<int64_t>(plan_.staged_weights.size()), [&](int64_t index) {
    const plan::StagedWeight& weight = plan_.staged_weights[static_cast<size_t>(index)];
    float_to_half(surfaces_[weight.master].as<float>(), surfaces_[weight.half].as<uint16_t>());
  });
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    const auto* evaluate = std::get_if<plan::EvaluateTask>(&plan_.tasks[i].action);
    if (evaluate != nullptr && !plan_.programs[evaluate->program].weights.empty()) requests_[i].reset();
  }
  for (size_t i = 0; i < plan_.programs.size(); ++i) {
    const plan::PlannedProgram& planned = plan_.programs[i];
    if (planned.weights.empty()) continue;
    executables_[i].reset();
    const mil::Function& function = *planned.program->function(planned.function);
    std::vector<std::pair<size_t, mil::Literal>> constants(planned.weights.size(), {0, mil::Literal::boolean(false)});
    parallel_for(static_cast<int64_t>(planned.weights.size()), [&](int64_t index) {
      const plan::ProgramWeight& weight = planned.weights[static_cast<size_t>(index)];
      device::Surface& master = surfaces_[weight.surface];
      const mil::Shape& shape = master.type().shape();
      constants[static_cast<size_t>(index)] = {
          weight.input, half_constant(master.as<float>(), function.inputs()[weight.input]->type(),
                                      weight.transposed ? shape.at(0) : 0, weight.transposed ? shape.at(1) : 0)};
    });
    mil::Program built;
    built.add_function(mil::bind_constants(function, constants));
    MW_TRY(compile(i, built));
  }
  MW_TRY(bind_requests());
  weights_are_stale_ = false;
  if (trace_ != nullptr) trace_->record(weights_phase_.name, Queue::cpu, start, phase_name(Phase::weights));
  weights_phase_.seconds += seconds_since(start);
  ++weights_phase_.calls;
  return {};
}

Status ScheduleRunner::run_step() {
  if (weights_are_stale_) MW_TRY(refresh_weights());
  return run_step_tasks(plan_, step_tasks_, [this](size_t task) -> Status {
    const auto start = Clock::now();
    MW_TRY(requests_[task]->evaluate());
    if (plan_.tasks[task].is_backward) watch(task);
    phases_[task].seconds += seconds_since(start);
    ++phases_[task].calls;
    record(task, start);
    return {};
  });
}

// What the program took and gave: a gradient that is infinite when it comes in may go out as zero (C59). On the thread
// of the engine's queue, which alone looks at the number while a step runs.
void ScheduleRunner::watch(size_t task) {
  const auto& evaluate = std::get<plan::EvaluateTask>(plan_.tasks[task].action);
  const auto look_at = [&](size_t surface) {
    const double largest = largest_magnitude(surfaces_[surface].as<uint16_t>());
    if (!(largest <= largest_gradient_)) largest_gradient_ = largest;
  };
  look_at(evaluate.inputs.front());  // activations; weights stand behind them
  for (const size_t surface : evaluate.outputs) look_at(surface);
}

Result<UpdateReport> ScheduleRunner::run_update(const UpdateSettings& settings) {
  for (size_t i = 0; i < plan_.tasks.size(); ++i) {
    if (!std::holds_alternative<plan::UpdateTask>(plan_.tasks[i].action)) continue;
    const auto start = Clock::now();
    MW_ASSIGN(UpdateReport report, update_pass(*store_, settings));
    phases_[i].seconds += seconds_since(start);
    ++phases_[i].calls;
    record(i, start);
    weights_are_stale_ = has_engine_weights();
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

std::vector<PhaseTime> ScheduleRunner::phases() const {
  std::vector<PhaseTime> phases = phases_;
  if (has_engine_weights()) phases.push_back(weights_phase_);
  return phases;
}

std::vector<cpu::ProfileEntry> ScheduleRunner::profile() const {
  std::vector<cpu::ProfileEntry> entries;
  for (const auto& executable : executables_) {
    if (executable == nullptr) continue;
    for (auto& entry : executable->profile()) entries.push_back(std::move(entry));
  }
  return entries;
}

int64_t ScheduleRunner::bytes() const {
  int64_t bytes = own_surface_bytes_;
  for (const auto& executable : executables_) {
    if (executable == nullptr) continue;
    const cpu::MemoryReport memory = executable->memory();
    bytes += memory.arena_bytes + memory.constant_bytes + memory.workspace_bytes;
  }
  return bytes;
}

}  // namespace millwright::runtime
