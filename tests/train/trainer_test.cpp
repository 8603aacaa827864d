#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <fstream>
#include <set>
#include <string>

#include "base/signals.h"
#include "text/corpus.h"
#include "text/train_tokenizer.h"
#include "train/checkpoint.h"
#include "train/config_file.h"
#include "train/interrupting_device.h"
#include "train/metrics.h"
#include "train/provenance.h"
#include "train/run_lock.h"
#include "train/run_preparation.h"
#include "train/run_trace.h"
#include "train/tiny_run.h"

namespace millwright::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const RunOptions kSilent{.output = nullptr};

RunSummary succeed(Result<RunSummary> summary) {
  EXPECT_TRUE(summary.has_value()) << summary.error().message;
  return summary.value_or(RunSummary());
}

std::string error_of(const Result<RunSummary>& summary) { return summary ? "no error" : summary.error().message; }

RunSummary resume(const Path& run) { return succeed(resume_run(run, run_config(run).value(), kSilent)); }

// Every byte of weights and moments.
void expect_same_checkpoint(const Path& a, const Path& b) {
  for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
    EXPECT_EQ(read_whole_file(a / name), read_whole_file(b / name)) << name;
    EXPECT_FALSE(read_whole_file(a / name).empty());
  }
}

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

std::vector<std::pair<int64_t, double>> validations_in(const Path& run) {
  std::vector<std::pair<int64_t, double>> losses;
  const auto metrics = read_metrics(run / "metrics.jsonl", 1 << 20);
  for (const ValidationMetrics& m : metrics->validations) losses.emplace_back(m.update, m.loss);
  return losses;
}

// Metrics without the measured times.
std::vector<std::pair<int64_t, double>> losses_in(const Path& run) {
  std::vector<std::pair<int64_t, double>> losses;
  const auto metrics = read_metrics(run / "metrics.jsonl", 1 << 20);
  for (const UpdateMetrics& m : metrics->updates) {
    losses.emplace_back(m.update, m.loss);
  }
  return losses;
}

std::vector<runtime::TraceSpan> spans_in(const Path& file) {
  const auto spans = runtime::parse_trace(read_whole_file(file), file.string());
  EXPECT_TRUE(spans.has_value()) << spans.error().message;
  return spans.value_or(std::vector<runtime::TraceSpan>());
}

int64_t count_of(const std::vector<runtime::TraceSpan>& spans, std::string_view name) {
  return std::ranges::count(spans, name, &runtime::TraceSpan::name);
}

// Twelve updates, checkpoints every four.
TEST(StartRun, RecordsTheTimelineOfTheFirstTenUpdates) {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_run(folder);
  RunOptions options = kSilent;
  options.trace = folder / "trace.json";
  succeed(start_run(config, options));
  const auto spans = spans_in(options.trace);
  EXPECT_EQ(count_of(spans, "update"), 10);
  EXPECT_EQ(count_of(spans, "evaluate"), 10 * config.accumulate);
  EXPECT_EQ(count_of(spans, "batch"), 10 * config.accumulate);
  EXPECT_EQ(count_of(spans, "checkpoint"), 2);
  // One task at a time on one queue.
  for (size_t i = 1; i < spans.size(); ++i) {
    EXPECT_GE(spans[i].start, spans[i - 1].start + spans[i - 1].seconds - 1e-6) << spans[i].name;
  }
}

TEST(StartRun, RefusesATraceThatCannotBeWrittenBeforeItDoesAnything) {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_run(folder);
  RunOptions options = kSilent;
  options.trace = folder / "none" / "trace.json";
  const std::string error = error_of(start_run(config, options));
  EXPECT_THAT(error, HasSubstr((folder / "none").string()));
  EXPECT_THAT(error, HasSubstr("No such file or directory"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run" / "run.toml"));
}

TEST(StartRun, LearnsAndLeavesACompleteFolder) {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_run(folder);
  const RunSummary summary = succeed(start_run(config, kSilent));
  const Path run = folder / "run";
  EXPECT_EQ(summary.updates, 12);
  EXPECT_EQ(summary.planned_updates, 12);
  EXPECT_FALSE(summary.interrupted);
  EXPECT_EQ(summary.tokens, 12 * 2 * 16);
  EXPECT_EQ(summary.checkpoint, run / "checkpoints" / "update-000012");
  EXPECT_LT(summary.validation_loss, std::log(300.0));  // better than guessing
  EXPECT_EQ(summary.best_validation_loss, summary.validation_loss);
  EXPECT_THAT(names_in(run),
              UnorderedElementsAre(".lock", "run.toml", "provenance.json", "config.json", "tokenizer.model", "shards",
                                   "checkpoints", "metrics.jsonl", "loss.svg", "report.html"));
  EXPECT_THAT(names_in(run / "checkpoints"), UnorderedElementsAre("update-000008", "update-000012"));
  EXPECT_TRUE(verify_checkpoint(summary.checkpoint).has_value());
}

TEST(StartRun, RecordsWhatItWasMadeFrom) {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_run(folder);
  const RunSummary summary = succeed(start_run(config, kSilent));
  const auto provenance = read_provenance(folder / "run");
  ASSERT_TRUE(provenance.has_value()) << provenance.error().message;
  EXPECT_EQ(provenance->seed, config.seed);
  EXPECT_EQ(provenance->parameters, summary.parameters);
  EXPECT_GT(provenance->train_tokens, provenance->validation_tokens);
  EXPECT_GT(provenance->validation_tokens, 0);
  const auto state = read_checkpoint_state(summary.checkpoint);
  EXPECT_EQ(state->data_hash, provenance->data_hash);
  EXPECT_EQ(state->tokenizer_hash, provenance->tokenizer_hash);
}

TEST(StartRun, WritesOneLineOfMetricsPerUpdateAndValidation) {
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const auto history = read_metrics(folder / "run" / "metrics.jsonl", 100);
  ASSERT_EQ(history->updates.size(), 12u);
  for (size_t i = 0; i < 12; ++i) {
    const UpdateMetrics& m = history->updates[i];
    EXPECT_EQ(m.update, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(m.tokens, 32 * m.update);
    EXPECT_GT(m.gradient_norm, 0);
    EXPECT_GT(m.tokens_per_second, 0);
  }
  EXPECT_DOUBLE_EQ(history->updates[0].learning_rate, 0.01);  // warm-up is cut to a tenth of 12 updates
  ASSERT_EQ(history->validations.size(), 3u);
  EXPECT_EQ(history->validations[2].update, 12);
}

TEST(ResumeRun, GoesOnBitForBit) {
  const TemporaryFolder straight_folder;
  const RunSummary straight = succeed(start_run(tiny_run(straight_folder), kSilent));

  // The same run, of which everything after update 4 is lost, as if it had been killed there.
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.keep_last = 100;
  succeed(start_run(config, kSilent));
  const Path run = folder / "run";
  std::filesystem::remove_all(run / "checkpoints" / "update-000008");
  std::filesystem::remove_all(run / "checkpoints" / "update-000012");
  const RunSummary resumed = resume(run);
  EXPECT_EQ(resumed.updates, 12);
  EXPECT_EQ(resumed.tokens, 8 * 2 * 16);
  EXPECT_EQ(resumed.loss, straight.loss);
  EXPECT_EQ(resumed.validation_loss, straight.validation_loss);
  expect_same_checkpoint(resumed.checkpoint, straight.checkpoint);
  EXPECT_EQ(losses_in(run), losses_in(straight_folder / "run"));
}

TEST(ResumeRun, GoesOnBitForBitWithAccumulation) {
  const TemporaryFolder straight_folder;
  TrainConfig config = tiny_run(straight_folder);
  config.accumulate = 3;
  const RunSummary straight = succeed(start_run(config, kSilent));
  const TemporaryFolder folder;
  config = tiny_run(folder);
  config.accumulate = 3;
  config.keep_last = 100;
  succeed(start_run(config, kSilent));
  std::filesystem::remove_all(folder / "run" / "checkpoints" / "update-000012");
  expect_same_checkpoint(resume(folder / "run").checkpoint, straight.checkpoint);
}

TEST(ResumeRun, StopsAtASignalAndGoesOnFromThere) {
  const TemporaryFolder straight_folder;
  const RunSummary straight = succeed(start_run(tiny_run(straight_folder), kSilent));
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const Path run = folder / "run";
  std::filesystem::remove_all(run / "checkpoints" / "update-000012");
  install_interrupt_handler();
  raise(SIGTERM);
  const RunSummary stopped = resume(run);
  clear_interrupt();
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_EQ(stopped.updates, 8);
  EXPECT_EQ(stopped.planned_updates, 12);
  const RunSummary resumed = resume(run);
  EXPECT_FALSE(resumed.interrupted);
  expect_same_checkpoint(resumed.checkpoint, straight.checkpoint);
}

// Also in the last validation, behind which nothing is left but that.
TEST(ResumeRun, StopsInsideAValidationAndCatchesUpOnIt) {
  const TemporaryFolder straight_folder;
  const RunSummary straight = succeed(start_run(tiny_run(straight_folder), kSilent));
  // Two batches each time: updates 1 to 4, evaluations 5 and 6, updates 5 to 8, evaluations 11 and 12, …
  for (const auto& [evaluation, update] : {std::pair{5, 4}, std::pair{17, 12}}) {
    const TemporaryFolder folder;
    InterruptingDevice device(evaluation);
    install_interrupt_handler();
    const RunSummary stopped = succeed(start_run(tiny_run(folder), {.output = nullptr, .device = &device}));
    clear_interrupt();
    EXPECT_TRUE(stopped.interrupted);
    EXPECT_EQ(stopped.updates, update);
    EXPECT_EQ(device.evaluations(), evaluation);
    EXPECT_FALSE(read_checkpoint_state(stopped.checkpoint)->validation_loss.has_value());
    const RunSummary resumed = resume(folder / "run");
    EXPECT_FALSE(resumed.interrupted);
    expect_same_checkpoint(resumed.checkpoint, straight.checkpoint);
    EXPECT_EQ(read_whole_file(resumed.checkpoint / "state.json"), read_whole_file(straight.checkpoint / "state.json"));
    EXPECT_EQ(losses_in(folder / "run"), losses_in(straight_folder / "run"));
    EXPECT_EQ(validations_in(folder / "run"), validations_in(straight_folder / "run"));
    EXPECT_EQ(resumed.best_validation_loss, straight.best_validation_loss);
  }
}

// The time of all processes, as the updates measured it.
TEST(ResumeRun, ReportsTheTimeOfTheWholeRun) {
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const Path metrics = folder / "run" / "metrics.jsonl";
  const MetricsHistory history = read_metrics(metrics, 12).value();
  std::string lines;
  for (const UpdateMetrics& m : history.updates) {
    lines += fmt::format(
        "{{\"update\":{},\"loss\":{},\"learning_rate\":{},\"gradient_norm\":{},\"tokens\":{},"
        "\"seconds\":2.0,\"tokens_per_second\":16.0}}\n",
        m.update, m.loss, m.learning_rate, m.gradient_norm, m.tokens);
  }
  folder.write("run/metrics.jsonl", lines);
  resume(folder / "run");
  const std::string report = read_whole_file(folder / "run" / "report.html");
  EXPECT_THAT(report, HasSubstr("<tr><th>time of the updates</th><td>24 s</td></tr>"));
  EXPECT_THAT(report, HasSubstr("<tr><th>tokens/s</th><td>16</td></tr>"));
}

TEST(ResumeRun, HasNothingToDoForAFinishedRun) {
  const TemporaryFolder folder;
  const RunSummary first = succeed(start_run(tiny_run(folder), kSilent));
  const RunSummary again = resume(folder / "run");
  EXPECT_EQ(again.updates, 12);
  EXPECT_EQ(again.tokens, 0);
  EXPECT_EQ(again.checkpoint, first.checkpoint);
  EXPECT_EQ(losses_in(folder / "run").size(), 12u);
}

TEST(ResumeRun, BeginsAnewWhereNothingWasSavedYet) {
  const TemporaryFolder folder;
  const RunSummary first = succeed(start_run(tiny_run(folder), kSilent));
  const std::string weights = read_whole_file(first.checkpoint / "model.safetensors");
  std::filesystem::remove_all(folder / "run" / "checkpoints");
  const RunSummary again = resume(folder / "run");
  EXPECT_EQ(again.tokens, 12 * 2 * 16);
  EXPECT_EQ(read_whole_file(again.checkpoint / "model.safetensors"), weights);
}

TEST(ResumeRun, PreparesAFolderThatWasNotFinished) {
  const TemporaryFolder folder;
  const RunSummary first = succeed(start_run(tiny_run(folder), kSilent));
  const std::string weights = read_whole_file(first.checkpoint / "model.safetensors");
  const Path run = folder / "run";
  for (const char* name : {"provenance.json", "checkpoints", "config.json", "tokenizer.model", "shards"}) {
    std::filesystem::remove_all(run / name);
  }
  EXPECT_EQ(read_whole_file(resume(run).checkpoint / "model.safetensors"), weights);
}

TEST(ResumeRun, PassesOverADamagedCheckpoint) {
  const TemporaryFolder folder;
  const RunSummary first = succeed(start_run(tiny_run(folder), kSilent));
  const std::string weights = read_whole_file(first.checkpoint / "model.safetensors");
  std::filesystem::resize_file(first.checkpoint / "optimizer.safetensors", 100);
  const RunSummary again = resume(folder / "run");
  EXPECT_EQ(again.tokens, 4 * 2 * 16);
  EXPECT_EQ(again.checkpoint, first.checkpoint);
  EXPECT_EQ(read_whole_file(again.checkpoint / "model.safetensors"), weights);
  EXPECT_THAT(names_in(folder / "run" / "checkpoints"),
              UnorderedElementsAre("update-000008", "update-000012", "damaged-update-000012"));
}

TEST(ResumeRun, RefusesWhenEveryCheckpointIsDamaged) {
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const Path run = folder / "run";
  for (const char* name : {"update-000008", "update-000012"}) {
    std::filesystem::remove(run / "checkpoints" / name / "state.json");
  }
  EXPECT_THAT(error_of(resume_run(run, *run_config(run), kSilent)),
              HasSubstr(run.string() + ": cannot resume: no complete checkpoint; "));
}

TEST(ResumeRun, NamesTheSettingsThatDiffer) {
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const Path run = folder / "run";
  TrainConfig config = *run_config(run);
  config.keep_last = 7;  // may change
  config.learning_rate = 0.02;
  config.seed = 2;
  EXPECT_EQ(error_of(resume_run(run, config, kSilent)),
            run.string() +
                ": cannot resume with other settings: learning_rate is 0.01 there and 0.02 here, seed is 1 there and 2 "
                "here");
}

TEST(ResumeRun, RefusesChangedShards) {
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const TemporaryFolder other;
  TrainConfig config = tiny_run(other);
  config.tokenizer = (folder / "run" / "tokenizer.model").string();
  other.write("book.txt", made_up_text(2, 600));
  succeed(start_run(config, kSilent));
  const Path run = folder / "run";
  std::filesystem::remove_all(run / "shards");
  std::filesystem::copy(other / "run" / "shards", run / "shards", std::filesystem::copy_options::recursive);
  EXPECT_THAT(error_of(resume_run(run, *run_config(run), kSilent)),
              HasSubstr(run.string() + ": cannot resume: the data changed (hash "));
}

TEST(ResumeRun, RefusesAChangedTokenizer) {
  const TemporaryFolder folder;
  succeed(start_run(tiny_run(folder), kSilent));
  const Path run = folder / "run";
  const auto corpus = text::open_corpus(folder.write("other.txt", made_up_text(3, 900)));
  const auto tokenizer = text::train_tokenizer(*corpus, {.vocabulary_size = 310});
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  ASSERT_TRUE(tokenizer->save(run / "tokenizer.model").has_value());
  EXPECT_THAT(error_of(resume_run(run, *run_config(run), kSilent)), HasSubstr("made with another tokenizer (hash "));
}

TEST(ResumeRun, RefusesAFolderWithoutARun) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_config(folder.path()).error().message,
            folder.path().string() + ": not a run folder: it has no run.toml");
}

TEST(StartRun, RefusesAFolderThatHoldsARun) {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_run(folder);
  succeed(start_run(config, kSilent));
  EXPECT_EQ(error_of(start_run(config, kSilent)),
            config.out + ": holds a run already; resume it with --resume " + config.out + ", or choose another --out");
}

TEST(StartRun, StopsWhenTheLossIsNoNumberAndKeepsTheLastCheckpoint) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.learning_rate = 1000;  // weights of 1e3 after an update, and logits beyond the range of floats soon after
  config.min_learning_rate_ratio = 1;
  config.weight_decay = 1000;  // each update multiplies the weights by -1e6
  config.checkpoint_every = 1;
  config.validation_every = 0;
  config.validation_batches = 1;
  const auto summary = start_run(config, kSilent);
  ASSERT_FALSE(summary.has_value());
  EXPECT_EQ(summary.error().kind, ErrorKind::numeric);
  EXPECT_THAT(summary.error().message,
              ::testing::MatchesRegex("update [0-9]+: the .* is (NaN|infinite).*; stopped, the "
                                      "last good checkpoint is .*update-[0-9]+"));
  const auto search = find_latest_checkpoint(folder / "run");
  ASSERT_TRUE(search->found.has_value());
  EXPECT_THAT(summary.error().message, HasSubstr(search->found->path.string()));
}

TEST(StartRun, RefusesTextShorterThanASequence) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.sequence = 512;
  config.model = "stories260k";
  config.data = {folder.write("short.txt", made_up_text(1, 10)).string()};
  EXPECT_THAT(error_of(start_run(config, kSilent)),
              ::testing::MatchesRegex(".*short.txt: text shorter than one sequence: [0-9]+ tokens, need at least 513; "
                                      "use a longer text or a smaller sequence"));
}

TEST(StartRun, CanBeginAgainAfterAMistake) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.data = {(folder / "absent.txt").string()};
  EXPECT_FALSE(start_run(config, kSilent).has_value());
  succeed(start_run(tiny_run(folder), kSilent));
}

TEST(StartRun, NamesADeviceThatIsNotThere) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.device = "gpu";
  EXPECT_EQ(error_of(start_run(config, kSilent)), "unknown device \"gpu\"; expected cpu or emulated");
}

TEST(StartRun, TakesValidationTextOfItsOwnAndSpareRows) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  const auto corpus = text::open_corpus(Path(config.data[0]));
  const auto tokenizer = text::train_tokenizer(*corpus, {.vocabulary_size = 300});
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  ASSERT_TRUE(tokenizer->save(folder / "t.model").has_value());
  config.vocabulary = 320;
  config.tokenizer = (folder / "t.model").string();
  config.validation_data = {folder.write("kept.txt", made_up_text(9, 100)).string()};
  const RunSummary summary = succeed(start_run(config, kSilent));
  EXPECT_THAT(summary.notes,
              ElementsAre("the tokenizer has 300 tokens, the model 320: 20 rows of the embedding stay unused"));
  EXPECT_TRUE(std::isfinite(summary.validation_loss));
}

TEST(StartRun, TrainsWithoutValidationWhereNoTextIsKept) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.validation_fraction = 0;
  const RunSummary summary = succeed(start_run(config, kSilent));
  EXPECT_THAT(summary.notes, ElementsAre("no validation: 0 tokens are kept for it, one sequence needs 17"));
  EXPECT_TRUE(std::isnan(summary.validation_loss));
}

TEST(StartRun, ChoosesUpdatesForATimeLimitAndRecordsThem) {
  const TemporaryFolder folder;
  TrainConfig config = tiny_run(folder);
  config.steps = 0;
  config.time_limit = 0.01;  // 0.6 s
  config.validation_every = config.checkpoint_every = 0;
  const RunSummary summary = succeed(start_run(config, kSilent));
  EXPECT_EQ(run_config(folder / "run")->steps, summary.planned_updates);
  EXPECT_EQ(summary.updates, summary.planned_updates);

  // With the chosen number given, the same run again, bit for bit.
  const TemporaryFolder other;
  TrainConfig fixed = tiny_run(other);
  fixed.steps = summary.planned_updates;
  fixed.validation_every = fixed.checkpoint_every = 0;
  expect_same_checkpoint(succeed(start_run(fixed, kSilent)).checkpoint, summary.checkpoint);
}

TEST(UpdatesWithin, CountsValidationsAndCheckpoints) {
  TrainConfig config;
  config.validation_every = 10;
  config.checkpoint_every = 0;
  EXPECT_EQ(updates_within(100, {.seconds_per_update = 1}, config), 100);
  EXPECT_EQ(updates_within(100, {.seconds_per_update = 1, .seconds_per_validation = 10}, config), 45);  // 90 / 2
  config.checkpoint_every = 20;
  // (100 - 10 - 20) / (1 + 10/10 + (10 + 20)/20)
  EXPECT_EQ(updates_within(100, {.seconds_per_update = 1, .seconds_per_validation = 10, .seconds_per_checkpoint = 20},
                           config),
            20);
  EXPECT_EQ(updates_within(1, {.seconds_per_update = 5, .seconds_per_validation = 1}, config), 1);
}

TEST(RunLock, KeepsASecondProcessOut) {
  const TemporaryFolder folder;
  const TrainConfig config = tiny_run(folder);
  succeed(start_run(config, kSilent));
  const auto lock = RunLock::acquire(folder / "run");
  ASSERT_TRUE(lock.has_value());
  EXPECT_EQ(error_of(resume_run(folder / "run", *run_config(folder / "run"), kSilent)),
            (folder / "run").string() + ": another process trains in this run; wait until it ends, or stop it");
}

}  // namespace
}  // namespace millwright::train
