// Whether a chip takes the programs of a plan, by the rule catalogue, before anything is compiled.
#pragma once

#include "ane/chip_profile.h"
#include "base/result.h"
#include "plan/plan.h"

namespace millwright::plan {

// The error names the first program that the chip refuses, the rule, the operation, and what to change.
Status check_rules(const Plan& plan, const ane::ChipProfile& profile);

}  // namespace millwright::plan
