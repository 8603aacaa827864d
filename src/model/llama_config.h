// LlamaConfig: the numbers that define one model of the Llama family, the named presets, and config.json in Hugging
// Face's Llama convention.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace millwright::model {

struct LlamaConfig {
  int64_t vocabulary_size = 0;  // rows of the embedding; a tokenizer may use fewer
  int64_t dim = 0;              // channels of the residual stream
  int64_t hidden_dim = 0;       // channels inside the feed-forward network
  int64_t layers = 0;
  int64_t heads = 0;            // query heads
  int64_t kv_heads = 0;         // key and value heads; heads / kv_heads queries share one
  int64_t head_dim = 0;         // channels per head; dim / heads in every preset
  int64_t sequence_length = 0;  // most positions the model is made for
  double norm_epsilon = 1e-5;
  double rope_theta = 10000.0;
  bool tie_embeddings = true;  // the classifier uses the embedding's matrix
  // Ids of the tokens that begin and end a text, for config.json only; -1 where the tokenizer has none.
  int64_t bos_id = 1;
  int64_t eos_id = 2;

  int64_t query_dim() const { return heads * head_dim; }
  int64_t kv_dim() const { return kv_heads * head_dim; }
  int64_t queries_per_kv_head() const { return heads / kv_heads; }
  bool operator==(const LlamaConfig&) const = default;
};

struct Preset {
  std::string_view name;
  std::string_view summary;  // one line for --help
  LlamaConfig config;
};
std::span<const Preset> presets();
Result<LlamaConfig> find_preset(std::string_view name);

// Bounds on every number, so that no product of them overflows, and the rules between them.
Status validate(const LlamaConfig& config);

// Weights in the model, the tied matrix counted once.
int64_t parameter_count(const LlamaConfig& config);

// Every difference between two configurations on one line, "dim 288 against 512, layers 6 against 8"; empty when they
// are equal. The token ids do not count: they change no weight and no result.
std::string describe_difference(const LlamaConfig& a, const LlamaConfig& b);

// config.json in Hugging Face's Llama convention. Reading refuses what this code cannot compute exactly (biases, RoPE
// scaling, other activations) by the field's name; the result is valid.
Result<LlamaConfig> read_config(const Path& path);
Result<LlamaConfig> parse_config(std::string_view json, const std::string& source);
std::string config_text(const LlamaConfig& config);
Status write_config(const Path& path, const LlamaConfig& config);

}  // namespace millwright::model
