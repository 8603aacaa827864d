#include "plan/predicted_cost.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "mil/bind_constants.h"

namespace millwright::plan {

Result<ane::ProgramCost> predict_program(const PlannedProgram& program, const ane::ChipProfile& profile) {
  const mil::Function* function = program.program->function(program.function);
  MW_CHECK(function != nullptr, "program {} has no function {}", program.name, program.function);
  // Each weight stands at a place of its own in a weight file that nobody reads.
  std::vector<std::pair<size_t, mil::Literal>> constants;
  uint64_t offset = 64;
  for (const ProgramWeight& weight : program.weights) {
    const mil::Type& type = function->inputs().at(weight.input)->type();
    constants.emplace_back(weight.input, mil::Literal::blob(type, {"@model_path/weights/weight.bin", offset}));
    offset += static_cast<uint64_t>(type.bytes()) + 64;
  }
  const auto bound = mil::bind_constants(*function, constants);
  MW_ASSIGN(ane::ProgramCost cost, ane::predict_cost(*bound, profile));
  for (ane::OperationCost& operation : cost.operations) operation.work.operation = nullptr;
  return cost;
}

}  // namespace millwright::plan
