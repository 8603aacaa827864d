#include "train/training_text.h"

#include <system_error>
#include <utility>

#include "base/hash.h"
#include "text/corpus.h"
#include "text/tokenize_corpus.h"
#include "text/train_tokenizer.h"
#include "train/checkpoint.h"

namespace millwright::train {

namespace {

std::vector<Path> as_paths(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

Result<text::Tokenizer> train_tokenizer_for(const ModelChoice& choice, const TrainConfig& config,
                                            const text::Corpus& corpus) {
  const int64_t size = tokenizer_size_for(choice, config, corpus.bytes());
  return text::train_tokenizer(corpus, {.vocabulary_size = static_cast<int>(size)});
}

// The tokenizer given, else the one beside the shards, else a new one from the corpus.
Result<text::Tokenizer> obtain_tokenizer(const TrainConfig& config, const ModelChoice& choice,
                                         const std::optional<text::Corpus>& corpus) {
  if (!config.tokenizer.empty()) return text::Tokenizer::load(tokenizer_file(config.tokenizer));
  if (corpus) return train_tokenizer_for(choice, config, *corpus);
  const Path beside = *shard_folder(config.data) / kTokenizerFileName;
  std::error_code error;
  if (std::filesystem::exists(beside, error)) return text::Tokenizer::load(beside);
  return fail("{}: shards need the tokenizer that made them; pass --tokenizer FILE", config.data.front());
}

bool holds_shards(const Path& folder) {
  std::error_code error;
  return std::filesystem::exists(folder / text::kManifestName, error);
}

// Shards read as text would leave only the words of their manifest.
Status check_paths(const TrainConfig& config) {
  for (const std::string& path : config.data) {
    if (config.data.size() > 1 && holds_shards(path)) {
      return fail("{}: a folder of shards goes with no other data; pass it alone, or the text it was made from", path);
    }
  }
  for (const std::string& path : config.validation_data) {
    if (holds_shards(path)) return fail("{}: expected text for validation, found a folder of shards", path);
  }
  return {};
}

Status check_shards(const text::ShardManifest& manifest, const Path& folder, const std::string& tokenizer_hash) {
  if (manifest.identity.tokenizer_hash == tokenizer_hash) return {};
  return fail("{}: made with another tokenizer (hash {}, this one has {}); tokenize the text again", folder.string(),
              manifest.identity.tokenizer_hash, tokenizer_hash);
}

// What the splits of the shard sets hold, as one hash.
std::string combined_hash(const text::ShardSet& data, const text::ShardSet* validation) {
  Hasher hasher;
  for (const text::ShardSet* set : {&data, validation}) {
    if (set == nullptr) continue;
    const text::ShardManifest& manifest = set->manifest();
    hasher.update(fmt::format("{} {} {} {}\n", manifest.identity.corpus_hash, manifest.options, manifest.train_tokens,
                              manifest.validation_tokens));
  }
  return hasher.digest();
}

TrainingText make_text(const text::ShardSet& data, const text::ShardSet* validation, const Path& run,
                       const text::Tokenizer& tokenizer) {
  TrainingText out;
  out.train = data.train();
  out.validation = validation != nullptr ? validation->train() : data.validation();
  out.data_hash = combined_hash(data, validation);
  out.tokenizer = run / kTokenizerFileName;
  out.tokenizer_hash = tokenizer.hash();
  out.tokenizer_size = tokenizer.vocabulary_size();
  return out;
}

}  // namespace

std::optional<Path> shard_folder(const std::vector<std::string>& data) {
  if (data.size() != 1 || !holds_shards(data[0])) return std::nullopt;
  return Path(data[0]);
}

Path tokenizer_file(const Path& file_or_folder) {
  std::error_code error;
  return std::filesystem::is_directory(file_or_folder, error) ? file_or_folder / kTokenizerFileName : file_or_folder;
}

Result<PreparedText> prepare_text(const TrainConfig& config, const ModelChoice& choice, const Path& run) {
  MW_TRY(check_paths(config));
  const std::optional<Path> given_shards = shard_folder(config.data);
  std::optional<text::Corpus> corpus;
  if (!given_shards) {
    MW_ASSIGN(corpus, text::open_corpus(as_paths(config.data)));
  }
  MW_ASSIGN(const text::Tokenizer tokenizer, obtain_tokenizer(config, choice, corpus));

  PreparedText prepared;
  std::string note;
  const TokenizerFacts facts{config.tokenizer.empty() ? "tokenizer" : config.tokenizer, tokenizer.vocabulary_size(),
                             tokenizer.bos(), tokenizer.eos()};
  MW_ASSIGN(prepared.model, fit_to_tokenizer(choice, facts, note));
  if (!note.empty()) prepared.notes.push_back(std::move(note));
  MW_TRY(tokenizer.save(run / kTokenizerFileName));

  const double fraction = config.validation_data.empty() ? config.validation_fraction : 0.0;
  auto data = given_shards ? text::ShardSet::open(*given_shards)
                           : text::tokenize_corpus(*corpus, tokenizer, run / kShardsFolderName,
                                                   {.validation_fraction = fraction});
  if (!data) return forward_error(data);
  MW_TRY(check_shards(data->manifest(), given_shards.value_or(run / kShardsFolderName), tokenizer.hash()));

  std::optional<text::ShardSet> validation;
  if (!config.validation_data.empty()) {
    MW_ASSIGN(const text::Corpus kept, text::open_corpus(as_paths(config.validation_data)));
    MW_ASSIGN(validation,
              text::tokenize_corpus(kept, tokenizer, run / kValidationShardsFolderName, {.validation_fraction = 0.0}));
  }
  prepared.text = make_text(*data, validation ? &*validation : nullptr, run, tokenizer);
  return prepared;
}

Result<TrainingText> open_text(const TrainConfig& config, const Path& run) {
  MW_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::load(run / kTokenizerFileName));
  const Path folder = shard_folder(config.data).value_or(run / kShardsFolderName);
  MW_ASSIGN(const text::ShardSet data, text::ShardSet::open(folder));
  MW_TRY(check_shards(data.manifest(), folder, tokenizer.hash()));
  std::optional<text::ShardSet> validation;
  if (!config.validation_data.empty()) {
    MW_ASSIGN(validation, text::ShardSet::open(run / kValidationShardsFolderName));
  }
  return make_text(data, validation ? &*validation : nullptr, run, tokenizer);
}

}  // namespace millwright::train
