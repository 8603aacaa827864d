// Training steps of small models for the tests of plan.
#pragma once

#include <memory>

#include "model/llama.h"

namespace millwright::plan {

inline model::LlamaConfig two_layers() {
  model::LlamaConfig config;
  config.vocabulary_size = 48;
  config.dim = 32;
  config.hidden_dim = 64;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 4;
  config.head_dim = 8;
  config.sequence_length = 64;
  return config;
}

inline std::unique_ptr<mil::Function> training_step(const model::LlamaConfig& config, int64_t sequence = 32) {
  auto step = model::build_training_step(config, {.batch = 1, .sequence = sequence, .accumulate = true});
  return std::move(step->function);
}

// The operation of that label and, where there are several, with a result of that shape.
inline const mil::Operation* find_operation(const mil::Function& function, std::string_view label,
                                            const mil::Shape& shape = {}) {
  for (const auto& operation : function.block().operations()) {
    if (operation->label() == label && (shape.empty() || operation->result()->shape() == shape)) return operation.get();
  }
  return nullptr;
}

}  // namespace millwright::plan
