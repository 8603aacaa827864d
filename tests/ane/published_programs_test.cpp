#include "ane/published_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "ane/operation_work.h"
#include "ane/published_layers.h"
#include "ane/value_bytes.h"
#include "mil/statistics.h"
#include "mil/verifier.h"

namespace millwright::ane {
namespace {

using ::testing::ElementsAre;

std::string error_of(const Result<std::unique_ptr<mil::Function>>& function) {
  return function ? "built" : function.error().message;
}

std::string verified(const mil::Function& function) {
  const Status status = mil::verify(function);
  return status ? "valid" : status.error().message;
}

std::vector<std::string> names_of(const std::vector<LayerProgram>& programs) {
  std::vector<std::string> names;
  for (const LayerProgram& program : programs) names.push_back(program.name);
  return names;
}

TEST(PublishedPrograms, AreValidInEveryForm) {
  using Weights = ConvChain::Weights;
  using Precision = ConvChain::Precision;
  for (const Weights weights : {Weights::shared, Weights::distinct}) {
    for (const Precision precision : {Precision::fp16, Precision::int8_weights, Precision::int8}) {
      const auto chain = conv_chain({3, 64, 64, 8, 32, 3, weights, precision});
      ASSERT_TRUE(chain.has_value());
      EXPECT_EQ(verified(**chain), "valid");
      EXPECT_EQ((*chain)->results()[0]->shape(), (mil::Shape{1, 64, 8, 32}));
    }
  }
  for (const auto right : {MatmulChain::RightOperand::input, MatmulChain::RightOperand::constant,
                           MatmulChain::RightOperand::int8_constant}) {
    const auto chain = matmul_chain({16, 64, 64, 2, right});
    ASSERT_TRUE(chain.has_value());
    EXPECT_EQ(verified(**chain), "valid");
  }
  for (const std::string_view kind :
       {"relu", "sigmoid", "tanh", "gelu", "softmax", "rms_norm", "layer_norm", "l2_norm", "max_pool", "avg_pool"}) {
    const auto function = single_operation(kind, {1, 8, 4, 32});
    ASSERT_TRUE(function.has_value()) << kind;
    EXPECT_EQ(verified(**function), "valid") << kind;
  }
  const auto heads = attention({4, 32, 64});
  ASSERT_TRUE(heads.has_value());
  EXPECT_EQ(verified(**heads), "valid");
  const auto decode = attention({.heads = 8, .sequence = 32, .head_dim = 64, .kv_heads = 2, .queries = 1});
  ASSERT_TRUE(decode.has_value());
  EXPECT_EQ(verified(**decode), "valid");
  EXPECT_EQ((*decode)->results()[0]->shape(), (mil::Shape{1, 8, 1, 64}));
}

TEST(PublishedPrograms, SayWhichSizeTheyRefuse) {
  EXPECT_EQ(error_of(conv_chain({.in_channels = 8, .out_channels = 8})), "width is 0, expected 1 to 1048576");
  EXPECT_EQ(error_of(conv_chain({.in_channels = -1, .out_channels = 8, .width = 32})),
            "in_channels is -1, expected 1 to 1048576");
  EXPECT_EQ(error_of(conv_chain({.depth = 2, .in_channels = 8, .out_channels = 4, .width = 32})),
            "a chain of 2 convolutions needs as many input as output channels, found 8 and 4");
  EXPECT_EQ(error_of(conv_chain({.in_channels = 8, .out_channels = 8, .width = 32, .kernel = 2})),
            "kernel is 2, expected an odd number");
  EXPECT_EQ(error_of(matmul_chain({.m = 4, .k = 8, .n = 16, .depth = 2})),
            "a chain of 2 products needs k equal to n, found 8 and 16");
  EXPECT_EQ(error_of(single_operation("gather", {1, 8})),
            "gather over [1, 8] is no operation of the published studies");
  EXPECT_EQ(error_of(attention({.heads = 8, .sequence = 32, .head_dim = 64, .kv_heads = 3})),
            "8 heads cannot share 3 kv_heads");
  EXPECT_EQ(error_of(single_operation("relu", {})), "the shape has no axes");
}

std::vector<const mil::Literal*> weights_of(const mil::Function& function) {
  std::vector<const mil::Literal*> weights;
  for (const auto& operation : function.block().operations()) {
    if (operation->is_const() && is_weight(*operation->result())) weights.push_back(operation->attribute("val"));
  }
  return weights;
}

TEST(PublishedPrograms, GetNumbersForTheirWeights) {
  using Weights = ConvChain::Weights;
  for (const Weights weights : {Weights::shared, Weights::distinct}) {
    const auto chain = conv_chain({.depth = 3, .in_channels = 33, .out_channels = 33, .width = 32, .weights = weights});
    ASSERT_TRUE(chain.has_value());
    const FunctionWork before = *count_work(**chain, {});
    fill_weights(**chain);
    const std::vector<const mil::Literal*> filled = weights_of(**chain);
    ASSERT_EQ(filled.size(), 3u);
    std::set<const std::byte*> memory;
    for (const mil::Literal* literal : filled) {
      ASSERT_TRUE(literal->has_elements());
      memory.insert(literal->elements().data());
      for (int64_t i = 0; i < literal->type().count(); ++i) {
        EXPECT_NE(literal->number_at(i), 0) << i;
        EXPECT_LE(std::abs(literal->number_at(i)), std::sqrt(3.0 / 33) * 1.001) << i;
      }
    }
    EXPECT_EQ(memory.size(), weights == Weights::shared ? 1u : 3u);
    // Whether they share their bytes is still seen.
    EXPECT_EQ(count_work(**chain, {})->constant_bytes, before.constant_bytes);
  }
}

TEST(PublishedLayers, HaveTheProgramsOfTheTwoPipelines) {
  EXPECT_THAT(names_of(static_layer_programs({})),
              ElementsAre("fwdAttn", "fwdFFN", "ffnBwd", "sdpaBwd1", "sdpaBwd2", "qkvBwd"));
  EXPECT_THAT(names_of(dynamic_layer_programs({})),
              ElementsAre("sdpaFwd", "woFwd", "ffnFused", "ffnBwdW2t", "ffnBwdW13t", "wotBwd", "sdpaBwd1", "sdpaBwd2",
                          "qBwd", "kvBwd"));
}

TEST(PublishedLayers, AreValidAndOfThePublishedShapes) {
  const LayerShape small{.dim = 64, .hidden = 96, .heads = 4, .kv_heads = 2, .head_dim = 16, .sequence = 32};
  for (const LayerProgram& program : dynamic_layer_programs(small)) {
    EXPECT_EQ(verified(*program.function), "valid") << program.name;
  }
  // Channels of inputs and results, from the authors' table: D 768, H 2048, P = 12·256.
  const std::vector<std::pair<int64_t, int64_t>> channels = {{768, 4608},  {768, 7680},  {4864, 4864},
                                                             {3072, 6912}, {7680, 1536}, {2304, 768}};
  const std::vector<LayerProgram> programs = static_layer_programs({});
  for (size_t i = 0; i < programs.size(); ++i) {
    EXPECT_EQ(verified(*programs[i].function), "valid") << programs[i].name;
    EXPECT_EQ(programs[i].function->inputs()[0]->shape()[1], channels[i].first) << programs[i].name;
    EXPECT_EQ(programs[i].function->results()[0]->shape()[1], channels[i].second) << programs[i].name;
  }
}

TEST(PublishedLayers, CountTheProductsOfOneLayer) {
  // 2·S·(4D² + 3DH) for the linear layers and 4·heads·S²·head_dim for attention, as the authors count.
  const double linear = 2.0 * 256 * (4.0 * 768 * 768 + 3.0 * 768 * 2048);
  const double scores = 4.0 * 12 * 256 * 256 * 64;
  for (const auto& programs : {static_layer_programs({}), dynamic_layer_programs({})}) {
    double flops = 0;
    for (const LayerProgram& program : programs) {
      if (!program.is_forward) continue;
      const Result<FunctionWork> work = count_work(*program.function, {});
      ASSERT_TRUE(work.has_value());
      for (const OperationWork& operation : work->operations) {
        if (operation.lane_flops > 0) flops += operation.flops;
      }
    }
    EXPECT_DOUBLE_EQ(flops, linear + scores);
  }
}

}  // namespace
}  // namespace millwright::ane
