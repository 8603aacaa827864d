// Model folders for tests: tiny models with random weights, and models whose answer is known by construction.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "model/llama_parameters.h"
#include "model/weights.h"

namespace millwright::generate {

struct ModelWeights {
  model::LlamaConfig config;
  std::vector<std::vector<float>> values;  // in the order of model::parameters(config)

  void save(const Path& folder) const {
    const std::vector<std::span<const float>> spans(values.begin(), values.end());
    const Status status = model::save_model(folder, config, spans);
    ASSERT_TRUE(status) << status.error().message;
  }
};

// Two query heads per key-value head, untied.
inline model::LlamaConfig tiny_config(int64_t vocabulary, int64_t sequence) {
  model::LlamaConfig config;
  config.vocabulary_size = vocabulary;
  config.dim = 16;
  config.hidden_dim = 24;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 4;
  config.sequence_length = sequence;
  config.tie_embeddings = false;
  return config;
}

// Weights wide enough that every path matters and no two logits come near each other.
inline ModelWeights random_weights(const model::LlamaConfig& config, uint64_t seed) {
  ModelWeights weights{config, {}};
  RandomStream random(seed);
  for (const model::ParameterDescription& parameter : model::parameters(config)) {
    const bool norm = parameter.kind == model::ParameterDescription::Kind::norm;
    const double spread = norm ? 0.2 : 1.5 / std::sqrt(static_cast<double>(parameter.shape[1]));
    std::vector<float>& values = weights.values.emplace_back();
    for (int64_t i = 0; i < parameter.count(); ++i) {
      values.push_back(static_cast<float>((norm ? 1.0 : 0.0) + spread * double{random.normal()}));
    }
  }
  return weights;
}

// A model that gives `token` the largest logit after any text: embeddings of ones, layers that add nothing, and a
// classifier that is zero but for one row. All other logits are equal.
inline ModelWeights constant_weights(const model::LlamaConfig& config, int32_t token) {
  ModelWeights weights{config, {}};
  const auto descriptions = model::parameters(config);
  for (size_t i = 0; i < descriptions.size(); ++i) {
    const auto kind = descriptions[i].kind;
    const bool ones = kind != model::ParameterDescription::Kind::matrix;
    weights.values.emplace_back(static_cast<size_t>(descriptions[i].count()), ones ? 1.0F : 0.0F);
  }
  std::vector<float>& classifier = weights.values.back();
  const auto dim = static_cast<size_t>(config.dim);
  for (size_t i = 0; i < dim; ++i) classifier[static_cast<size_t>(token) * dim + i] = 1.0F;
  return weights;
}

}  // namespace millwright::generate
