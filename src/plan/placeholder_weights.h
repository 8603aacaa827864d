// Programs whose weights are constants, before anybody has the weights.
#pragma once

#include <memory>

#include "mil/ir.h"
#include "plan/plan.h"

namespace millwright::plan {

// The function of a program as it is compiled, each weight at a place of its own in a weight file that nobody reads.
std::unique_ptr<mil::Function> with_placeholder_weights(const PlannedProgram& program);

}  // namespace millwright::plan
