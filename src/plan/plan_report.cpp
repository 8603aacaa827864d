#include "plan/plan_report.h"

#include <algorithm>

#include "plan/placement.h"
#include "plan/predicted_cost.h"

namespace millwright::plan {
Result<PlanReport> report(const Plan& plan, const ane::ChipProfile& profile, size_t function_inputs) {
  PlanReport result;
  result.compiles = compile_counts(plan);
  for (size_t i = function_inputs; i < plan.surfaces.size(); ++i) {
    if (!plan.surfaces[i].shares) result.surface_bytes += static_cast<double>(plan.surfaces[i].type.bytes());
  }
  std::vector<int64_t> evaluations(plan.programs.size());
  for (const Task& task : plan.tasks) {
    if (const auto* evaluate = std::get_if<EvaluateTask>(&task.action)) ++evaluations[evaluate->program];
  }
  for (size_t i = 0; i < plan.programs.size(); ++i) {
    const PlannedProgram& program = plan.programs[i];
    if (program.target == Target::cpu) {
      ++result.cpu_functions;
      continue;
    }
    const std::string name(without_layer(program.name));
    const auto found = std::ranges::find(result.programs, name, &ProgramReport::name);
    if (found != result.programs.end()) {
      ++found->programs;
      found->evaluations += evaluations[i];
      continue;
    }
    MW_ASSIGN(const ane::ProgramCost cost, predict_program(program, profile));
    ProgramReport line;
    line.name = name;
    line.programs = 1;
    line.evaluations = evaluations[i];
    line.holds_weights = !program.weights.empty();
    const mil::Function& function = *program.program->function(program.function);
    for (size_t input = 0; input < function.inputs().size() - program.weights.size(); ++input) {
      line.inputs.push_back(mil::type_text(function.inputs()[input]->type()));
    }
    for (const mil::Value* output : function.results()) line.outputs.push_back(mil::type_text(output->type()));
    for (const ProgramWeight& weight : program.weights) {
      line.weight_bytes += static_cast<double>(function.inputs()[weight.input]->type().bytes());
    }
    line.flops = cost.flops;
    line.seconds = cost.seconds;
    line.joules = cost.joules;
    line.compile_seconds = cost.compile_seconds;
    for (const auto& operation : function.block().operations()) {
      for (const auto& value : operation->results()) {
        if (!value->type().is_tensor()) continue;
        line.largest_operand_bytes = std::max(line.largest_operand_bytes, static_cast<double>(value->type().bytes()));
      }
    }
    result.programs.push_back(std::move(line));
  }
  return result;
}

std::vector<OperationReport> report_operations(const mil::Function& function, const Pipeline& pipeline) {
  const Placements placements = place(function, pipeline);
  std::vector<OperationReport> operations;
  for (const auto& operation : function.block().operations()) {
    if (operation->is_const()) continue;
    const OperationPlacement& placement = placements.at(operation.get());
    operations.push_back({operation->label(), std::string(operation->kind().view()), placement.is_engine(),
                          placement.segment, std::string(placement.reason)});
  }
  return operations;
}

}  // namespace millwright::plan
