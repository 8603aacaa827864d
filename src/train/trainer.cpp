// The training loop: updates, validations, checkpoints, metrics and progress of one run.
#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/parallel.h"
#include "base/signals.h"
#include "device/cpu/cpu_device.h"
#include "device/open_device.h"
#include "model/llama_config.h"
#include "text/batches.h"
#include "train/checkpoint.h"
#include "train/config_file.h"
#include "train/handover.h"
#include "train/learning_rate_schedule.h"
#include "train/metrics.h"
#include "train/progress.h"
#include "train/run_lock.h"
#include "train/run_preparation.h"
#include "train/run_report.h"
#include "train/run_trace.h"
#include "train/validation.h"

namespace millwright::train {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// Weight of the last update in the displayed speed.
constexpr double kSpeedShare = 0.1;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

LearningRateSchedule schedule_of(const TrainConfig& config) {
  return {.peak = config.learning_rate,
          .floor_ratio = config.min_learning_rate_ratio,
          .warmup = std::min(config.warmup, config.steps / 10),
          .updates = config.steps};
}

class Trainer {
 public:
  Trainer(PreparedRun run, text::BatchSampler sampler, std::optional<Validator> validator, MetricsWriter metrics,
          ProgressDisplay display, std::unique_ptr<RunTrace> trace)
      : run_(std::move(run)),
        config_(run_.config),
        sampler_(std::move(sampler)),
        validator_(std::move(validator)),
        metrics_(std::move(metrics)),
        display_(std::move(display)),
        trace_(std::move(trace)),
        schedule_(schedule_of(config_)) {}

  // From where the session's weights are to the last update, an interrupt, or the end of the engine's compile budget.
  Result<RunSummary> train(Handover start, bool is_successor);

 private:
  Status run_updates();
  Result<UpdateResult> update_once(int64_t update);
  Status record(int64_t update, const UpdateResult& result, double seconds);
  Status validate();
  Status checkpoint();
  Status end_trace();
  Status follow_trace();
  Result<bool> finish_update();
  Result<bool> catch_up();
  bool is_due(int64_t every) const;
  Error stopped_by(const Error& error) const;
  Result<RunSummary> hand_over();
  RunSummary summarize() const;

  PreparedRun run_;
  const TrainConfig& config_;
  text::BatchSampler sampler_;
  std::optional<Validator> validator_;
  MetricsWriter metrics_;
  ProgressDisplay display_;
  std::unique_ptr<RunTrace> trace_;  // null where nothing is recorded, and once it is complete
  LearningRateSchedule schedule_;

  CheckpointState state_;  // after the last update done
  std::optional<Path> checkpoint_;
  int64_t checkpoint_update_ = -1;  // of checkpoint_
  int64_t first_update_ = 0;        // done before this training
  int64_t process_first_update_ = 0;
  bool is_successor_ = false;  // of a process that had no compile budget left
  double last_validation_loss_ = kNone;
  double speed_ = 0;  // tokens/s, smoothed
  bool interrupted_ = false;
  bool is_exhausted_ = false;
  double seconds_before_ = 0;  // of the processes that this one replaced
  Clock::time_point start_ = Clock::now();
  double seconds_ = 0;
};

bool Trainer::is_due(int64_t every) const {
  return state_.update == config_.steps || (every > 0 && state_.update % every == 0);
}

// Where a run that fails can go on from.
Error Trainer::stopped_by(const Error& error) const {
  const std::string rest = checkpoint_ ? fmt::format("; stopped, the last good checkpoint is {}", checkpoint_->string())
                                       : std::string("; stopped before the first checkpoint");
  return {error.kind, error.message + rest};
}

Result<UpdateResult> Trainer::update_once(int64_t update) {
  const runtime::UpdateSettings settings{.learning_rate = schedule_.at(update),
                                         .beta1 = config_.beta1,
                                         .beta2 = config_.beta2,
                                         .epsilon = config_.epsilon,
                                         .weight_decay = config_.weight_decay,
                                         .clip = config_.clip,
                                         .update = update};
  return run_.session->update(settings, [&](int64_t step, auto tokens, auto targets) {
    sampler_.fill(static_cast<uint64_t>(state_.position + step), tokens, targets);
  });
}

Status Trainer::record(int64_t update, const UpdateResult& result, double seconds) {
  const auto tokens = run_.session->tokens_per_update();
  state_.update = update;
  state_.position += config_.accumulate;
  state_.tokens += tokens;
  state_.loss = result.loss;
  if (run_.session->loss_scale().is_adaptive) {
    state_.loss_scale = run_.session->loss_scale().scale;
    state_.quiet_updates = run_.session->loss_scale().quiet;
  }
  state_.validation_loss.reset();
  const double speed = static_cast<double>(tokens) / std::max(seconds, 1e-9);
  speed_ = speed_ == 0 ? speed : (1 - kSpeedShare) * speed_ + kSpeedShare * speed;
  MW_TRY(metrics_.append(UpdateMetrics{.update = update,
                                       .loss = result.loss,
                                       .learning_rate = schedule_.at(update),
                                       .gradient_norm = result.gradient_norm,
                                       .tokens = state_.tokens,
                                       .seconds = seconds,
                                       .tokens_per_second = speed}));
  const double elapsed = seconds_before_ + seconds_since(start_);
  const double per_update = elapsed / static_cast<double>(update - first_update_);
  display_.show({.update = update,
                 .updates = config_.steps,
                 .loss = result.loss,
                 .tokens_per_second = speed_,
                 .seconds_left = per_update * static_cast<double>(config_.steps - update)},
                elapsed);
  return {};
}

Status Trainer::validate() {
  if (!validator_) return {};
  const auto start = Clock::now();
  MW_ASSIGN(const double loss, validator_->run(*run_.session));
  if (trace_) trace_->recorder().record("validation", runtime::Queue::cpu, start);
  if (!std::isfinite(loss)) {
    return fail(ErrorKind::numeric, "update {}: the validation loss is {}", state_.update,
                std::isnan(loss) ? "NaN" : "infinite");
  }
  state_.validation_loss = loss;
  last_validation_loss_ = loss;
  if (!state_.best_validation_loss || loss < *state_.best_validation_loss) {
    state_.best_validation_loss = loss;
    state_.best_update = state_.update;
  }
  const ValidationMetrics metrics{.update = state_.update, .loss = loss};
  MW_TRY(metrics_.append(metrics));
  display_.note(
      fmt::format("update {}: validation loss {:.4f}, perplexity {:.2f}", state_.update, loss, metrics.perplexity()));
  return {};
}

Status Trainer::checkpoint() {
  if (state_.update == checkpoint_update_) return {};
  const auto start = Clock::now();
  MW_TRY(metrics_.sync());
  auto written =
      write_checkpoint(run_.folder, state_, run_.session->config(), run_.text.tokenizer, run_.session->store());
  if (!written) {
    return tl::unexpected(
        with_context(std::move(written.error()), fmt::format("checkpoint of update {}", state_.update)));
  }
  if (trace_) trace_->recorder().record("checkpoint", runtime::Queue::cpu, start);
  checkpoint_ = *written;
  checkpoint_update_ = state_.update;
  return prune_checkpoints(run_.folder, config_.keep_last);
}

// Validation and checkpoint, where they are due. False where an interrupt stopped the validation: the next process has
// to do it first.
Result<bool> Trainer::finish_update() {
  if (is_due(config_.validation_every) || is_due(config_.checkpoint_every)) {
    Status validated = validate();
    if (!validated && validated.error().kind == ErrorKind::interrupted) return false;
    MW_TRY(std::move(validated));
  }
  if (is_due(config_.checkpoint_every)) MW_TRY(checkpoint());
  return true;
}

// The validation that the process before was interrupted in. Its checkpoint gets the result.
Result<bool> Trainer::catch_up() {
  const bool is_owed = validator_ && state_.update > 0 && !state_.validation_loss &&
                       (is_due(config_.validation_every) || is_due(config_.checkpoint_every));
  if (!is_owed) return true;
  MW_ASSIGN(const bool done, finish_update());
  if (!done) return false;
  MW_TRY(metrics_.sync());
  MW_TRY(replace_checkpoint_state(*checkpoint_, state_));
  MW_TRY(prune_checkpoints(run_.folder, config_.keep_last));
  return true;
}

// Writes what was recorded, and records no more.
Status Trainer::end_trace() {
  if (!trace_) return {};
  run_.session->record_into(nullptr);
  const std::unique_ptr<RunTrace> trace = std::move(trace_);
  return trace->write();
}

Status Trainer::follow_trace() {
  if (trace_ && trace_->is_complete(state_.update - first_update_)) return end_trace();
  return {};
}

Status Trainer::run_updates() {
  MW_ASSIGN(bool goes_on, catch_up());
  while (goes_on && state_.update < config_.steps) {
    const auto update_start = Clock::now();
    if (trace_) trace_->recorder().begin_update(state_.update + 1);
    auto result = update_once(state_.update + 1);
    if (!result && result.error().kind == ErrorKind::interrupted) break;
    // A fresh process that cannot pay for one update would be replaced for ever.
    const bool is_fresh = is_successor_ && state_.update == process_first_update_;
    if (!result && result.error().kind == ErrorKind::exhausted && !is_fresh) {
      is_exhausted_ = true;
      return {};
    }
    if (!result) return forward_error(result);
    MW_TRY(record(state_.update + 1, *result, seconds_since(update_start)));
    MW_ASSIGN(goes_on, finish_update());
    MW_TRY(follow_trace());
  }
  interrupted_ = !goes_on || state_.update < config_.steps;
  if (interrupted_ && state_.update > first_update_) MW_TRY(checkpoint());
  return {};
}

Result<RunSummary> Trainer::train(Handover start, bool is_successor) {
  is_successor_ = is_successor;
  state_ = std::move(start.state);
  first_update_ = start.first_update;
  process_first_update_ = state_.update;
  seconds_before_ = start.seconds;
  if (!start.checkpoint.empty()) {
    checkpoint_ = start.checkpoint;
    checkpoint_update_ = start.checkpoint_update;
  }
  last_validation_loss_ = state_.validation_loss.value_or(kNone);
  start_ = Clock::now();
  if (trace_) run_.session->record_into(&trace_->recorder());
  Status status = run_updates();
  seconds_ = seconds_before_ + seconds_since(start_);
  if (status && is_exhausted_) return hand_over();
  if (Status written = end_trace(); status) status = std::move(written);
  display_.finish();
  if (!status) return tl::unexpected(stopped_by(status.error()));
  if (config_.profile) {
    for (const std::string& line : profile_lines(run_.session->phases(), run_.session->profile())) display_.note(line);
  }
  const RunSummary summary = summarize();
  MW_TRY(write_run_report(run_, summary, metrics_.history()));
  return summary;
}

Result<RunSummary> Trainer::hand_over() {
  MW_TRY(metrics_.sync());
  Handover handover{state_, checkpoint_.value_or(Path()), checkpoint_update_, first_update_, seconds_};
  if (trace_) handover.trace = trace_->hand_over();
  RunSummary summary = summarize();
  MW_ASSIGN(summary.handover, write_handover(handover, run_.session->store()));
  return summary;
}

RunSummary Trainer::summarize() const {
  RunSummary summary;
  summary.run = run_.folder;
  summary.checkpoint = checkpoint_.value_or(Path());
  summary.updates = state_.update;
  summary.planned_updates = config_.steps;
  summary.interrupted = interrupted_;
  summary.loss = state_.loss;
  summary.validation_loss = last_validation_loss_;
  summary.best_validation_loss = state_.best_validation_loss.value_or(kNone);
  summary.best_update = state_.best_update;
  summary.epochs = static_cast<double>(state_.position) * static_cast<double>(config_.batch) /
                   static_cast<double>(sampler_.windows_per_epoch());
  summary.parameters = run_.session->store().parameter_count();
  summary.tokens = (state_.update - first_update_) * run_.session->tokens_per_update();
  summary.seconds = seconds_;
  summary.notes = run_.notes;
  return summary;
}

// Damaged checkpoints that come before the newest complete one are warned of and set aside, so that later ones of the
// same update can take their place.
Result<std::optional<FoundCheckpoint>> take_latest_checkpoint(const Path& run) {
  MW_ASSIGN(CheckpointSearch search, find_latest_checkpoint(run));
  if (!search.found && !search.damaged.empty()) {
    return fail("{}: cannot resume: no complete checkpoint; {}", run.string(), search.warnings.front());
  }
  for (size_t i = 0; i < search.damaged.size(); ++i) {
    log_warning("{}", search.warnings[i]);
    MW_TRY(set_aside(search.damaged[i]));
  }
  return std::move(search.found);
}

CheckpointState first_state(const PreparedRun& run) {
  CheckpointState state;
  state.seed = run.config.seed;
  state.data_hash = run.provenance.data_hash;
  state.tokenizer_hash = run.provenance.tokenizer_hash;
  state.version = run.provenance.version;
  return state;
}

// The session's weights and the state they are in: of a checkpoint, or of the seed.
Result<CheckpointState> restore(PreparedRun& run, const std::optional<FoundCheckpoint>& found) {
  if (!found) {
    run.session->initialize(static_cast<uint64_t>(run.config.seed));
    return first_state(run);
  }
  if (found->state.data_hash != run.provenance.data_hash ||
      found->state.tokenizer_hash != run.provenance.tokenizer_hash) {
    return fail("{}: a checkpoint of another run (its data or tokenizer differ from this run's)", found->path.string());
  }
  if (found->state.update > run.config.steps) {
    return fail("{}: is at update {}, but the run ends at {}", found->path.string(), found->state.update,
                run.config.steps);
  }
  MW_TRY(load_checkpoint(found->path, run.session->config(), run.session->store()));
  return found->state;
}

// From the newest complete checkpoint, or from the seed.
Result<Handover> restore_checkpoint(const Path& folder, PreparedRun& run) {
  MW_ASSIGN(const auto found, take_latest_checkpoint(folder));
  Handover start;
  MW_ASSIGN(start.state, restore(run, found));
  start.first_update = start.state.update;
  if (found) {
    start.checkpoint = found->path;
    start.checkpoint_update = start.state.update;
  }
  MW_TRY(prune_checkpoints(folder, run.config.keep_last));
  return start;
}

// A process that replaces another goes on with what that one recorded; where that was complete, with nothing.
Result<std::unique_ptr<RunTrace>> open_trace(const RunOptions& options, const device::Device& device,
                                             const std::optional<TraceHandover>& earlier) {
  if (options.trace.empty() || (options.handover && !earlier)) return nullptr;
  runtime::QueueNames queues{"CPU (measured)", {}};
  if (device.name() != device::CpuDevice::kName) queues.engine = fmt::format("{} engine (measured)", device.name());
  if (earlier) return RunTrace::go_on(options.trace, std::move(queues), *earlier);
  return RunTrace::begin(options.trace, std::move(queues));
}

Result<RunSummary> train_in(const Path& folder, const TrainConfig& config, const RunOptions& options) {
  std::unique_ptr<device::Device> own_device;
  if (options.device == nullptr) {
    device::DeviceOptions device_options;
    device_options.chip = config.chip;
    MW_ASSIGN(own_device, device::open_device(config.device, device_options));
  }
  device::Device& device = options.device != nullptr ? *options.device : *own_device;
  install_interrupt_handler();
  if (config.threads > 0) set_thread_count(static_cast<int>(config.threads));

  MW_TRY(make_directories(folder));
  MW_ASSIGN(const RunLock lock, RunLock::acquire(folder));
  if (!options.trace.empty() && !options.handover) MW_TRY(RunTrace::prepare(options.trace));
  MW_ASSIGN(PreparedRun run, prepare_run(folder, config, device));
  ProgressDisplay display = ProgressDisplay::on(options.output);
  Handover start;
  if (options.handover) {
    MW_ASSIGN(start, read_handover(*options.handover, run.session->store()));
    display.go_on_behind(start.state.update, start.seconds);
  } else {
    for (const std::string& note : run.notes) display.note(note);
    MW_ASSIGN(start, restore_checkpoint(folder, run));
  }

  if (start.state.loss_scale) run.session->set_loss_scale(*start.state.loss_scale, start.state.quiet_updates);
  MW_ASSIGN(auto sampler, text::BatchSampler::create(run.text.train, run.config.sequence, run.config.batch,
                                                     static_cast<uint64_t>(run.config.seed)));
  std::optional<Validator> validator;
  if (run.session->options().validation) {
    MW_ASSIGN(validator, Validator::create(run.text, run.config));
  }
  MW_ASSIGN(auto metrics, MetricsWriter::open(folder / kMetricsFileName, start.state.update));
  MW_ASSIGN(auto trace, open_trace(options, device, start.trace));
  Trainer trainer(std::move(run), std::move(sampler), std::move(validator), std::move(metrics), std::move(display),
                  std::move(trace));
  return trainer.train(std::move(start), options.handover.has_value());
}

}  // namespace

Result<RunSummary> start_run(const TrainConfig& config, const RunOptions& options) {
  MW_TRY(validate(config));
  const Path folder = config.out;
  std::error_code error;
  if (std::filesystem::exists(folder / kProvenanceFileName, error)) {
    return fail("{}: holds a run already; resume it with --resume {}, or choose another --out", folder.string(),
                folder.string());
  }
  return train_in(folder, config, options);
}

Result<TrainConfig> run_config(const Path& run) {
  std::error_code error;
  if (!std::filesystem::exists(run / kRunConfigFileName, error)) {
    return fail("{}: not a run folder: it has no {}", run.string(), kRunConfigFileName);
  }
  TrainConfig config;
  MW_TRY(read_config_file(run / kRunConfigFileName, config));
  return config;
}

Result<RunSummary> resume_run(const Path& run, const TrainConfig& config, const RunOptions& options) {
  MW_TRY(validate(config));
  MW_ASSIGN(const TrainConfig there, run_config(run));
  if (const std::string difference = describe_difference(there, config); !difference.empty()) {
    return fail("{}: cannot resume with other settings: {}", run.string(), difference);
  }
  return train_in(run, config, options);
}

}  // namespace millwright::train
