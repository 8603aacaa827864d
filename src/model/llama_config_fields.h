// The table of a configuration's integer fields: our name, Hugging Face's key and the bounds. Validation, comparison,
// reading and writing all go by it. Internal to this layer.
#pragma once

#include <array>
#include <cstdint>

#include "model/llama_config.h"

namespace millwright::model {

struct IntegerField {
  const char* name;
  const char* key;  // in config.json
  int64_t LlamaConfig::*member;
  int64_t minimum;
  int64_t maximum;
};

// With these bounds the largest products stay under 2^60: weights of all layers 2^10 · 3 · 2^20 · 2^22 elements, and,
// for at most 2^24 positions in a batch (llama.cpp), attention scores 2^24 · 2^12 · 2^20.
inline constexpr std::array<IntegerField, 8> kIntegerFields = {{
    {"vocabulary_size", "vocab_size", &LlamaConfig::vocabulary_size, 2, int64_t{1} << 24},
    {"dim", "hidden_size", &LlamaConfig::dim, 1, int64_t{1} << 20},
    {"hidden_dim", "intermediate_size", &LlamaConfig::hidden_dim, 1, int64_t{1} << 22},
    {"layers", "num_hidden_layers", &LlamaConfig::layers, 1, int64_t{1} << 10},
    {"heads", "num_attention_heads", &LlamaConfig::heads, 1, int64_t{1} << 12},
    {"kv_heads", "num_key_value_heads", &LlamaConfig::kv_heads, 1, int64_t{1} << 12},
    {"head_dim", "head_dim", &LlamaConfig::head_dim, 2, int64_t{1} << 12},
    {"sequence_length", "max_position_embeddings", &LlamaConfig::sequence_length, 1, int64_t{1} << 20},
}};

}  // namespace millwright::model
