// The smallest model of the family, and parameter stores filled with it, for the tests of train.
#pragma once

#include <vector>

#include "base/random.h"
#include "model/llama_config.h"
#include "model/llama_parameters.h"
#include "runtime/parameter_store.h"

namespace millwright::train {

inline model::LlamaConfig tiny_model() {
  model::LlamaConfig config;
  config.vocabulary_size = 11;
  config.dim = 8;
  config.hidden_dim = 12;
  config.layers = 1;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 4;
  config.sequence_length = 6;
  return config;
}

inline runtime::ParameterStore empty_store(const model::LlamaConfig& config) {
  std::vector<runtime::ParameterSpecification> parameters;
  for (const auto& parameter : model::parameters(config)) {
    parameters.push_back({parameter.name, parameter.shape, parameter.decay});
  }
  return *runtime::ParameterStore::create(parameters, runtime::StoreContents::training);
}

// Random weights and moments.
inline runtime::ParameterStore random_store(const model::LlamaConfig& config, uint64_t seed) {
  runtime::ParameterStore store = empty_store(config);
  RandomStream random(seed);
  for (size_t i = 0; i < store.entries().size(); ++i) {
    for (float& value : store.master(i)) value = random.normal();
    for (float& value : store.first_moment(i)) value = random.normal();
    for (float& value : store.second_moment(i)) value = random.uniform();
  }
  return store;
}

}  // namespace millwright::train
