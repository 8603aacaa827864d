// Decoder: a model with a KV cache that takes tokens and gives the logits of the next one. The prompt goes through a
// program that takes many tokens at once, what follows through one that takes a single token; both share weights and
// caches.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "device/device.h"
#include "model/llama_config.h"
#include "runtime/parameter_store.h"
#include "runtime/schedule_runner.h"

namespace millwright::generate {

// Tokens of a prompt that one evaluation takes.
inline constexpr int64_t kPromptChunk = 32;

class Decoder {
 public:
  // Reads the weights in `folder`. The cache holds `capacity` positions, at most the model's sequence length. The
  // device must outlive the decoder.
  static Result<std::unique_ptr<Decoder>> open(const Path& folder, const model::LlamaConfig& config, int64_t capacity,
                                               device::Device& device);

  // Takes the next tokens, at least one; position() + tokens must be at most capacity(). Ids must be in the vocabulary.
  Status feed(std::span<const int32_t> tokens);

  // Of the token behind the last one fed: one number per row of the vocabulary, until the next feed.
  std::span<const float> logits() const { return logits_; }

  int64_t position() const { return position_; }  // tokens taken so far
  int64_t capacity() const { return capacity_; }
  int64_t bytes() const;  // weights, caches and what the programs take

 private:
  // One compiled decoding program for a fixed number of tokens per evaluation.
  struct Program {
    int64_t chunk = 0;
    size_t tokens_surface = 0;
    size_t position_surface = 0;
    size_t logits_surface = 0;
    std::unique_ptr<runtime::ScheduleRunner> runner;
  };

  Decoder(const model::LlamaConfig& config, int64_t capacity, runtime::ParameterStore store)
      : config_(config), capacity_(capacity), store_(std::move(store)) {}

  Result<Program> make_program(int64_t chunk, device::Device& device);
  // Up to program.chunk tokens; the rest of the chunk is filled with token 0, whose cache rows the next tokens replace
  // before any position looks at them.
  Status evaluate(Program& program, std::span<const int32_t> tokens);

  model::LlamaConfig config_;
  int64_t capacity_;
  runtime::ParameterStore store_;
  std::vector<device::Surface> caches_;
  Program prompt_;
  Program single_;
  int64_t position_ = 0;
  std::vector<float> logits_;
};

}  // namespace millwright::generate
