#include "model/llama_config.h"

#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/spelling.h"
#include "model/llama_config_fields.h"
#include "model/llama_parameters.h"

namespace millwright::model {
namespace {

constexpr double kLargestRopeTheta = 1e12;

LlamaConfig plain(int64_t vocabulary_size, int64_t dim, int64_t hidden_dim, int64_t layers, int64_t heads,
                  int64_t kv_heads, int64_t sequence_length) {
  LlamaConfig config;
  config.vocabulary_size = vocabulary_size;
  config.dim = dim;
  config.hidden_dim = hidden_dim;
  config.layers = layers;
  config.heads = heads;
  config.kv_heads = kv_heads;
  config.head_dim = dim / heads;
  config.sequence_length = sequence_length;
  return config;
}

// The stories models are those of llama2.c (A. Karpathy), trained on TinyStories; all tie the embeddings.
const std::array<Preset, 6>& preset_table() {
  static const std::array<Preset, 6> table = {{
      {"tiny", "1.1M parameters, 2k vocabulary: a few megabytes of text in minutes",
       plain(2048, 128, 352, 4, 4, 4, 256)},
      {"small", "5.3M parameters, 2k vocabulary: a few megabytes of text in an hour",
       plain(2048, 256, 688, 6, 8, 8, 256)},
      {"stories260k", "0.26M parameters, 512 tokens, grouped-query attention", plain(512, 64, 172, 5, 8, 4, 512)},
      {"stories15m", "15.2M parameters, 32k vocabulary", plain(32000, 288, 768, 6, 6, 6, 256)},
      {"stories42m", "41.7M parameters, 32k vocabulary", plain(32000, 512, 1376, 8, 8, 8, 1024)},
      {"stories110m", "109.5M parameters, 32k vocabulary", plain(32000, 768, 2048, 12, 12, 12, 256)},
  }};
  return table;
}

Status validate_integers(const LlamaConfig& config) {
  for (const IntegerField& field : kIntegerFields) {
    const int64_t value = config.*field.member;
    if (value < field.minimum || value > field.maximum) {
      return fail("model configuration: {} is {}; expected {} to {}", field.name, value, field.minimum, field.maximum);
    }
  }
  return {};
}

}  // namespace

std::span<const Preset> presets() { return preset_table(); }

Result<LlamaConfig> find_preset(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset.config;
    names.push_back(preset.name);
  }
  const std::string_view nearest = nearest_spelling(name, names);
  if (!nearest.empty()) return fail("unknown model preset \"{}\"; did you mean {}?", name, nearest);
  return fail("unknown model preset \"{}\"; expected one of {}", name, fmt::join(names, ", "));
}

Status validate(const LlamaConfig& config) {
  MW_TRY(validate_integers(config));
  if (config.head_dim % 2 != 0) {
    return fail("model configuration: head_dim is {}; rotary embedding needs an even number", config.head_dim);
  }
  if (config.heads % config.kv_heads != 0) {
    return fail("model configuration: {} heads cannot share {} kv_heads evenly; heads must be a multiple of kv_heads",
                config.heads, config.kv_heads);
  }
  if (!(config.norm_epsilon > 0 && config.norm_epsilon < 1)) {
    return fail("model configuration: norm_epsilon is {}; expected more than 0 and less than 1", config.norm_epsilon);
  }
  if (!(config.rope_theta >= 1 && config.rope_theta <= kLargestRopeTheta)) {
    return fail("model configuration: rope_theta is {}; expected 1 to {}", config.rope_theta, kLargestRopeTheta);
  }
  for (const int64_t id : {config.bos_id, config.eos_id}) {
    if (id < -1 || id >= config.vocabulary_size) {
      return fail("model configuration: token id {} of the text's begin or end; expected -1 (none) to {}", id,
                  config.vocabulary_size - 1);
    }
  }
  return {};
}

int64_t parameter_count(const LlamaConfig& config) {
  int64_t count = 0;
  for (const ParameterDescription& parameter : parameters(config)) count += parameter.count();
  return count;
}

std::string describe_difference(const LlamaConfig& a, const LlamaConfig& b) {
  std::string text;
  const auto note = [&](const char* name, auto value_a, auto value_b) {
    if (value_a == value_b) return;
    text += fmt::format("{}{} {} against {}", text.empty() ? "" : ", ", name, value_a, value_b);
  };
  for (const IntegerField& field : kIntegerFields) note(field.name, a.*field.member, b.*field.member);
  note("norm_epsilon", a.norm_epsilon, b.norm_epsilon);
  note("rope_theta", a.rope_theta, b.rope_theta);
  note("tie_embeddings", a.tie_embeddings, b.tie_embeddings);
  return text;
}

}  // namespace millwright::model
