// Builds a Llama model as MIL functions: a training step with gradients, an evaluation, logits, and a decoding step
// with a KV cache. Activations are channel-first [B, C, 1, S]; linear layers are W [out, in] times [B, in, S].
//
// Inputs of every function, in order: tokens, what the struct below lists next, then the parameters in the order of
// parameters(config), then buffers that results are stored into. Labels carry the scopes "embedding",
// "layers.N.attention", "layers.N.ffn" and "classifier" ("loss" for the loss).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "mil/ir.h"
#include "model/llama_config.h"

namespace millwright::model {

struct BatchShape {
  int64_t batch = 1;     // sequences B
  int64_t sequence = 1;  // positions S of each, at most config.sequence_length
  // fp64 is for tests against differences.
  mil::ElementType element = mil::ElementType::fp32;
};

struct TrainingShape {
  int64_t batch = 1;
  int64_t sequence = 1;
  // Gradients are added to buffers that come in as inputs and alias the results, for several steps per update.
  bool accumulate = false;
  mil::ElementType element = mil::ElementType::fp32;
};

// tokens [B, S] int32, targets [B, S] int32, loss_scale scalar, parameters, and when accumulating one gradient buffer
// per parameter → loss (mean over B·S, not scaled), one gradient of loss · loss_scale per parameter.
struct TrainingStep {
  std::unique_ptr<mil::Function> function;
  size_t tokens_input = 0;
  size_t targets_input = 1;
  size_t loss_scale_input = 2;
  size_t first_parameter_input = 3;
  size_t first_gradient_input = 0;  // only when accumulating
  size_t loss_result = 0;
  size_t first_gradient_result = 1;
  size_t parameter_count = 0;  // tensors
};
Result<TrainingStep> build_training_step(const LlamaConfig& config, const TrainingShape& shape);

// tokens [B, S], targets [B, S], parameters → loss (mean over B·S), token_losses [B, S].
struct Evaluation {
  std::unique_ptr<mil::Function> function;
  size_t tokens_input = 0;
  size_t targets_input = 1;
  size_t first_parameter_input = 2;
  size_t loss_result = 0;
  size_t token_losses_result = 1;
};
Result<Evaluation> build_evaluation(const LlamaConfig& config, const BatchShape& shape);

// tokens [B, S], parameters → logits [B, V, S].
struct Logits {
  std::unique_ptr<mil::Function> function;
  size_t tokens_input = 0;
  size_t first_parameter_input = 1;
  size_t logits_result = 0;
};
Result<Logits> build_logits(const LlamaConfig& config, const BatchShape& shape);

struct DecodeShape {
  int64_t chunk = 1;     // tokens T taken by one call
  int64_t capacity = 0;  // positions the cache holds; 0 for config.sequence_length
  mil::ElementType element = mil::ElementType::fp32;
};

// tokens [1, T], position int32 scalar (of the first token; position + T <= capacity), parameters, and per layer
// k_cache, v_cache [1, Hkv, 1, D, capacity] → logits [1, V, T], and the caches of every layer with the new positions
// stored, aliasing their inputs. The caches must begin zeroed; rows behind the last position are masked.
struct DecodeStep {
  std::unique_ptr<mil::Function> function;
  size_t tokens_input = 0;
  size_t position_input = 1;
  size_t first_parameter_input = 2;
  size_t first_cache_input = 0;  // 2 · layers of them: k of layer 0, v of layer 0, k of layer 1, …
  size_t logits_result = 0;
  size_t first_cache_result = 1;
  size_t cache_count = 0;
};
Result<DecodeStep> build_decode(const LlamaConfig& config, const DecodeShape& shape);

}  // namespace millwright::model
