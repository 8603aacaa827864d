#include "train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "base/temporary_folder.h"

namespace millwright::train {
namespace {

UpdateMetrics update_metrics(int64_t update) {
  return {.update = update,
          .loss = 5.0 / static_cast<double>(update),
          .learning_rate = 0.001,
          .gradient_norm = 0.75,
          .tokens = 64 * update,
          .seconds = 0.25,
          .tokens_per_second = 256};
}

const std::string kUpdate1 =
    "{\"update\":1,\"loss\":5,\"learning_rate\":0.001,\"gradient_norm\":0.75,\"tokens\":64,\"seconds\":0.250000,"
    "\"tokens_per_second\":256.0}\n";
const std::string kUpdate2 =
    "{\"update\":2,\"loss\":2.5,\"learning_rate\":0.001,\"gradient_norm\":0.75,\"tokens\":128,\"seconds\":0.250000,"
    "\"tokens_per_second\":256.0}\n";
const std::string kValidation2 = "{\"update\":2,\"validation_loss\":0,\"perplexity\":1}\n";

TEST(Metrics, AreOneJsonObjectPerLine) {
  const TemporaryFolder folder;
  auto writer = MetricsWriter::open(folder / "metrics.jsonl", 0);
  ASSERT_TRUE(writer.has_value()) << writer.error().message;
  ASSERT_TRUE(writer->append(update_metrics(1)).has_value());
  ASSERT_TRUE(writer->append(update_metrics(2)).has_value());
  ASSERT_TRUE(writer->append(ValidationMetrics{.update = 2, .loss = 0}).has_value());
  ASSERT_TRUE(writer->sync().has_value());
  EXPECT_EQ(read_whole_file(folder / "metrics.jsonl"), kUpdate1 + kUpdate2 + kValidation2);
}

TEST(Metrics, DropWhatComesAfterTheUpdateThatIsResumed) {
  const TemporaryFolder folder;
  {
    auto writer = MetricsWriter::open(folder / "metrics.jsonl", 0);
    for (int64_t update = 1; update <= 5; ++update) {
      ASSERT_TRUE(writer->append(update_metrics(update)).has_value());
      if (update % 2 != 0) continue;
      ASSERT_TRUE(writer->append(ValidationMetrics{.update = update, .loss = 0}).has_value());
    }
  }
  auto writer = MetricsWriter::open(folder / "metrics.jsonl", 2);
  ASSERT_TRUE(writer.has_value());
  EXPECT_EQ(writer->history().updates.size(), 2u);
  EXPECT_EQ(writer->history().validations.size(), 1u);
  EXPECT_EQ(read_whole_file(folder / "metrics.jsonl"), kUpdate1 + kUpdate2 + kValidation2);
  ASSERT_TRUE(writer->append(update_metrics(3)).has_value());
  const auto history = read_metrics(folder / "metrics.jsonl", 100);
  ASSERT_EQ(history->updates.size(), 3u);
  EXPECT_EQ(history->updates[2].tokens, 192);
}

TEST(Metrics, PassOverALineThatAKilledProcessTore) {
  const TemporaryFolder folder;
  const Path path = folder.write("metrics.jsonl", kUpdate1 + kUpdate2.substr(0, 40));
  const auto history = read_metrics(path, 100);
  ASSERT_TRUE(history.has_value());
  EXPECT_EQ(history->updates.size(), 1u);
  ASSERT_TRUE(MetricsWriter::open(path, 1).has_value());
  EXPECT_EQ(read_whole_file(path), kUpdate1);
}

TEST(Metrics, BeginAnewWithANewRun) {
  const TemporaryFolder folder;
  const Path path = folder.write("metrics.jsonl", kUpdate1);
  ASSERT_TRUE(MetricsWriter::open(path, 0).has_value());
  EXPECT_EQ(read_whole_file(path), "");
}

TEST(Metrics, PerplexityIsTheExponentialOfTheLoss) {
  EXPECT_DOUBLE_EQ((ValidationMetrics{.update = 1, .loss = 1}).perplexity(), std::exp(1.0));
}

}  // namespace
}  // namespace millwright::train
