// What the engine is predicted to need for the programs of a plan, by the cost model of a chip profile (never
// measured).
#pragma once

#include "ane/chip_profile.h"
#include "ane/cost_model.h"
#include "base/result.h"
#include "plan/plan.h"

namespace millwright::plan {

// Of a program for the engine, with the weights that are constants in it, which need not be known. The operations in
// the result point into nothing any more.
Result<ane::ProgramCost> predict_program(const PlannedProgram& program, const ane::ChipProfile& profile);

}  // namespace millwright::plan
