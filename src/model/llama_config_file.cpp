// config.json: the fields of Hugging Face's LlamaConfig (transformers, configuration_llama.py) and its defaults.
#include <optional>

#include "base/json.h"
#include "model/llama_config.h"
#include "model/llama_config_fields.h"
#include "model/llama_parameters.h"

namespace millwright::model {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;
constexpr size_t kMaxShownBytes = 60;

// Fields that change what the model computes and have one value that we support. Absent and null mean that value.
struct FixedField {
  const char* key;
  Json supported;
};
const std::vector<FixedField>& fixed_fields() {
  static const std::vector<FixedField> fields = {
      {"hidden_act", "silu"},      {"attention_bias", false},        {"mlp_bias", false},
      {"rope_scaling", nullptr},   {"attention_dropout", 0.0},       {"partial_rotary_factor", 1.0},
      {"sliding_window", nullptr}, {"quantization_config", nullptr},
  };
  return fields;
}

bool is_absent(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null();
}

// What a message shows of a value: one line, cut where it is long.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMaxShownBytes) text = text.substr(0, kMaxShownBytes) + "...";
  return text;
}

tl::unexpected<Error> not_supported(const std::string& source, const std::string& key, const Json& value,
                                    const Json& expected) {
  return fail("{}: not supported: field {} = {}; expected {}", source, key, shown(value), shown(expected));
}

Status check_supported(const Json& object, const std::string& source) {
  if (is_absent(object, "model_type")) return fail("{}: field model_type is missing; expected \"llama\"", source);
  if (object["model_type"] != "llama") return not_supported(source, "model_type", object["model_type"], "llama");
  for (const FixedField& field : fixed_fields()) {
    if (is_absent(object, field.key)) continue;
    if (object[field.key] != field.supported) {
      return not_supported(source, field.key, object[field.key], field.supported);
    }
  }
  return {};
}

// Newer files hold theta in rope_parameters = {"rope_type": "default", "rope_theta": …}.
Status read_rope(const Json& object, const std::string& source, LlamaConfig& config) {
  if (!is_absent(object, "rope_theta")) {
    MW_ASSIGN(config.rope_theta, json_number(object, "rope_theta", source));
  }
  if (is_absent(object, "rope_parameters")) return {};
  MW_ASSIGN(const Json* rope, json_object(object, "rope_parameters", source));
  const std::string place = source + ": rope_parameters";
  if (!is_absent(*rope, "rope_type") && (*rope)["rope_type"] != "default") {
    return not_supported(source, "rope_parameters.rope_type", (*rope)["rope_type"], "default");
  }
  if (!is_absent(*rope, "rope_theta")) {
    MW_ASSIGN(config.rope_theta, json_number(*rope, "rope_theta", place));
  }
  return {};
}

// An id, a list of ids of which the first counts, or none (-1).
Result<int64_t> read_token_id(const Json& object, const char* key, const std::string& source, int64_t vocabulary) {
  if (is_absent(object, key)) return -1;
  if (!object[key].is_array()) return json_integer(object, key, source, -1, vocabulary - 1);
  if (object[key].empty()) return -1;
  const Json first = {{key, object[key].front()}};
  return json_integer(first, key, source, -1, vocabulary - 1);
}

Status read_integers(const Json& object, const std::string& source, LlamaConfig& config) {
  for (const IntegerField& field : kIntegerFields) {
    const bool has_default = field.member == &LlamaConfig::kv_heads || field.member == &LlamaConfig::head_dim ||
                             field.member == &LlamaConfig::sequence_length;
    if (has_default && is_absent(object, field.key)) continue;
    MW_ASSIGN(config.*field.member, json_integer(object, field.key, source, field.minimum, field.maximum));
  }
  if (is_absent(object, "num_key_value_heads")) config.kv_heads = config.heads;
  if (is_absent(object, "head_dim")) {
    if (config.dim % config.heads != 0) {
      return fail("{}: hidden_size {} is not a multiple of num_attention_heads {}, and head_dim is not given", source,
                  config.dim, config.heads);
    }
    config.head_dim = config.dim / config.heads;
  }
  return {};
}

}  // namespace

Result<LlamaConfig> parse_config(std::string_view json, const std::string& source) {
  MW_ASSIGN(const Json object, parse_json(json, source));
  if (!object.is_object()) return fail("{}: expected a JSON object, found {}", source, shown(object));
  MW_TRY(check_supported(object, source));

  LlamaConfig config;
  config.sequence_length = 2048;
  config.norm_epsilon = 1e-6;
  config.tie_embeddings = false;
  MW_TRY(read_integers(object, source, config));
  if (!is_absent(object, "rms_norm_eps")) {
    MW_ASSIGN(config.norm_epsilon, json_number(object, "rms_norm_eps", source));
  }
  MW_TRY(read_rope(object, source, config));
  if (!is_absent(object, "tie_word_embeddings")) {
    MW_ASSIGN(config.tie_embeddings, json_boolean(object, "tie_word_embeddings", source));
  }
  MW_ASSIGN(config.bos_id, read_token_id(object, "bos_token_id", source, config.vocabulary_size));
  MW_ASSIGN(config.eos_id, read_token_id(object, "eos_token_id", source, config.vocabulary_size));

  if (Status status = validate(config); !status) {
    return tl::unexpected<Error>(with_context(std::move(status.error()), source));
  }
  return config;
}

Result<LlamaConfig> read_config(const Path& path) {
  MW_ASSIGN(const std::string text, read_text_file(path, kMaxConfigBytes));
  return parse_config(text, path.string());
}

std::string config_text(const LlamaConfig& config) {
  Json object = {
      {"architectures", {"LlamaForCausalLM"}},
      {"model_type", "llama"},
      {"torch_dtype", "float32"},
      {"hidden_act", "silu"},
      {"attention_bias", false},
      {"mlp_bias", false},
      {"rope_scaling", nullptr},
      {"rms_norm_eps", config.norm_epsilon},
      {"rope_theta", config.rope_theta},
      {"tie_word_embeddings", config.tie_embeddings},
      {"use_cache", true},
      {"initializer_range", kInitialStandardDeviation},
  };
  for (const IntegerField& field : kIntegerFields) object[field.key] = config.*field.member;
  object["bos_token_id"] = config.bos_id < 0 ? Json(nullptr) : Json(config.bos_id);
  object["eos_token_id"] = config.eos_id < 0 ? Json(nullptr) : Json(config.eos_id);
  return object.dump(2) + "\n";
}

Status write_config(const Path& path, const LlamaConfig& config) {
  return write_file_atomically(path, config_text(config));
}

}  // namespace millwright::model
