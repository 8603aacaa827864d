#include "train/evaluate.h"

#include <stdlib.h>  // mkdtemp on Linux
#include <unistd.h>  // mkdtemp on macOS

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "device/open_device.h"
#include "model/weights.h"
#include "text/batches.h"
#include "text/corpus.h"
#include "text/tokenize_corpus.h"
#include "text/tokenizer.h"
#include "train/checkpoint.h"
#include "train/provenance.h"
#include "train/trainer.h"
#include "train/training_session.h"
#include "train/training_text.h"

namespace millwright::train {

namespace {

// A folder under the system's temporary one, gone with this object.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make() {
    std::error_code error;
    const Path parent = std::filesystem::temp_directory_path(error);
    if (error) return system_error("find the folder for temporary files at", parent, error.value());
    std::string pattern = (parent / "millwright-evaluate-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return system_error("create the folder", pattern, errno);
    return ScratchFolder(pattern);
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, Path())) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  const Path& path() const { return path_; }

 private:
  explicit ScratchFolder(Path path) : path_(std::move(path)) {}
  Path path_;
};

// The run that a run folder, or a checkpoint inside one, belongs to.
Result<Path> run_of(const Path& model) {
  std::error_code error;
  const Path absolute = std::filesystem::absolute(model, error).lexically_normal();
  for (Path folder = absolute; folder.has_relative_path(); folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / kProvenanceFileName, error)) return folder;
  }
  return fail("{}: not inside a run, so it has no validation text of its own; pass the text with --data",
              model.string());
}

struct EvaluationText {
  text::TokenStream stream;
  std::string name;      // for messages
  int64_t sequence = 0;  // to evaluate with where the user names none; 0 for the model's
};

Result<EvaluationText> validation_text_of_run(const Path& model) {
  MW_ASSIGN(const Path run, run_of(model));
  MW_ASSIGN(const TrainConfig config, run_config(run));
  MW_ASSIGN(TrainingText text, open_text(config, run));
  return EvaluationText{std::move(text.validation), "the validation text of " + run.string(), config.sequence};
}

// All of the text: both splits of shards mean the validation one, text files are taken whole. The shards made for them
// are unlinked with the scratch folder while they stay mapped.
Result<EvaluationText> given_text(const EvaluateOptions& options, const text::Tokenizer& tokenizer) {
  if (const auto folder = shard_folder(options.data)) {
    MW_ASSIGN(const text::ShardSet shards, text::ShardSet::open(*folder));
    if (shards.manifest().identity.tokenizer_hash != tokenizer.hash()) {
      return fail("{}: made with another tokenizer than the model's; tokenize the text again", folder->string());
    }
    const bool has_validation = shards.validation().size() > 0;
    return EvaluationText{has_validation ? shards.validation() : shards.train(), folder->string(), 0};
  }
  MW_ASSIGN(const text::Corpus corpus, text::open_corpus(std::vector<Path>(options.data.begin(), options.data.end())));
  MW_ASSIGN(const ScratchFolder scratch, ScratchFolder::make());
  MW_ASSIGN(const text::ShardSet shards,
            text::tokenize_corpus(corpus, tokenizer, scratch.path(), {.validation_fraction = 0.0}));
  return EvaluationText{shards.train(), options.data.front(), 0};
}

Result<text::Tokenizer> tokenizer_of(const EvaluateOptions& options, const Path& model,
                                     const model::LlamaConfig& config) {
  const Path path = options.tokenizer.empty() ? model / kTokenizerFileName : tokenizer_file(options.tokenizer);
  MW_ASSIGN(text::Tokenizer tokenizer, text::Tokenizer::load(path));
  if (tokenizer.vocabulary_size() > config.vocabulary_size) {
    return fail("{}: has {} tokens, but the model only {}; use the model's own tokenizer", path.string(),
                tokenizer.vocabulary_size(), config.vocabulary_size);
  }
  return tokenizer;
}

Status load_weights_into(TrainingSession& session, const Path& model) {
  std::vector<std::span<float>> masters;
  for (size_t i = 0; i < session.store().entries().size(); ++i) masters.push_back(session.store().master(i));
  return model::load_weights(model, session.config(), masters);
}

}  // namespace

Result<Evaluation> evaluate(const EvaluateOptions& options) {
  Evaluation result;
  MW_ASSIGN(result.model, resolve_model_folder(options.model));
  MW_ASSIGN(const model::LlamaConfig config, model::read_config(result.model / model::kConfigFileName));
  MW_ASSIGN(const text::Tokenizer tokenizer, tokenizer_of(options, result.model, config));
  auto text = options.data.empty() ? validation_text_of_run(options.model) : given_text(options, tokenizer);
  if (!text) return forward_error(text);

  int64_t sequence = options.sequence != 0 ? options.sequence : text->sequence;
  if (sequence == 0) sequence = config.sequence_length;
  if (sequence > config.sequence_length) {
    return fail("sequence: {} tokens are longer than the model's {}; use at most {}", sequence, config.sequence_length,
                config.sequence_length);
  }
  const auto windows = static_cast<int64_t>(text->stream.size() / static_cast<size_t>(sequence + 1));
  const int64_t batch = std::clamp<int64_t>(windows, 1, options.batch);
  auto batches = text::SequentialBatches::create(text->stream, sequence, batch);
  if (!batches) return tl::unexpected(with_context(std::move(batches.error()), text->name));
  const auto available = static_cast<int64_t>(batches->count());
  const int64_t count = options.batches == 0 ? available : std::min(options.batches, available);

  MW_ASSIGN(const auto device, device::open_device(options.device));
  MW_ASSIGN(const auto session,
            TrainingSession::create(config, {.batch = batch, .sequence = sequence, .training = false}, *device));
  MW_TRY(load_weights_into(*session, result.model));
  MW_ASSIGN(result.loss, session->validate(count, [&](int64_t index, auto tokens, auto targets) {
    batches->fill(static_cast<uint64_t>(index), tokens, targets);
  }));
  result.perplexity = std::exp(result.loss);
  result.tokens = count * batch * sequence;
  return result;
}

}  // namespace millwright::train
