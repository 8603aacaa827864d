// Which model a configuration means: preset or config.json, sizes set by the user, and the vocabulary that follows from
// the tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/llama_config.h"
#include "train/train_config.h"

namespace millwright::train {

struct ModelChoice {
  model::LlamaConfig config;
  // The vocabulary is the tokenizer's: the user set other sizes of the model, but not this one.
  bool vocabulary_follows_tokenizer = false;
};

// All but what the tokenizer decides. Refuses a sequence longer than the model's.
Result<ModelChoice> choose_model(const TrainConfig& config);

// Tokens to ask of a tokenizer that is made for this model: what suits the text, but no more than the model has.
int64_t tokenizer_size_for(const ModelChoice& choice, const TrainConfig& config, size_t corpus_bytes);

struct TokenizerFacts {
  std::string name;  // for messages: its path
  int64_t vocabulary_size = 0;
  int64_t bos_id = -1;
  int64_t eos_id = -1;
};
// The final configuration. A tokenizer with more tokens than the model is an error; `note` says it when there are
// fewer.
Result<model::LlamaConfig> fit_to_tokenizer(const ModelChoice& choice, const TokenizerFacts& tokenizer,
                                            std::string& note);

}  // namespace millwright::train
