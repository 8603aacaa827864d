#include "model/llama_parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/parallel.h"

namespace millwright::model {
namespace {

LlamaConfig one_layer() {
  LlamaConfig config = find_preset("stories260k").value();
  config.layers = 1;
  return config;
}

std::vector<float> initial_values(const ParameterDescription& parameter, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(parameter.count()));
  initialize(parameter, seed, values);
  return values;
}

double standard_deviation(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * value;
  }
  const auto count = static_cast<double>(values.size());
  return std::sqrt(squares / count - sum / count * (sum / count));
}

TEST(LlamaParameters, HaveHuggingFacesNamesAndShapesInOrder) {
  std::string listing;
  for (const ParameterDescription& parameter : parameters(one_layer())) {
    listing += parameter.name + " " + mil::shape_text(parameter.shape) + (parameter.decay ? " decays\n" : "\n");
  }
  EXPECT_EQ(listing,
            "model.embed_tokens.weight [512, 64] decays\n"
            "model.layers.0.input_layernorm.weight [64]\n"
            "model.layers.0.self_attn.q_proj.weight [64, 64] decays\n"
            "model.layers.0.self_attn.k_proj.weight [32, 64] decays\n"
            "model.layers.0.self_attn.v_proj.weight [32, 64] decays\n"
            "model.layers.0.self_attn.o_proj.weight [64, 64] decays\n"
            "model.layers.0.post_attention_layernorm.weight [64]\n"
            "model.layers.0.mlp.gate_proj.weight [172, 64] decays\n"
            "model.layers.0.mlp.up_proj.weight [172, 64] decays\n"
            "model.layers.0.mlp.down_proj.weight [64, 172] decays\n"
            "model.norm.weight [64]\n");
}

TEST(LlamaParameters, HaveAClassifierOnlyWhereItIsNotTied) {
  LlamaConfig config = one_layer();
  config.tie_embeddings = false;
  const auto list = parameters(config);
  EXPECT_EQ(list.back().name, "lm_head.weight");
  EXPECT_EQ(list.back().shape, (mil::Shape{512, 64}));
  EXPECT_EQ(parameter_count(config), parameter_count(one_layer()) + 512 * 64);
}

TEST(LlamaParameters, AreNamedForMilWithoutDots) {
  EXPECT_EQ(parameters(one_layer())[2].mil_name, "model_layers_0_self_attn_q_proj_weight");
}

TEST(LlamaInitialisation, HasTheStatedDeviationAndUnitNorms) {
  const LlamaConfig config = find_preset("small").value();
  for (const ParameterDescription& parameter : parameters(config)) {
    const std::vector<float> values = initial_values(parameter, 7);
    if (parameter.kind == ParameterDescription::Kind::norm) {
      EXPECT_EQ(values, std::vector<float>(values.size(), 1.0f)) << parameter.name;
      continue;
    }
    const bool residual = parameter.name.ends_with("o_proj.weight") || parameter.name.ends_with("down_proj.weight");
    const double expected = residual ? 0.02 / std::sqrt(12.0) : 0.02;
    // The estimate's relative deviation is 1 / sqrt(2 n), at most 0.3 % here; four of them.
    EXPECT_NEAR(standard_deviation(values) / expected, 1.0, 0.012) << parameter.name;
  }
}

TEST(LlamaInitialisation, GivesTheSameBitsForAnyNumberOfThreads) {
  const ParameterDescription parameter = parameters(find_preset("small").value())[0];
  const int threads = thread_count();
  set_thread_count(1);
  const std::vector<float> one = initial_values(parameter, 3);
  set_thread_count(3);
  const std::vector<float> three = initial_values(parameter, 3);
  set_thread_count(threads);
  EXPECT_EQ(one, three);
}

TEST(LlamaInitialisation, DiffersBySeedAndByName) {
  const auto list = parameters(one_layer());
  EXPECT_NE(initial_values(list[3], 1), initial_values(list[3], 2));
  EXPECT_NE(initial_values(list[3], 1), initial_values(list[4], 1));  // k and v have one shape
}

}  // namespace
}  // namespace millwright::model
