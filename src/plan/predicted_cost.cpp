#include "plan/predicted_cost.h"

#include "plan/placeholder_weights.h"

namespace millwright::plan {

Result<ane::ProgramCost> predict_program(const PlannedProgram& program, const ane::ChipProfile& profile) {
  const auto bound = with_placeholder_weights(program);
  MW_ASSIGN(ane::ProgramCost cost, ane::predict_cost(*bound, profile));
  for (ane::OperationCost& operation : cost.operations) operation.work.operation = nullptr;
  return cost;
}

}  // namespace millwright::plan
