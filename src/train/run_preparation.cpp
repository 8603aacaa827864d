#include "train/run_preparation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <system_error>
#include <utility>

#include "model/weights.h"
#include "train/checkpoint.h"
#include "train/config_file.h"
#include "train/model_choice.h"
#include "train/validation.h"

namespace millwright::train {

namespace {

using Clock = std::chrono::steady_clock;

// How long the pace is measured: a fiftieth of the time, so that the limit is kept within a few percent, but no longer
// than what a steady mean needs.
constexpr double kPaceShare = 0.02;
constexpr double kMostPaceSeconds = 10;
constexpr int64_t kLeastPaceUpdates = 2;
// Part of the time limit kept back for the uncertainty of the measured pace.
constexpr double kReserve = 0.03;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void make_absolute(std::string& path) {
  std::error_code error;
  const Path absolute = std::filesystem::absolute(path, error);
  if (!error) path = absolute.lexically_normal().string();
}

// A run folder is used from any working folder.
TrainConfig with_absolute_paths(TrainConfig config) {
  for (std::string& path : config.data) make_absolute(path);
  for (std::string& path : config.validation_data) make_absolute(path);
  if (!config.tokenizer.empty()) make_absolute(config.tokenizer);
  std::error_code error;
  if (std::filesystem::exists(config.model, error)) make_absolute(config.model);
  make_absolute(config.out);
  return config;
}

constexpr const char* kDefaultPipeline = "static";
std::string pipeline_of(const TrainConfig& config) {
  if (config.device == "cpu") return "";
  return config.pipeline.empty() ? kDefaultPipeline : config.pipeline;
}

Result<std::unique_ptr<TrainingSession>> make_session(const TrainConfig& config, const model::LlamaConfig& model,
                                                      const TrainingText& text, device::Device& device) {
  MW_ASSIGN(const plan::Attention attention, plan::find_attention(config.attention));
  return TrainingSession::create(model,
                                 {.batch = config.batch,
                                  .sequence = config.sequence,
                                  .accumulate = config.accumulate,
                                  .validation = can_validate(text, config.sequence),
                                  .profile = config.profile,
                                  .pipeline = pipeline_of(config),
                                  .attention = attention,
                                  .loss_scale = config.loss_scale},
                                 device);
}

// Writes a checkpoint of the session as it is, and removes it.
Result<double> time_checkpoint(const Path& run, TrainingSession& session, const TrainingText& text) {
  const Path scratch = run / ".pace";
  CheckpointState state;
  state.data_hash = text.data_hash;
  state.tokenizer_hash = text.tokenizer_hash;
  const auto start = Clock::now();
  const auto written = write_checkpoint(scratch, state, session.config(), text.tokenizer, session.store());
  const double seconds = seconds_since(start);
  std::error_code error;
  std::filesystem::remove_all(scratch, error);
  if (!written) return tl::unexpected(written.error());
  return seconds;
}

// Times updates, one validation and one checkpoint on the run's own batches, at a learning rate of 0. The first update
// counts only where it is the only one: it touches all memory for the first time. The session must be initialized
// afterwards.
Result<Pace> measure_pace(const Path& run, TrainingSession& session, const TrainConfig& config,
                          const TrainingText& text, double budget_seconds) {
  session.initialize(static_cast<uint64_t>(config.seed));
  MW_ASSIGN(const auto sampler,
            text::BatchSampler::create(text.train, config.sequence, config.batch, static_cast<uint64_t>(config.seed)));
  const auto update = [&](int64_t number) {
    return session.update(
        {.learning_rate = config.learning_rate, .update = number}, [&](int64_t step, auto tokens, auto targets) {
          sampler.fill(static_cast<uint64_t>((number - 1) * config.accumulate + step), tokens, targets);
        });
  };
  auto start = Clock::now();
  MW_TRY(update(1));
  Pace pace;
  pace.seconds_per_update = seconds_since(start);
  start = Clock::now();
  for (int64_t counted = 1; counted <= kLeastPaceUpdates || seconds_since(start) < budget_seconds; ++counted) {
    const auto result = update(1 + counted);
    // What was measured until the engine's compile budget ended must do.
    if (!result && result.error().kind == ErrorKind::exhausted) break;
    if (!result) return tl::unexpected(result.error());
    pace.seconds_per_update = seconds_since(start) / static_cast<double>(counted);
  }
  if (session.options().validation) {
    MW_ASSIGN(const auto validator, Validator::create(text, config));
    const auto validation_start = Clock::now();
    MW_TRY(validator.run(session));
    pace.seconds_per_validation = seconds_since(validation_start);
  }
  MW_ASSIGN(pace.seconds_per_checkpoint, time_checkpoint(run, session, text));
  return pace;
}

// The number of updates is fixed before the first one, and from then on it decides, not the clock: a schedule that
// decays by updates is then a pure function of the configuration, and a resumed run continues bit for bit.
Result<int64_t> resolve_steps(const Path& run, TrainingSession& session, const TrainConfig& config,
                              const TrainingText& text) {
  if (config.steps > 0) return config.steps;
  if (config.time_limit == 0) return kDefaultUpdates;
  const double seconds = 60 * config.time_limit;
  MW_ASSIGN(const Pace pace,
            measure_pace(run, session, config, text, std::min(kPaceShare * seconds, kMostPaceSeconds)));
  return updates_within((1 - kReserve) * seconds, pace, config);
}

Provenance provenance_of(const TrainConfig& config, const TrainingText& text, const TrainingSession& session) {
  Provenance provenance;
  provenance.version = MILLWRIGHT_VERSION;
  provenance.seed = config.seed;
  provenance.data_hash = text.data_hash;
  provenance.train_tokens = static_cast<int64_t>(text.train.size());
  provenance.validation_tokens = static_cast<int64_t>(text.validation.size());
  provenance.tokenizer_hash = text.tokenizer_hash;
  provenance.tokenizer_size = text.tokenizer_size;
  provenance.parameters = model::parameter_count(session.config());
  return provenance;
}

Result<PreparedRun> prepare_new(const Path& run, const TrainConfig& config, device::Device& device) {
  MW_ASSIGN(const ModelChoice choice, choose_model(config));
  PreparedRun prepared;
  prepared.folder = run;
  prepared.config = with_absolute_paths(config);
  MW_TRY(write_config_file(run / kRunConfigFileName, prepared.config));
  MW_ASSIGN(PreparedText text, prepare_text(prepared.config, choice, run));
  prepared.text = std::move(text.text);
  prepared.notes = std::move(text.notes);
  prepared.config.vocabulary = text.model.vocabulary_size;
  if (prepared.config.sequence == 0) prepared.config.sequence = text.model.sequence_length;
  if (prepared.text.train.size() <= static_cast<size_t>(prepared.config.sequence)) {
    return fail(
        "{}: text shorter than one sequence: {} tokens, need at least {}; use a longer text or a smaller sequence",
        config.data.front(), prepared.text.train.size(), prepared.config.sequence + 1);
  }
  if (!can_validate(prepared.text, prepared.config.sequence)) {
    prepared.notes.push_back(fmt::format("no validation: {} tokens are kept for it, one sequence needs {}",
                                         prepared.text.validation.size(), prepared.config.sequence + 1));
  }
  MW_ASSIGN(prepared.session, make_session(prepared.config, text.model, prepared.text, device));
  MW_ASSIGN(prepared.config.steps, resolve_steps(run, *prepared.session, prepared.config, prepared.text));
  MW_TRY(model::write_config(run / model::kConfigFileName, text.model));
  MW_TRY(write_config_file(run / kRunConfigFileName, prepared.config));
  prepared.provenance = provenance_of(prepared.config, prepared.text, *prepared.session);
  MW_TRY(write_provenance(run, prepared.provenance));
  return prepared;
}

Status check_unchanged(const Path& run, const Provenance& provenance, const TrainingText& text) {
  if (text.tokenizer_hash != provenance.tokenizer_hash) {
    return fail("{}: cannot resume: the tokenizer changed (hash {}, the run began with {})", run.string(),
                text.tokenizer_hash, provenance.tokenizer_hash);
  }
  if (text.data_hash != provenance.data_hash) {
    return fail("{}: cannot resume: the data changed (hash {}, the run began with {})", run.string(), text.data_hash,
                provenance.data_hash);
  }
  return {};
}

Result<PreparedRun> open_prepared(const Path& run, const TrainConfig& config, device::Device& device) {
  PreparedRun prepared;
  prepared.folder = run;
  prepared.config = config;
  MW_ASSIGN(prepared.provenance, read_provenance(run));
  MW_ASSIGN(const model::LlamaConfig model, model::read_config(run / model::kConfigFileName));
  MW_ASSIGN(prepared.text, open_text(config, run));
  MW_TRY(check_unchanged(run, prepared.provenance, prepared.text));
  MW_ASSIGN(prepared.session, make_session(config, model, prepared.text, device));
  return prepared;
}

}  // namespace

int64_t updates_within(double seconds, const Pace& pace, const TrainConfig& config) {
  const auto share_of = [](double cost, int64_t every) { return every > 0 ? cost / static_cast<double>(every) : 0; };
  // A checkpoint has a validation before it. One of both stands at the end in any case.
  const double checkpoint = pace.seconds_per_checkpoint + pace.seconds_per_validation;
  const double per_update = pace.seconds_per_update + share_of(pace.seconds_per_validation, config.validation_every) +
                            share_of(checkpoint, config.checkpoint_every);
  const double updates = (seconds - checkpoint) / std::max(per_update, 1e-9);
  return static_cast<int64_t>(std::clamp(std::floor(updates), 1.0, 1e12));
}

Result<PreparedRun> prepare_run(const Path& run, const TrainConfig& config, device::Device& device) {
  std::error_code error;
  if (std::filesystem::exists(run / kProvenanceFileName, error)) return open_prepared(run, config, device);
  return prepare_new(run, config, device);
}

}  // namespace millwright::train
