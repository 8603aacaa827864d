#include "train/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "text/corpus.h"
#include "text/tokenize_corpus.h"
#include "text/tokenizer.h"
#include "train/checkpoint.h"
#include "train/tiny_run.h"
#include "train/trainer.h"

namespace millwright::train {
namespace {

using ::testing::HasSubstr;

class EvaluateRun : public ::testing::Test {
 protected:
  EvaluateRun() {
    TrainConfig config = tiny_run(folder_);
    config.validation_batches = 0;  // all of it
    const auto summary = start_run(config, {.output = nullptr});
    EXPECT_TRUE(summary.has_value()) << summary.error().message;
    summary_ = *summary;
  }
  static Evaluation succeed(const EvaluateOptions& options) {
    const auto evaluation = evaluate(options);
    EXPECT_TRUE(evaluation.has_value()) << evaluation.error().message;
    return evaluation.value_or(Evaluation());
  }
  static std::string error_of(const EvaluateOptions& options) {
    const auto evaluation = evaluate(options);
    return evaluation ? "no error" : evaluation.error().message;
  }

  TemporaryFolder folder_;
  RunSummary summary_;
};

TEST_F(EvaluateRun, FindsTheLossThatTheRunReported) {
  const Evaluation evaluation = succeed({.model = folder_ / "run", .batch = 2});
  EXPECT_EQ(evaluation.loss, summary_.validation_loss);
  EXPECT_DOUBLE_EQ(evaluation.perplexity, std::exp(evaluation.loss));
  EXPECT_EQ(evaluation.model, summary_.checkpoint);
  EXPECT_EQ(evaluation.tokens % (2 * 16), 0);
}

TEST_F(EvaluateRun, TakesACheckpointAndTextOrShards) {
  const auto text = folder_.write("other.txt", made_up_text(8, 200));
  const EvaluateOptions on_text{.model = summary_.checkpoint, .data = {text.string()}, .batch = 4, .sequence = 16};
  const Evaluation from_text = succeed(on_text);

  const auto tokenizer = text::Tokenizer::load(summary_.checkpoint / "tokenizer.model");
  const auto corpus = text::open_corpus(text);
  ASSERT_TRUE(text::tokenize_corpus(*corpus, *tokenizer, folder_ / "shards", {.validation_fraction = 0.0}).has_value());
  EvaluateOptions on_shards = on_text;
  on_shards.data = {(folder_ / "shards").string()};
  const Evaluation from_shards = succeed(on_shards);
  EXPECT_EQ(from_text.loss, from_shards.loss);
  EXPECT_EQ(from_text.tokens, from_shards.tokens);
  EXPECT_LT(from_text.loss, std::log(300.0));
}

TEST_F(EvaluateRun, NamesWhatIsWrong) {
  const Path model = summary_.checkpoint;
  const auto text = folder_.write("short.txt", "Too short.").string();
  EXPECT_THAT(error_of({.model = model, .data = {text}, .sequence = 400}),
              ::testing::MatchesRegex(".*short.txt: validation text shorter than one sequence: [0-9]+ tokens, need at "
                                      "least 401.*"));
  EXPECT_EQ(error_of({.model = model, .data = {text}, .sequence = 1000}),
            "sequence: 1000 tokens are longer than the model's 512; use at most 512");
  EXPECT_EQ(error_of({.model = folder_ / "absent", .data = {text}}),
            "cannot open " + (folder_ / "absent").string() + ": No such file or directory; check the path");
  const Path elsewhere = folder_ / "elsewhere";
  std::filesystem::copy(model, elsewhere);
  EXPECT_EQ(
      error_of({.model = elsewhere}),
      elsewhere.string() + ": not inside a run, so it has no validation text of its own; pass the text with --data");
  std::filesystem::remove(elsewhere / "tokenizer.model");
  EXPECT_THAT(error_of({.model = elsewhere, .data = {text}}), HasSubstr("tokenizer.model"));
}

}  // namespace
}  // namespace millwright::train
