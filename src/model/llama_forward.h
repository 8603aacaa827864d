// The forward pass of a Llama model in builder calls, shared by all functions of llama.h. Internal to this layer.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "mil/builder.h"
#include "model/llama_config.h"
#include "model/llama_parameters.h"

namespace millwright::model {

// What attention knows of positions. S query positions, K key positions.
struct PositionTables {
  mil::Value* cosine = nullptr;  // [D/2, S]
  mil::Value* sine = nullptr;    // [D/2, S]
  mil::Value* mask = nullptr;    // [S, K]: 0 where the query may look, kMasked where not
};

// Added to scores that a query may not see: exp() of it is 0 in every element type, and it is finite, so that a row of
// such scores gives no NaN.
inline constexpr double kMasked = -1e9;

// Keys and values of one layer, [B, Hkv, 1, D, S], exchanged for those that the queries look at, [B, Hkv, 1, D, K].
using KeysAndValues = std::pair<mil::Value*, mil::Value*>;
using KeyValueExchange = FunctionRef<KeysAndValues(int64_t layer, KeysAndValues fresh)>;

class LlamaForward {
 public:
  // `batch` sequences of `sequence` positions.
  LlamaForward(mil::Builder& builder, const LlamaConfig& config, mil::ElementType element, int64_t batch,
               int64_t sequence);

  // Declares the parameters as the next inputs of the function, in the order of parameters(config).
  void declare_parameters();
  const std::vector<mil::Value*>& parameter_values() const { return parameters_; }

  // cos and sin of position · theta^(−2i/D) for `positions` positions from 0, as constants [D/2, positions].
  std::pair<mil::Value*, mil::Value*> rotary_tables(int64_t positions);
  // Tables and causal mask of the positions 0 … S−1.
  PositionTables causal_tables();

  // tokens [B, S] int32 → logits [B, V, S].
  mil::Value* logits(mil::Value* tokens, const PositionTables& tables);
  mil::Value* logits(mil::Value* tokens, const PositionTables& tables, KeyValueExchange exchange);
  // logits [B, V, S], targets [B, S] int32 → negative log-likelihood of each target [B, S].
  mil::Value* token_losses(mil::Value* logits, mil::Value* targets);

 private:
  mil::Value* weight(const std::string& name) const;
  mil::Value* layer_weight(int64_t layer, std::string_view name) const;
  mil::Value* embed(mil::Value* tokens);
  mil::Value* norm(mil::Value* x, mil::Value* weight);
  mil::Value* linear(mil::Value* weight, mil::Value* x, std::string_view label);
  mil::Value* rotate(mil::Value* x, const PositionTables& tables, std::string_view label);
  mil::Value* attention(int64_t layer, mil::Value* x, const PositionTables& tables, KeyValueExchange exchange);
  mil::Value* attend(mil::Value* queries, KeysAndValues keys_and_values, mil::Value* mask);
  mil::Value* feed_forward(int64_t layer, mil::Value* x);
  mil::Value* classify(mil::Value* x);

  mil::Builder& b_;
  const LlamaConfig& config_;
  mil::ElementType element_;
  int64_t batch_;
  int64_t sequence_;
  std::vector<mil::Value*> parameters_;
  std::unordered_map<std::string, mil::Value*> by_name_;
};

}  // namespace millwright::model
