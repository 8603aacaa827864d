#include "plan/training_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ane/rules/check.h"
#include "mil/bind_constants.h"
#include "mil/verifier.h"
#include "model/llama_parameters.h"
#include "plan/training_steps.h"

namespace millwright::plan {
namespace {

TrainingPlan static_plan(const model::LlamaConfig& config, int64_t sequence = 32) {
  auto plan = plan_training(*training_step(config, sequence), *make_pipeline("static"));
  EXPECT_TRUE(plan.has_value()) << plan.error().message;
  return std::move(*plan);
}

const PlannedProgram& program(const Plan& plan, std::string_view name) {
  const auto found = std::find_if(plan.programs.begin(), plan.programs.end(),
                                  [&](const PlannedProgram& program) { return program.name == name; });
  EXPECT_NE(found, plan.programs.end()) << name;
  return *found;
}

std::string input_type(const Plan& plan, std::string_view name) {
  return mil::type_text(program(plan, name).program->function("main")->inputs()[0]->type());
}

std::string output_type(const Plan& plan, std::string_view name) {
  return mil::type_text(program(plan, name).program->function("main")->results()[0]->type());
}

TEST(StaticPlan, HoldsTogether) {
  const TrainingPlan plan = static_plan(two_layers());
  const Status status = verify(plan.plan);
  EXPECT_TRUE(status.has_value()) << status.error().message;
  EXPECT_EQ(plan.results.size(), 1 + model::parameters(two_layers()).size());
}

// Stories110M as published: 60 programs with weights, 12 without (the fact base, training.md section 2).
TEST(StaticPlan, CompilesSeventyTwoProgramsForTwelveLayersAndSixtyForEachUpdate) {
  model::LlamaConfig config = two_layers();
  config.layers = 12;
  const CompileCounts counts = compile_counts(static_plan(config).plan);
  EXPECT_EQ(counts.first, 72);
  EXPECT_EQ(counts.per_update, 60);
}

// D 32, H 64, 4 heads, S 32, so 128 score channels: the channels of training.md section 2, but that norms are computed
// again on the CPU in fp32 instead of being given out.
TEST(StaticPlan, HasThePublishedSurfaces) {
  const Plan plan = std::move(static_plan(two_layers()).plan);
  EXPECT_EQ(input_type(plan, "layers.0.attention_forward"), "tensor<fp16, [1, 32, 1, 32]>");       // D
  EXPECT_EQ(output_type(plan, "layers.0.attention_forward"), "tensor<fp16, [1, 160, 1, 32]>");     // 5D
  EXPECT_EQ(output_type(plan, "layers.0.ffn_forward"), "tensor<fp16, [1, 224, 1, 32]>");           // D + 3H
  EXPECT_EQ(input_type(plan, "layers.0.ffn_backward"), "tensor<fp16, [1, 160, 1, 32]>");           // D + 2H
  EXPECT_EQ(output_type(plan, "layers.0.ffn_backward"), "tensor<fp16, [1, 160, 1, 32]>");          // D + 2H
  EXPECT_EQ(input_type(plan, "layers.0.attention_backward_1"), "tensor<fp16, [1, 128, 1, 32]>");   // 4D
  EXPECT_EQ(output_type(plan, "layers.0.attention_backward_1"), "tensor<fp16, [1, 288, 1, 32]>");  // D + 2P
  EXPECT_EQ(input_type(plan, "layers.0.attention_backward_2"), "tensor<fp16, [1, 320, 1, 32]>");   // 2P + 2D
  EXPECT_EQ(output_type(plan, "layers.0.attention_backward_2"), "tensor<fp16, [1, 64, 1, 32]>");   // 2D
  EXPECT_EQ(input_type(plan, "layers.0.qkv_backward"), "tensor<fp16, [1, 96, 1, 32]>");            // 3D
  EXPECT_EQ(output_type(plan, "layers.0.qkv_backward"), "tensor<fp16, [1, 32, 1, 32]>");           // D
}

TEST(StaticPlan, KeepsEveryRuleOfTheChipWithItsWeightsBound) {
  model::LlamaConfig grouped = two_layers();
  grouped.kv_heads = 2;
  for (const model::LlamaConfig& config : {two_layers(), grouped}) {
    const Plan plan = std::move(static_plan(config).plan);
    for (const PlannedProgram& planned : plan.programs) {
      if (planned.target != Target::engine) continue;
      const mil::Function& function = *planned.program->function(planned.function);
      std::vector<std::pair<size_t, mil::Literal>> constants;
      for (const ProgramWeight& weight : planned.weights) {
        constants.emplace_back(weight.input, mil::Literal::splat(function.inputs()[weight.input]->type(), 0.5));
      }
      mil::Program bound;
      bound.add_function(mil::bind_constants(function, constants));
      const Status verified = mil::verify(*bound.functions()[0]);
      ASSERT_TRUE(verified.has_value()) << planned.name << ": " << verified.error().message;
      for (const char* chip : {"m1", "m2", "m3", "m4", "m5"}) {
        const auto findings = ane::check_program(bound, *ane::find_profile(chip));
        EXPECT_FALSE(ane::has_errors(findings)) << chip << ", " << planned.name << ": " << finding_text(findings[0]);
      }
    }
  }
}

TEST(StaticPlan, HasHalfPrecisionOnTheEngineAlone) {
  const Plan plan = std::move(static_plan(two_layers()).plan);
  for (const PlannedProgram& planned : plan.programs) {
    if (planned.target != Target::engine) continue;
    for (const auto& operation : planned.program->function("main")->block().operations()) {
      for (const auto& result : operation->results()) {
        EXPECT_NE(result->element(), mil::ElementType::fp32) << planned.name << ": " << operation->label();
      }
      EXPECT_NE(operation->kind(), "cast") << planned.name;
    }
  }
}

TEST(StaticPlan, UsesWeightsInBothOrientations) {
  const Plan plan = std::move(static_plan(two_layers()).plan);
  for (const ProgramWeight& weight : program(plan, "layers.1.ffn_forward").weights) EXPECT_FALSE(weight.transposed);
  for (const ProgramWeight& weight : program(plan, "layers.1.ffn_backward").weights) EXPECT_TRUE(weight.transposed);
}

model::LlamaConfig twelve_layers() {
  model::LlamaConfig config = two_layers();
  config.layers = 12;
  return config;
}

CompileCounts counts_of(std::string_view pipeline, Attention attention) {
  const auto plan = plan_training(*training_step(twelve_layers()), *make_pipeline(pipeline, attention));
  EXPECT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_TRUE(verify(plan->plan).has_value());
  return compile_counts(plan->plan);
}

// As published: 86 compiles per batch of steps and 13 once, 99 in the first (training.md section 3).
TEST(StaticOffloadPlan, CompilesNinetyNineProgramsAndEightySixForEachUpdate) {
  const CompileCounts counts = counts_of("static-offload", Attention::fused);
  EXPECT_EQ(counts.first, 99);
  EXPECT_EQ(counts.per_update, 86);
}

// A program for the scores and one for what they weigh: seven per layer, six of them with weights. Both fit the budget
// of 119.
TEST(SplitAttention, HasSevenProgramsPerLayer) {
  const CompileCounts fixed = counts_of("static", Attention::split);
  EXPECT_EQ(fixed.first, 84);
  EXPECT_EQ(fixed.per_update, 72);
  const CompileCounts offload = counts_of("static-offload", Attention::split);
  EXPECT_EQ(offload.first, 111);
  EXPECT_EQ(offload.per_update, 98);
  const CompileCounts shared = counts_of("dynamic", Attention::split);
  EXPECT_EQ(shared.first, 7);
  EXPECT_EQ(shared.per_update, 0);
}

TEST(SplitAttention, LeavesNoSoftmaxToTheEngine) {
  for (const char* pipeline : {"static", "dynamic"}) {
    const auto plan = plan_training(*training_step(two_layers()), *make_pipeline(pipeline, Attention::split));
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    for (const PlannedProgram& planned : plan->plan.programs) {
      if (planned.target != Target::engine) continue;
      for (const auto& operation : planned.program->function("main")->block().operations()) {
        EXPECT_NE(operation->kind(), "softmax") << planned.name;
      }
    }
  }
}

TEST(DynamicPlan, SharesSixProgramsBetweenAllLayers) {
  model::LlamaConfig config = two_layers();
  config.layers = 12;
  const auto plan = plan_training(*training_step(config), *make_pipeline("dynamic"));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_TRUE(verify(plan->plan).has_value());
  const CompileCounts counts = compile_counts(plan->plan);
  EXPECT_EQ(counts.first, 6);
  EXPECT_EQ(counts.per_update, 0);
  EXPECT_EQ(plan->plan.staged_weights.size(), 12u * 7);  // q, k, v, o, gate, up, down; once for both passes
}

TEST(DynamicPlan, RefusesWeightsThatTheEngineWouldPad) {
  model::LlamaConfig config = two_layers();
  config.hidden_dim = 48;
  const auto plan = plan_training(*training_step(config), *make_pipeline("dynamic"));
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(
      plan.error().message,
      "plan: model_layers_0_mlp_down_proj_weight as an input of layers.0.ffn_forward is tensor<fp16, [1, 32, 1, 48]>, "
      "whose rows do not fill whole multiples of 64 bytes (C30); use a model whose dimensions are multiples of 32, or "
      "--pipeline static");
}

TEST(DynamicPlan, KeepsEveryRuleOfTheChip) {
  const auto plan = plan_training(*training_step(two_layers()), *make_pipeline("dynamic"));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  for (const PlannedProgram& planned : plan->plan.programs) {
    if (planned.target != Target::engine) continue;
    for (const char* chip : {"m2", "m3", "m4", "m5"}) {
      const auto findings = ane::check_program(*planned.program, *ane::find_profile(chip));
      EXPECT_FALSE(ane::has_errors(findings)) << chip << ", " << planned.name << ": " << finding_text(findings[0]);
    }
  }
}

TEST(StaticPlan, RefusesASequenceThatTheEngineCannotTake) {
  const auto plan = plan_training(*training_step(two_layers(), 40), *make_pipeline("static"));
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message, ::testing::HasSubstr("use a sequence whose length is a multiple of 32"));
}

}  // namespace
}  // namespace millwright::plan
