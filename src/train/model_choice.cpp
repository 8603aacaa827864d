#include "train/model_choice.h"

#include <algorithm>
#include <system_error>

#include "base/files.h"
#include "model/weights.h"
#include "text/train_tokenizer.h"

namespace millwright::train {

namespace {

// A path, where one of that name exists or it looks like one; else the name of a preset.
Result<model::LlamaConfig> find_model(const std::string& name) {
  std::error_code error;
  const Path path(name);
  if (std::filesystem::is_directory(path, error)) return model::read_config(path / model::kConfigFileName);
  if (std::filesystem::exists(path, error) || path.has_parent_path() || path.extension() == ".json") {
    return model::read_config(path);
  }
  return model::find_preset(name);
}

// Sizes that the user set; whether there was one.
bool set_sizes(const TrainConfig& from, model::LlamaConfig& to) {
  bool any = false;
  const auto set = [&](int64_t value, int64_t& member) {
    if (value == 0) return;
    member = value;
    any = true;
  };
  set(from.dim, to.dim);
  set(from.hidden_dim, to.hidden_dim);
  set(from.layers, to.layers);
  set(from.heads, to.heads);
  set(from.kv_heads, to.kv_heads);
  return any;
}

}  // namespace

Result<ModelChoice> choose_model(const TrainConfig& config) {
  ModelChoice choice;
  MW_ASSIGN(choice.config, find_model(config.model));
  model::LlamaConfig& chosen = choice.config;
  const bool is_custom = set_sizes(config, chosen);
  if (is_custom) {
    if (config.heads != 0 && config.kv_heads == 0) chosen.kv_heads = chosen.heads;
    if (chosen.dim % chosen.heads != 0) {
      return fail("model: dim {} is not a multiple of heads {}; choose sizes that divide evenly", chosen.dim,
                  chosen.heads);
    }
    chosen.head_dim = chosen.dim / chosen.heads;
  }
  if (config.vocabulary != 0) chosen.vocabulary_size = config.vocabulary;
  choice.vocabulary_follows_tokenizer = is_custom && config.vocabulary == 0;
  if (config.sequence > chosen.sequence_length) {
    return fail("sequence: {} tokens are longer than the model's {}; use at most {}", config.sequence,
                chosen.sequence_length, chosen.sequence_length);
  }
  MW_TRY(model::validate(chosen));
  return choice;
}

int64_t tokenizer_size_for(const ModelChoice& choice, const TrainConfig& config, size_t corpus_bytes) {
  if (config.vocabulary != 0) return config.vocabulary;
  const int64_t suggested = text::suggested_vocabulary_size(corpus_bytes);
  if (choice.vocabulary_follows_tokenizer) return suggested;
  return std::min(suggested, choice.config.vocabulary_size);
}

Result<model::LlamaConfig> fit_to_tokenizer(const ModelChoice& choice, const TokenizerFacts& tokenizer,
                                            std::string& note) {
  model::LlamaConfig config = choice.config;
  if (choice.vocabulary_follows_tokenizer) config.vocabulary_size = tokenizer.vocabulary_size;
  if (tokenizer.vocabulary_size > config.vocabulary_size) {
    return fail("{}: has {} tokens, but the model only {}; choose a smaller tokenizer or vocabulary {}", tokenizer.name,
                tokenizer.vocabulary_size, config.vocabulary_size, tokenizer.vocabulary_size);
  }
  if (tokenizer.vocabulary_size < config.vocabulary_size) {
    note = fmt::format("the tokenizer has {} tokens, the model {}: {} rows of the embedding stay unused",
                       tokenizer.vocabulary_size, config.vocabulary_size,
                       config.vocabulary_size - tokenizer.vocabulary_size);
  }
  config.bos_id = tokenizer.bos_id;
  config.eos_id = tokenizer.eos_id;
  MW_TRY(model::validate(config));
  return config;
}

}  // namespace millwright::train
