#include "plan/plan.h"

#include <utility>

#include "base/check.h"
#include "device/device.h"

namespace millwright::plan {

Plan whole_function_plan(std::unique_ptr<mil::Function> function, PlanPurpose purpose) {
  Plan plan;
  EvaluateTask evaluate;
  for (const device::Port& input : device::input_ports(*function)) {
    evaluate.inputs.push_back(plan.surfaces.size());
    plan.surfaces.push_back({input.name, input.type});
  }
  for (const device::Port& output : device::output_ports(*function)) {
    if (output.aliased_input) {
      evaluate.outputs.push_back(evaluate.inputs[*output.aliased_input]);
    } else {
      evaluate.outputs.push_back(plan.surfaces.size());
      plan.surfaces.push_back({output.name, output.type});
    }
  }
  PlannedProgram program{function->name(), std::make_unique<mil::Program>(), function->name()};
  program.program->add_function(std::move(function));
  plan.programs.push_back(std::move(program));
  plan.tasks.push_back({"evaluate", std::move(evaluate), {}});
  if (purpose == PlanPurpose::training) plan.tasks.push_back({"update", UpdateTask{}, {0}});
  return plan;
}

CompileCounts compile_counts(const Plan& plan) {
  CompileCounts counts;
  for (const PlannedProgram& program : plan.programs) {
    if (program.target != Target::engine) continue;
    ++counts.first;
    if (!program.weights.empty()) ++counts.per_update;
  }
  return counts;
}

namespace {

Status verify_ports(const Plan& plan, const Task& task, std::string_view what, const std::vector<size_t>& surfaces,
                    const std::vector<device::Port>& ports) {
  if (surfaces.size() != ports.size()) {
    return fail("plan: task {}: expected {} {} surfaces, found {}", task.name, ports.size(), what, surfaces.size());
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    if (surfaces[i] >= plan.surfaces.size()) {
      return fail("plan: task {}: {} \"{}\" names surface {}, but there are {}", task.name, what, ports[i].name,
                  surfaces[i], plan.surfaces.size());
    }
    const PlannedSurface& surface = plan.surfaces[surfaces[i]];
    if (surface.type == ports[i].type) continue;
    return fail("plan: task {}: {} \"{}\" is {}, but surface \"{}\" is {}", task.name, what, ports[i].name,
                mil::type_text(ports[i].type), surface.name, mil::type_text(surface.type));
  }
  return {};
}

// Weights are the last inputs, and have as many elements as their masters.
Status verify_weights(const Plan& plan, const Task& task, const std::vector<ProgramWeight>& weights,
                      const std::vector<device::Port>& inputs) {
  for (size_t i = 0; i < weights.size(); ++i) {
    const ProgramWeight& weight = weights[i];
    if (weight.surface >= plan.surfaces.size() || weight.input + weights.size() != inputs.size() + i) {
      return fail("plan: task {}: weight {} is input {} from surface {}; expected input {} from one of {} surfaces",
                  task.name, i, weight.input, weight.surface, inputs.size() - weights.size() + i, plan.surfaces.size());
    }
    const PlannedSurface& surface = plan.surfaces[weight.surface];
    if (surface.type.count() == inputs[weight.input].type.count()) continue;
    return fail("plan: task {}: weight \"{}\" is {}, but surface \"{}\" is {}", task.name, inputs[weight.input].name,
                mil::type_text(inputs[weight.input].type), surface.name, mil::type_text(surface.type));
  }
  return {};
}

Status verify_evaluation(const Plan& plan, const Task& task, const EvaluateTask& evaluate) {
  if (evaluate.program >= plan.programs.size()) {
    return fail("plan: task {}: names program {}, but there are {}", task.name, evaluate.program, plan.programs.size());
  }
  const PlannedProgram& planned = plan.programs[evaluate.program];
  MW_ASSIGN(const mil::Function* function, device::find_function(*planned.program, planned.function));
  std::vector<device::Port> inputs = device::input_ports(*function);
  MW_TRY(verify_weights(plan, task, planned.weights, inputs));
  inputs.resize(inputs.size() - planned.weights.size());
  MW_TRY(verify_ports(plan, task, "input", evaluate.inputs, inputs));
  return verify_ports(plan, task, "result", evaluate.outputs, device::output_ports(*function));
}

}  // namespace

Status verify(const Plan& plan) {
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    const Task& task = plan.tasks[i];
    for (const size_t earlier : task.after) {
      if (earlier >= i) return fail("plan: task {} is task {} and cannot come after task {}", task.name, i, earlier);
    }
    if (const auto* evaluate = std::get_if<EvaluateTask>(&task.action)) {
      MW_TRY(verify_evaluation(plan, task, *evaluate));
    }
  }
  return {};
}

}  // namespace millwright::plan
