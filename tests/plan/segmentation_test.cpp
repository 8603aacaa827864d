#include "plan/segmentation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/training_steps.h"

namespace millwright::plan {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names(const std::vector<Segment>& segments, Segment::Kind kind) {
  std::vector<std::string> names;
  for (const Segment& segment : segments) {
    if (segment.kind == kind) names.push_back(segment.name);
  }
  return names;
}

std::vector<std::string> labels(const std::vector<const mil::Value*>& values) {
  std::vector<std::string> labels;
  for (const mil::Value* value : values) labels.push_back(value->producer()->label());
  return labels;
}

class SegmentsOfStatic : public ::testing::Test {
 protected:
  SegmentsOfStatic() : function_(training_step(two_layers())) {
    const Pipeline pipeline = *make_pipeline("static");
    auto segments = cut(*function_, place(*function_, pipeline), pipeline);
    EXPECT_TRUE(segments.has_value()) << segments.error().message;
    segments_ = std::move(*segments);
  }

  const Segment& named(std::string_view name) const {
    const auto found =
        std::find_if(segments_.begin(), segments_.end(), [&](const Segment& s) { return s.name == name; });
    EXPECT_NE(found, segments_.end()) << name;
    return *found;
  }

  std::unique_ptr<mil::Function> function_;
  std::vector<Segment> segments_;
};

TEST_F(SegmentsOfStatic, RunTheProgramsForwardThenBackward) {
  EXPECT_THAT(names(segments_, Segment::Kind::engine),
              ElementsAre("layers.0.attention_forward", "layers.0.ffn_forward", "layers.1.attention_forward",
                          "layers.1.ffn_forward", "layers.1.ffn_backward", "layers.1.attention_backward_1",
                          "layers.1.attention_backward_2", "layers.1.qkv_backward", "layers.0.ffn_backward",
                          "layers.0.attention_backward_1", "layers.0.attention_backward_2", "layers.0.qkv_backward"));
}

TEST_F(SegmentsOfStatic, EveryProgramIsStagedByTheSegmentBefore) {
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].kind != Segment::Kind::engine) continue;
    ASSERT_GT(i, 0u);
    EXPECT_EQ(segments_[i - 1].staged, i) << segments_[i].name;
  }
}

TEST_F(SegmentsOfStatic, TakeNothingFromALaterSegment) {
  for (size_t i = 0; i < segments_.size(); ++i) {
    for (const SegmentInput& input : segments_[i].inputs) {
      EXPECT_LT(input.from, i) << segments_[i].name << " takes " << input.value->name().view();
      const auto& outputs = segments_[input.from].outputs;
      EXPECT_NE(std::find(outputs.begin(), outputs.end(), input.value), outputs.end()) << input.value->name().view();
    }
  }
}

TEST_F(SegmentsOfStatic, GiveOutTheListedTaps) {
  EXPECT_THAT(labels(named("layers.0.attention_forward").outputs),
              ::testing::UnorderedElementsAre("layers.0.attention.o", "layers.0.attention.rope_q.out",
                                              "layers.0.attention.rope_k.out", "layers.0.attention.v",
                                              "layers.0.attention.mixed"));
  EXPECT_THAT(
      labels(named("layers.1.ffn_forward").outputs),
      ::testing::UnorderedElementsAre("layers.1.ffn.w1", "layers.1.ffn.w3", "layers.1.ffn.hidden", "layers.1.ffn.w2"));
}

// The published programs: probabilities are computed again in the first, and handed to the second.
TEST_F(SegmentsOfStatic, ComputeProbabilitiesAgainOnlyOnce) {
  const auto count = [&](const Segment& segment, std::string_view label) {
    return std::count_if(segment.operations.begin(), segment.operations.end(),
                         [&](const mil::Operation* operation) { return operation->label() == label; });
  };
  EXPECT_EQ(count(named("layers.1.attention_backward_1"), "layers.1.attention.probabilities"), 1);
  EXPECT_EQ(count(named("layers.1.attention_backward_2"), "layers.1.attention.probabilities"), 0);
  EXPECT_EQ(count(named("layers.1.attention_backward_2"), "layers.1.attention.rope_q.first"), 0);
}

TEST_F(SegmentsOfStatic, UseWeightsInFiveOfSixPrograms) {
  EXPECT_EQ(named("layers.0.attention_forward").parameters.size(), 5u);  // norm, q, k, v, o
  EXPECT_EQ(named("layers.0.ffn_forward").parameters.size(), 4u);
  EXPECT_EQ(named("layers.0.ffn_backward").parameters.size(), 3u);
  EXPECT_EQ(named("layers.0.attention_backward_1").parameters.size(), 1u);
  EXPECT_EQ(named("layers.0.attention_backward_2").parameters.size(), 0u);
  EXPECT_EQ(named("layers.0.qkv_backward").parameters.size(), 3u);
}

TEST(Cut, RefusesProgramsThatWaitForEachOther) {
  const auto function = training_step(two_layers());
  // Products on the engine, what stands between them on the CPU: the program waits for itself by way of the CPU, which
  // is fine; two programs that alternate are not.
  const std::vector<SegmentRule> rules = {
      {"ffn", "w1", false, "odd"}, {"ffn", "w2", false, "odd"}, {"ffn", "hidden", false, "even"}};
  const Pipeline pipeline{"test", WeightPolicy::constants, rules, {}};
  const auto segments = cut(*function, place(*function, pipeline), pipeline);
  ASSERT_FALSE(segments.has_value());
  EXPECT_EQ(
      segments.error().message,
      "plan: the programs layers.0.odd and layers.0.even wait for each other, so neither can run as one; cut them "
      "finer");
}

TEST(Cut, RefusesToMultiplyByAWeightTwice) {
  const auto function = training_step(two_layers());
  const Pipeline complete = *make_pipeline("static");
  const Pipeline pipeline{"test", WeightPolicy::constants, complete.segments, {}};
  const auto segments = cut(*function, place(*function, pipeline), pipeline);
  ASSERT_FALSE(segments.has_value());
  EXPECT_THAT(segments.error().message, ::testing::EndsWith("the pipeline test lacks a tap for it"));
}

}  // namespace
}  // namespace millwright::plan
