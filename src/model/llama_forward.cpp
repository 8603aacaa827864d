#include "model/llama_forward.h"

#include <array>
#include <cmath>

#include "base/check.h"

namespace millwright::model {

using mil::Builder;
using mil::Literal;
using mil::Type;
using mil::Value;

LlamaForward::LlamaForward(Builder& builder, const LlamaConfig& config, mil::ElementType element, int64_t batch,
                           int64_t sequence)
    : b_(builder), config_(config), element_(element), batch_(batch), sequence_(sequence) {
  MW_CHECK(element == mil::ElementType::fp32 || element == mil::ElementType::fp64, "element type {}",
           mil::element_name(element));
}

void LlamaForward::declare_parameters() {
  for (const ParameterDescription& parameter : parameters(config_)) {
    Value* value = b_.input(parameter.mil_name, Type::tensor(element_, parameter.shape));
    parameters_.push_back(value);
    by_name_[parameter.name] = value;
  }
}

Value* LlamaForward::weight(const std::string& name) const {
  const auto found = by_name_.find(name);
  MW_CHECK(found != by_name_.end(), "no parameter {}", name);
  return found->second;
}

Value* LlamaForward::layer_weight(int64_t layer, std::string_view name) const {
  return weight(fmt::format("model.layers.{}.{}.weight", layer, name));
}

std::pair<Value*, Value*> LlamaForward::rotary_tables(int64_t positions) {
  const int64_t half = config_.head_dim / 2;
  std::vector<double> cosines, sines;
  for (int64_t i = 0; i < half; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(config_.head_dim);
    const double frequency = std::pow(config_.rope_theta, exponent);
    for (int64_t position = 0; position < positions; ++position) {
      cosines.push_back(std::cos(static_cast<double>(position) * frequency));
      sines.push_back(std::sin(static_cast<double>(position) * frequency));
    }
  }
  const Type type = Type::tensor(element_, {half, positions});
  return {b_.constant(Literal::numbers(type, cosines), "rope.cosine"),
          b_.constant(Literal::numbers(type, sines), "rope.sine")};
}

PositionTables LlamaForward::causal_tables() {
  PositionTables tables;
  std::tie(tables.cosine, tables.sine) = rotary_tables(sequence_);
  std::vector<double> mask;
  mask.reserve(static_cast<size_t>(sequence_ * sequence_));  // one that cannot fit fails here, before it fills memory
  for (int64_t query = 0; query < sequence_; ++query) {
    for (int64_t key = 0; key < sequence_; ++key) mask.push_back(key <= query ? 0 : kMasked);
  }
  tables.mask = b_.constant(Literal::numbers(Type::tensor(element_, {sequence_, sequence_}), mask), "attention.mask");
  return tables;
}

Value* LlamaForward::logits(Value* tokens, const PositionTables& tables) {
  return logits(tokens, tables, [](int64_t, KeysAndValues fresh) { return fresh; });
}

Value* LlamaForward::logits(Value* tokens, const PositionTables& tables, KeyValueExchange exchange) {
  Value* x = embed(tokens);
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    const Builder::Scope scope(b_, "layers." + std::to_string(layer));
    x = attention(layer, x, tables, exchange);
    x = feed_forward(layer, x);
  }
  return classify(x);
}

// [B, S] → [B, C, 1, S]
Value* LlamaForward::embed(Value* tokens) {
  const Builder::Scope scope(b_, "embedding");
  Value* rows = b_.gather(weight("model.embed_tokens.weight"), tokens, 0, "gather");  // [B, S, C]
  Value* channels = b_.transpose(rows, std::array<int64_t, 3>{0, 2, 1}, "transpose");
  return b_.reshape(channels, {batch_, config_.dim, 1, sequence_}, "out");
}

// x · rsqrt(mean over channels of x² + epsilon) · weight; x [B, C, 1, S] → [B, C, S], as linear() takes it
Value* LlamaForward::norm(Value* x, Value* weight) {
  const Builder::Scope scope(b_, "norm");
  Value* mean = b_.reduce("reduce_mean", b_.mul(x, x, "square"), std::array<int64_t, 1>{1}, true, "mean");
  Value* scaled = b_.mul(x, b_.rsqrt(mean, config_.norm_epsilon, "rsqrt"), "scaled");
  Value* out = b_.mul(scaled, b_.reshape(weight, {1, config_.dim, 1, 1}, "weight"), "out");
  return b_.squeeze(out, std::array<int64_t, 1>{2}, "squeeze");
}

// weight [out, in], x [B, in, S] → [B, out, S]
Value* LlamaForward::linear(Value* weight, Value* x, std::string_view label) {
  return b_.matmul(weight, x, false, false, label);
}

// Rotary embedding of the two halves of the head, Hugging Face's convention; x [B, Hkv, G, D, S].
Value* LlamaForward::rotate(Value* x, const PositionTables& tables, std::string_view label) {
  const Builder::Scope scope(b_, label);
  const mil::Shape& shape = x->shape();
  const int64_t half = config_.head_dim / 2;
  const mil::Shape size = {shape[0], shape[1], shape[2], half, shape[4]};
  Value* first = b_.slice(x, mil::Shape{0, 0, 0, 0, 0}, size, "first");
  Value* second = b_.slice(x, mil::Shape{0, 0, 0, half, 0}, size, "second");
  // One call per statement: the order of the arguments of a call is the compiler's choice, that of operations is not.
  Value* first_cosine = b_.mul(first, tables.cosine, "first_cosine");
  Value* second_sine = b_.mul(second, tables.sine, "second_sine");
  Value* second_cosine = b_.mul(second, tables.cosine, "second_cosine");
  Value* first_sine = b_.mul(first, tables.sine, "first_sine");
  Value* rotated_first = b_.sub(first_cosine, second_sine, "rotated_first");
  Value* rotated_second = b_.add(second_cosine, first_sine, "rotated_second");
  return b_.concat(std::array<Value*, 2>{rotated_first, rotated_second}, 3, "out");
}

Value* LlamaForward::attention(int64_t layer, Value* x, const PositionTables& tables, KeyValueExchange exchange) {
  const Builder::Scope scope(b_, "attention");
  const mil::Shape query_shape = {batch_, config_.kv_heads, config_.queries_per_kv_head(), config_.head_dim, sequence_};
  const mil::Shape kv_shape = {batch_, config_.kv_heads, 1, config_.head_dim, sequence_};

  Value* in = norm(x, layer_weight(layer, "input_layernorm"));
  Value* q = b_.reshape(linear(layer_weight(layer, "self_attn.q_proj"), in, "q"), query_shape, "q_heads");
  Value* k = b_.reshape(linear(layer_weight(layer, "self_attn.k_proj"), in, "k"), kv_shape, "k_heads");
  Value* v = b_.reshape(linear(layer_weight(layer, "self_attn.v_proj"), in, "v"), kv_shape, "v_heads");
  q = rotate(q, tables, "rope_q");
  k = rotate(k, tables, "rope_k");

  Value* mixed = attend(q, exchange(layer, {k, v}), tables.mask);
  mixed = b_.reshape(mixed, {batch_, config_.query_dim(), sequence_}, "mixed_channels");
  Value* out = linear(layer_weight(layer, "self_attn.o_proj"), mixed, "o");
  return b_.add(x, b_.reshape(out, x->shape(), "out"), "residual");
}

// q [B, Hkv, G, D, S], k and v [B, Hkv, 1, D, K] → [B, Hkv, G, D, S]
Value* LlamaForward::attend(Value* queries, KeysAndValues keys_and_values, Value* mask) {
  const auto [keys, values] = keys_and_values;
  Value* scores = b_.matmul(queries, keys, true, false, "scores");  // [B, Hkv, G, S, K]
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  scores = b_.mul(scores, b_.scalar(element_, scale), "scaled_scores");
  Value* probabilities = b_.softmax(b_.add(scores, mask, "masked_scores"), -1, "probabilities");
  return b_.matmul(values, probabilities, false, true, "mixed");
}

// W2 (silu(W1 x) · W3 x) with Hugging Face's names gate, up and down for W1, W3 and W2.
Value* LlamaForward::feed_forward(int64_t layer, Value* x) {
  const Builder::Scope scope(b_, "ffn");
  Value* in = norm(x, layer_weight(layer, "post_attention_layernorm"));
  Value* gate = b_.unary("silu", linear(layer_weight(layer, "mlp.gate_proj"), in, "w1"), "silu");
  Value* up = linear(layer_weight(layer, "mlp.up_proj"), in, "w3");
  Value* out = linear(layer_weight(layer, "mlp.down_proj"), b_.mul(gate, up, "hidden"), "w2");
  return b_.add(x, b_.reshape(out, x->shape(), "out"), "residual");
}

Value* LlamaForward::classify(Value* x) {
  const Builder::Scope scope(b_, "classifier");
  Value* in = norm(x, weight("model.norm.weight"));
  return linear(weight(config_.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"), in, "logits");
}

Value* LlamaForward::token_losses(Value* logits, Value* targets) {
  const Builder::Scope scope(b_, "loss");
  Value* normalizer = b_.reduce("reduce_log_sum_exp", logits, std::array<int64_t, 1>{1}, true, "normalizer");
  Value* indices = b_.reshape(targets, {batch_, 1, sequence_}, "targets");
  Value* chosen = b_.gather_along_axis(logits, indices, 1, "chosen");  // [B, 1, S]
  Value* losses = b_.sub(normalizer, chosen, "token_losses");
  return b_.squeeze(losses, std::array<int64_t, 1>{1}, "out");
}

}  // namespace millwright::model
