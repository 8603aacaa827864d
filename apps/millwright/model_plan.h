// The plan of a training step that the commands `plan` and `simulate` are about: model, pipeline and chip by options.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "chip_choice.h"
#include "command_tree.h"
#include "mil/ir.h"
#include "model/llama_config.h"
#include "plan/pipeline.h"
#include "plan/training_plan.h"

namespace millwright::app {

struct ModelPlan {
  model::LlamaConfig config;
  ane::ChipProfile profile;
  plan::Pipeline pipeline;
  int64_t sequence = 0;
  std::unique_ptr<mil::Function> function;  // the training step of one sequence
  plan::TrainingPlan planned;
};

struct ModelPlanOptions {
  std::string model = "stories110m";
  std::string pipeline = "static";
  std::string attention = "fused";
  int64_t sequence = 0;  // 0: the model's
  ChipChoice chip;       // none: m4

  void add_to(Command& command);
  Result<ModelPlan> make() const;
};

}  // namespace millwright::app
