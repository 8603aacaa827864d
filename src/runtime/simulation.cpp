#include "runtime/simulation.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/check.h"
#include "mil/statistics.h"
#include "plan/placement.h"
#include "plan/predicted_cost.h"

namespace millwright::runtime {

namespace {

// AdamW reads gradient, weight and both moments and writes the last three, in fp32, and zeroes the gradient.
constexpr double kOptimizerBytes = 32;
// A weight is read in fp32 and written in fp16.
constexpr double kStagedWeightBytes = 6;

// A gradient is added to its buffer in place by the product that computes it (cpu: fuse_matmul): read and written once.
bool is_accumulation(const mil::Operation& operation) { return plan::model_place(operation).part == "gradients"; }

double bytes_of(const mil::Operation& operation) {
  if (is_accumulation(operation)) return 2 * static_cast<double>(operation.result()->type().bytes());
  double bytes = 0;
  for (const mil::Value* operand : operation.all_operands()) {
    const mil::Operation* producer = operand->producer();
    if (operand->type().is_tensor() && (producer == nullptr || !producer->is_const())) {
      bytes += static_cast<double>(operand->type().bytes());
    }
  }
  for (const auto& result : operation.results()) bytes += static_cast<double>(result->type().bytes());
  return bytes;
}

class Simulator {
 public:
  Simulator(const plan::Plan& plan, const ane::ChipProfile& profile, const ane::HostCpu& cpu,
            const SimulationSettings& settings)
      : plan_(plan), profile_(profile), cpu_(cpu), settings_(settings) {}

  Result<Simulation> run() {
    MW_TRY(price_tasks());
    schedule();
    MW_TRY(price_update());
    add_up();
    return std::move(result_);
  }

 private:
  Status price_tasks() {
    for (const plan::Task& task : plan_.tasks) {
      SimulatedTask simulated;
      simulated.name = task.name;
      if (const auto* evaluate = std::get_if<plan::EvaluateTask>(&task.action)) {
        const plan::PlannedProgram& program = plan_.programs[evaluate->program];
        if (program.target == plan::Target::engine) {
          MW_ASSIGN(const ane::ProgramCost* cost, cost_of(evaluate->program));
          simulated.queue = Queue::engine;
          simulated.parts.push_back({Phase::engine, cost->seconds});
          result_.engine_joules += cost->joules;
          result_.flops += cost->flops;
          result_.engine_flops += cost->flops;
          ++result_.engine_evaluations;
        } else {
          price_function(*program.program->function(program.function), task.can_wait, simulated);
        }
      }
      for (const PhasePart& part : simulated.parts) simulated.seconds += part.seconds;
      result_.tasks.push_back(std::move(simulated));
    }
    return {};
  }

  Result<const ane::ProgramCost*> cost_of(size_t program) {
    const auto found = costs_.find(program);
    if (found != costs_.end()) return &found->second;
    MW_ASSIGN(ane::ProgramCost cost, plan::predict_program(plan_.programs[program], profile_));
    return &costs_.emplace(program, std::move(cost)).first->second;
  }

  // Products at the rate of the library; all else streams through memory.
  void price_function(const mil::Function& function, bool is_gradients, SimulatedTask& task) {
    double seconds[kPhases] = {};
    for (const auto& operation : function.block().operations()) {
      if (is_free(*operation)) continue;
      const double flops = mil::flops_of(*operation);
      result_.flops += flops;
      const double time = is_product(*operation) ? flops / (cpu_.matrix_tflops * 1e12)
                                                 : bytes_of(*operation) / (cpu_.memory_gbps * 1e9);
      seconds[static_cast<size_t>(phase_of(*operation, is_gradients))] += time;
    }
    for (size_t i = 0; i < std::size(seconds); ++i) {
      if (seconds[i] > 0) task.parts.push_back({static_cast<Phase>(i), seconds[i]});
    }
  }

  // As the runtime does it: each queue takes the first of its ready tasks, those that can wait last.
  void schedule() {
    const size_t count = plan_.tasks.size();
    std::vector<size_t> waiting(count);
    std::vector<std::vector<size_t>> followers(count);
    std::set<std::pair<bool, size_t>> ready[2];
    const auto make_ready = [&](size_t i) {
      ready[static_cast<size_t>(result_.tasks[i].queue)].emplace(plan_.tasks[i].can_wait, i);
    };
    for (size_t i = 0; i < count; ++i) {
      if (std::holds_alternative<plan::UpdateTask>(plan_.tasks[i].action)) continue;
      for (const size_t earlier : plan_.tasks[i].after) followers[earlier].push_back(i);
      waiting[i] = plan_.tasks[i].after.size();
      if (waiting[i] == 0) make_ready(i);
    }
    double now = 0;
    std::optional<size_t> running[2];
    while (true) {
      for (size_t queue = 0; queue < 2; ++queue) {
        if (running[queue] || ready[queue].empty()) continue;
        running[queue] = ready[queue].begin()->second;
        ready[queue].erase(ready[queue].begin());
        result_.tasks[*running[queue]].start = now;
      }
      const auto end_of = [&](size_t queue) {
        return running[queue] ? result_.tasks[*running[queue]].start + result_.tasks[*running[queue]].seconds
                              : std::numeric_limits<double>::infinity();
      };
      if (!running[0] && !running[1]) break;
      const size_t first = end_of(0) <= end_of(1) ? 0 : 1;
      now = end_of(first);
      const size_t done = *running[first];
      running[first].reset();
      for (const size_t follower : followers[done]) {
        if (!std::holds_alternative<plan::UpdateTask>(plan_.tasks[follower].action) && --waiting[follower] == 0) {
          make_ready(follower);
        }
      }
    }
    result_.step_seconds = now;
  }

  // Optimizer and weights, once per update.
  Status price_update() {
    optimizer_seconds_ = kOptimizerBytes * static_cast<double>(settings_.parameters) / (cpu_.memory_gbps * 1e9);
    double staged = 0;
    for (const plan::StagedWeight& weight : plan_.staged_weights) {
      staged += static_cast<double>(plan_.surfaces[weight.half].type.count());
    }
    weights_seconds_ = kStagedWeightBytes * staged / (cpu_.memory_gbps * 1e9);
    result_.first_weights_seconds = weights_seconds_;
    for (size_t i = 0; i < plan_.programs.size(); ++i) {
      if (plan_.programs[i].target != plan::Target::engine) continue;
      MW_ASSIGN(const ane::ProgramCost* cost, cost_of(i));
      result_.first_weights_seconds += cost->compile_seconds + cost->load_seconds;
      if (plan_.programs[i].weights.empty()) continue;
      weights_seconds_ += cost->unload_seconds + cost->recompile_seconds + cost->load_seconds;
    }
    return {};
  }

  void add_up() {
    const auto steps = static_cast<double>(std::max<int64_t>(settings_.accumulate, 1));
    double busy[2] = {};
    for (const SimulatedTask& task : result_.tasks) {
      busy[static_cast<size_t>(task.queue)] += task.seconds;
      for (const PhasePart& part : task.parts) result_.phase_seconds[static_cast<size_t>(part.phase)] += part.seconds;
    }
    result_.phase_seconds[static_cast<size_t>(Phase::optimizer)] = optimizer_seconds_ / steps;
    result_.phase_seconds[static_cast<size_t>(Phase::weights)] = weights_seconds_ / steps;
    result_.update_seconds = steps * result_.step_seconds + optimizer_seconds_ + weights_seconds_;
    result_.wall_seconds_per_step = result_.update_seconds / steps;
    result_.engine_busy = busy[1] / result_.wall_seconds_per_step;
    result_.cpu_busy = (busy[0] + (optimizer_seconds_ + weights_seconds_) / steps) / result_.wall_seconds_per_step;
    result_.compiles = plan::compile_counts(plan_);
  }

  const plan::Plan& plan_;
  const ane::ChipProfile& profile_;
  const ane::HostCpu& cpu_;
  const SimulationSettings& settings_;
  std::unordered_map<size_t, ane::ProgramCost> costs_;  // by program
  double optimizer_seconds_ = 0;
  double weights_seconds_ = 0;
  Simulation result_;
};

}  // namespace

Result<Simulation> simulate(const plan::Plan& plan, const ane::ChipProfile& profile, const ane::HostCpu& cpu,
                            const SimulationSettings& settings) {
  return Simulator(plan, profile, cpu, settings).run();
}

std::vector<TraceSpan> trace_spans(const Simulation& simulation) {
  std::vector<TraceSpan> spans;
  for (const SimulatedTask& task : simulation.tasks) {
    if (task.seconds <= 0) continue;
    TraceSpan span{task.name, task.queue, task.start, task.seconds};
    for (const PhasePart& part : task.parts) {
      span.arguments.emplace_back(std::string(phase_name(part.phase)), part.seconds * 1e3);
    }
    spans.push_back(std::move(span));
  }
  return spans;
}

}  // namespace millwright::runtime
