// Plans one training step for a pipeline: programs of engine and CPU, the surfaces between them, and the tasks that run
// them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"
#include "plan/pipeline.h"
#include "plan/plan.h"

namespace millwright::plan {

// Surface i is input i of the function; the result r of it is surface `results[r]`, which for a result that aliases an
// input is that input's.
struct TrainingPlan {
  Plan plan;
  std::vector<size_t> results;
};

// `function` is a training step: loss first, then gradients of parameters. Its activations must be of one sequence.
Result<TrainingPlan> plan_training(const mil::Function& function, const Pipeline& pipeline);

}  // namespace millwright::plan
