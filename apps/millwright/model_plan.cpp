#include "model_plan.h"

#include "model/llama.h"
#include "plan/plan_check.h"
#include "train/model_choice.h"

namespace millwright::app {
namespace {

constexpr const char* kDefaultChip = "m4";

}  // namespace

void ModelPlanOptions::add_to(Command& command) {
  Command::Option& name = command.text("--model", model, "NAME|FILE", "A preset, a config.json, or a folder with one");
  for (const model::Preset& preset : model::presets()) name.words.emplace_back(preset.name);
  Command::Option& pipeline_option = command.text("--pipeline", pipeline, "NAME", "How a step uses the engine");
  for (const auto& each : plan::pipelines()) pipeline_option.words.emplace_back(each.name);
  command.text("--attention", attention, "NAME", "Mask and softmax of attention: fused, or split to the CPU").words = {
      "fused", "split"};
  command.integer("--sequence", sequence, "Tokens per sequence; 0: the model's", 0, int64_t{1} << 20);
  chip.add_to(command, "--chip", "The chip: m1 to m5, with variants; m4 where neither chip nor profile is given");
}

Result<ModelPlan> ModelPlanOptions::make() const {
  ModelPlan result;
  train::TrainConfig settings;
  settings.model = model;
  settings.sequence = sequence;
  MW_ASSIGN(const train::ModelChoice choice, train::choose_model(settings));
  result.config = choice.config;
  ChipChoice chosen = chip;
  if (!chosen.is_given()) chosen.chip = kDefaultChip;
  MW_ASSIGN(result.profile, chosen.read());
  MW_ASSIGN(const plan::Attention where, plan::find_attention(attention));
  MW_ASSIGN(result.pipeline, plan::make_pipeline(pipeline, where));
  result.sequence = sequence == 0 ? result.config.sequence_length : sequence;
  MW_ASSIGN(auto step,
            model::build_training_step(result.config, {.batch = 1, .sequence = result.sequence, .accumulate = true}));
  result.function = std::move(step.function);
  MW_ASSIGN(result.planned, plan::plan_training(*result.function, result.pipeline));
  MW_TRY(plan::check_rules(result.planned.plan, result.profile));
  return result;
}

}  // namespace millwright::app
