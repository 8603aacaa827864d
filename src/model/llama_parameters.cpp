#include "model/llama_parameters.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/random.h"

namespace millwright::model {
namespace {

using Kind = ParameterDescription::Kind;

ParameterDescription describe(std::string name, mil::Shape shape, Kind kind, double deviation) {
  ParameterDescription parameter;
  parameter.mil_name = name;
  std::replace(parameter.mil_name.begin(), parameter.mil_name.end(), '.', '_');
  parameter.name = std::move(name);
  parameter.decay = kind != Kind::norm && shape.size() > 1;
  parameter.shape = std::move(shape);
  parameter.kind = kind;
  parameter.initial_standard_deviation = deviation;
  return parameter;
}

ParameterDescription norm(std::string name, int64_t dim) { return describe(std::move(name), {dim}, Kind::norm, 0); }

// The stream of a parameter's initial values: 64 bits of its name's hash.
uint64_t stream_of(const std::string& name) {
  return std::stoull(hash_bytes(as_bytes(name)).substr(0, 16), nullptr, 16);
}

}  // namespace

std::vector<ParameterDescription> parameters(const LlamaConfig& config) {
  const double deviation = kInitialStandardDeviation;
  const double residual = deviation / std::sqrt(2.0 * static_cast<double>(config.layers));
  const int64_t dim = config.dim;

  std::vector<ParameterDescription> list;
  list.push_back(describe("model.embed_tokens.weight", {config.vocabulary_size, dim}, Kind::embedding, deviation));
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const auto matrix = [&](const char* name, int64_t out, int64_t in, double spread) {
      list.push_back(describe(prefix + name + ".weight", {out, in}, Kind::matrix, spread));
    };
    list.push_back(norm(prefix + "input_layernorm.weight", dim));
    matrix("self_attn.q_proj", config.query_dim(), dim, deviation);
    matrix("self_attn.k_proj", config.kv_dim(), dim, deviation);
    matrix("self_attn.v_proj", config.kv_dim(), dim, deviation);
    matrix("self_attn.o_proj", dim, config.query_dim(), residual);
    list.push_back(norm(prefix + "post_attention_layernorm.weight", dim));
    matrix("mlp.gate_proj", config.hidden_dim, dim, deviation);
    matrix("mlp.up_proj", config.hidden_dim, dim, deviation);
    matrix("mlp.down_proj", dim, config.hidden_dim, residual);
  }
  list.push_back(norm("model.norm.weight", dim));
  if (!config.tie_embeddings) {
    list.push_back(describe("lm_head.weight", {config.vocabulary_size, dim}, Kind::matrix, deviation));
  }
  return list;
}

void initialize(const ParameterDescription& parameter, uint64_t seed, std::span<float> values) {
  MW_CHECK(static_cast<int64_t>(values.size()) == parameter.count(), "{}: {} values", parameter.name, values.size());
  if (parameter.kind == Kind::norm) {
    std::fill(values.begin(), values.end(), 1.0f);
    return;
  }
  constexpr size_t kChunk = size_t{1} << 16;
  const uint64_t stream = stream_of(parameter.name);
  const auto deviation = static_cast<float>(parameter.initial_standard_deviation);
  const size_t chunks = (values.size() + kChunk - 1) / kChunk;
  parallel_for(static_cast<int64_t>(chunks), [&](int64_t chunk) {
    const size_t begin = static_cast<size_t>(chunk) * kChunk;
    const size_t end = std::min(begin + kChunk, values.size());
    RandomStream random(seed, stream, 2 * begin);  // a normal takes two positions
    for (size_t i = begin; i < end; ++i) values[i] = deviation * random.normal();
  });
}

}  // namespace millwright::model
