#include "plan/placement.h"

#include <gtest/gtest.h>

#include "plan/training_steps.h"

namespace millwright::plan {
namespace {

class PlacementOfStatic : public ::testing::Test {
 protected:
  PlacementOfStatic()
      : function_(training_step(two_layers(), 64)), placements_(place(*function_, *make_pipeline("static"))) {}

  const OperationPlacement& of(std::string_view label, const mil::Shape& shape = {}) const {
    const mil::Operation* operation = find_operation(*function_, label, shape);
    EXPECT_NE(operation, nullptr) << label;
    return placements_.at(operation);
  }

  std::unique_ptr<mil::Function> function_;
  Placements placements_;
};

TEST_F(PlacementOfStatic, CoversEveryOperationButConstants) {
  size_t operations = 0;
  for (const auto& operation : function_->block().operations()) {
    if (operation->is_const()) continue;
    ++operations;
    EXPECT_FALSE(placements_.at(operation.get()).reason.empty()) << operation->label();
  }
  EXPECT_EQ(placements_.size(), operations);
}

TEST_F(PlacementOfStatic, GivesTheForwardPassOfALayerToTwoPrograms) {
  EXPECT_EQ(of("layers.1.attention.norm.rsqrt").segment, "layers.1.attention_forward");
  EXPECT_EQ(of("layers.1.attention.rope_k.out").segment, "layers.1.attention_forward");
  EXPECT_EQ(of("layers.1.attention.probabilities").segment, "layers.1.attention_forward");
  EXPECT_EQ(of("layers.1.ffn.w2").segment, "layers.1.ffn_forward");
}

TEST_F(PlacementOfStatic, GivesGradientsOfActivationsToFourPrograms) {
  EXPECT_EQ(of("layers.0.ffn.w2.grad", {1, 64, 64}).segment, "layers.0.ffn_backward");
  EXPECT_EQ(of("layers.0.attention.o.grad", {1, 32, 64}).segment, "layers.0.attention_backward_1");
  EXPECT_EQ(of("layers.0.attention.probabilities.grad").segment, "layers.0.attention_backward_2");
  EXPECT_EQ(of("layers.0.attention.rope_q.first.grad").segment, "layers.0.attention_backward_2");
  EXPECT_EQ(of("layers.0.attention.k.grad", {1, 32, 64}).segment, "layers.0.qkv_backward");
}

TEST_F(PlacementOfStatic, LeavesTheRestToTheCpuAndSaysWhy) {
  EXPECT_EQ(of("layers.0.attention.residual").reason, "the residual stream stays in fp32");
  EXPECT_EQ(of("layers.0.ffn.norm.rsqrt.grad").reason, "sums of squares of fp32 activations");
  EXPECT_FALSE(of("classifier.logits").is_engine());
  EXPECT_FALSE(of("loss.normalizer").is_engine());
}

TEST_F(PlacementOfStatic, DefersGradientsOfParametersAndNothingThatOthersWaitFor) {
  EXPECT_TRUE(of("layers.1.ffn.w2.grad", {1, 32, 64}).is_deferrable);
  EXPECT_TRUE(of("gradients.model_layers_1_mlp_down_proj_weight").is_deferrable);
  EXPECT_TRUE(of("embedding.gather.grad").is_deferrable);
  EXPECT_FALSE(of("layers.1.ffn.w2.grad", {1, 64, 64}).is_deferrable);
  EXPECT_FALSE(of("loss.mean").is_deferrable);
}

TEST(ModelPlace, ReadsLayerPartAndOperationFromALabel) {
  const auto function = training_step(two_layers());
  const ModelPlace forward = model_place(*find_operation(*function, "layers.1.attention.rope_q.first"));
  EXPECT_EQ(forward.layer, "layers.1");
  EXPECT_EQ(forward.part, "attention");
  EXPECT_EQ(forward.operation, "rope_q.first");
  EXPECT_FALSE(forward.is_gradient);
  const ModelPlace backward = model_place(*find_operation(*function, "classifier.norm.scaled.grad"));
  EXPECT_EQ(backward.layer, "");
  EXPECT_EQ(backward.part, "classifier");
  EXPECT_EQ(backward.operation, "norm.scaled");
  EXPECT_TRUE(backward.is_gradient);
}

TEST(IsUnder, AsksForWholeWordsOfALabel) {
  EXPECT_TRUE(is_under("rope_q.first", "rope_q"));
  EXPECT_TRUE(is_under("rope_q", "rope_q"));
  EXPECT_TRUE(is_under("rope_q", ""));
  EXPECT_FALSE(is_under("rope_query", "rope_q"));
  EXPECT_FALSE(is_under("rope", "rope_q"));
}

TEST(MakePipeline, ListsTheNamesItKnows) {
  EXPECT_TRUE(make_pipeline("static").has_value());
  EXPECT_EQ(make_pipeline("statik").error().message, "unknown pipeline \"statik\"; did you mean static?");
}

}  // namespace
}  // namespace millwright::plan
