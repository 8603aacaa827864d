// The text of a run: tokenizer and shards, made in the run folder where the user gave none, found again on resume.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/llama_config.h"
#include "text/shard_set.h"
#include "text/tokenizer.h"
#include "train/model_choice.h"
#include "train/train_config.h"

namespace millwright::train {

inline constexpr const char* kShardsFolderName = "shards";
inline constexpr const char* kValidationShardsFolderName = "validation-shards";

struct TrainingText {
  text::TokenStream train;
  text::TokenStream validation;  // empty where none was kept
  std::string data_hash;         // of training and validation text together
  Path tokenizer;                // RUN/tokenizer.model
  std::string tokenizer_hash;
  int64_t tokenizer_size = 0;
};

struct PreparedText {
  TrainingText text;
  model::LlamaConfig model;
  std::vector<std::string> notes;
};
// For a new run: loads or trains the tokenizer, saves it in the run folder, and tokenizes what is not in shards yet.
Result<PreparedText> prepare_text(const TrainConfig& config, const ModelChoice& choice, const Path& run);

// For a run that was prepared before.
Result<TrainingText> open_text(const TrainConfig& config, const Path& run);

// The one folder of shards that `data` may be.
std::optional<Path> shard_folder(const std::vector<std::string>& data);

// The tokenizer file that the user means: the file, or tokenizer.model inside the folder.
Path tokenizer_file(const Path& file_or_folder);

}  // namespace millwright::train
