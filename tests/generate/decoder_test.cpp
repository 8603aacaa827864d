#include "generate/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/temporary_folder.h"
#include "device/open_device.h"
#include "generate/model_folder.h"
#include "mil/interpreter/interpreter.h"
#include "model/llama.h"

namespace millwright::generate {
namespace {

constexpr int64_t kVocabulary = 23;
// Longer than two chunks of a prompt, and no multiple of one.
constexpr int64_t kSequence = 2 * kPromptChunk + 11;

// Logits are of order 1 and come from sums of at most 75 products in fp32.
constexpr double kTolerance = 2e-5;

// The logits behind the last of `tokens`: one forward pass over all of them, without a cache, by the reference
// interpreter in fp64.
std::vector<double> full_forward(const ModelWeights& weights, const std::vector<int32_t>& tokens) {
  const auto length = static_cast<int64_t>(tokens.size());
  auto logits = model::build_logits(weights.config, {.batch = 1, .sequence = length});
  if (!logits) throw std::runtime_error(logits.error().message);
  std::vector<mil::TensorValue> inputs;
  const auto& declared = logits->function->inputs();
  inputs.push_back({declared[0]->type(), {tokens.begin(), tokens.end()}});
  for (size_t i = 0; i < weights.values.size(); ++i) {
    inputs.push_back({declared[i + 1]->type(), {weights.values[i].begin(), weights.values[i].end()}});
  }
  const auto results = mil::interpret(*logits->function, inputs, mil::Precision::fp64);
  if (!results) throw std::runtime_error(results.error().message);
  std::vector<double> last;  // [1, V, S]
  for (int64_t row = 0; row < kVocabulary; ++row) {
    last.push_back(results->front().numbers[static_cast<size_t>((row + 1) * length - 1)]);
  }
  return last;
}

std::vector<int32_t> random_tokens(int64_t count, uint64_t seed) {
  RandomStream random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(random.below(kVocabulary)));
  return tokens;
}

class DecoderTest : public testing::Test {
 protected:
  void SetUp() override { weights_.save(folder_.path()); }

  std::unique_ptr<Decoder> open(int64_t capacity) {
    auto decoder = Decoder::open(folder_.path(), weights_.config, capacity, *device_);
    EXPECT_TRUE(decoder) << decoder.error().message;
    return std::move(*decoder);
  }
  void expect_logits(const Decoder& decoder, const std::vector<int32_t>& tokens) {
    const std::vector<double> expected = full_forward(weights_, tokens);
    ASSERT_EQ(decoder.logits().size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(decoder.logits()[i], expected[i], kTolerance) << "token " << i << " after " << tokens.size();
    }
  }

  TemporaryFolder folder_;
  ModelWeights weights_ = random_weights(tiny_config(kVocabulary, kSequence), 21);
  std::unique_ptr<device::Device> device_ = std::move(*device::open_device("cpu"));
};

TEST_F(DecoderTest, GivesTheLogitsOfAFullForwardAfterEveryToken) {
  const std::vector<int32_t> tokens = random_tokens(12, 1);
  const auto decoder = open(kSequence);
  for (size_t i = 0; i < tokens.size(); ++i) {
    ASSERT_TRUE(decoder->feed({&tokens[i], 1}));
    expect_logits(*decoder, {tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(i) + 1});
  }
}

TEST_F(DecoderTest, ReadsPromptsOfEveryLengthInChunks) {
  for (const int64_t length : {int64_t{1}, int64_t{2}, kPromptChunk - 1, kPromptChunk, kPromptChunk + 1,
                               2 * kPromptChunk, 2 * kPromptChunk + 3, kSequence}) {
    const std::vector<int32_t> tokens = random_tokens(length, 2);
    const auto decoder = open(kSequence);
    ASSERT_TRUE(decoder->feed(tokens));
    EXPECT_EQ(decoder->position(), length);
    expect_logits(*decoder, tokens);
  }
}

TEST_F(DecoderTest, GoesOnBehindAChunkThatWasNotFull) {
  std::vector<int32_t> tokens = random_tokens(5, 3);
  const auto decoder = open(kSequence);
  ASSERT_TRUE(decoder->feed(tokens));
  for (const int32_t token : random_tokens(4, 4)) {
    tokens.push_back(token);
    ASSERT_TRUE(decoder->feed({&token, 1}));
    expect_logits(*decoder, tokens);
  }
  const std::vector<int32_t> more = random_tokens(kPromptChunk + 2, 5);
  tokens.insert(tokens.end(), more.begin(), more.end());
  ASSERT_TRUE(decoder->feed(more));
  expect_logits(*decoder, tokens);
}

TEST_F(DecoderTest, FillsACacheSmallerThanTheModelsSequenceToTheLastPosition) {
  for (const int64_t capacity : {int64_t{1}, int64_t{7}, kPromptChunk + 5}) {
    const std::vector<int32_t> tokens = random_tokens(capacity, 6);
    const auto decoder = open(capacity);
    ASSERT_TRUE(decoder->feed(tokens));
    EXPECT_EQ(decoder->position(), decoder->capacity());
    expect_logits(*decoder, tokens);
  }
}

TEST_F(DecoderTest, ChoosesTheSameTokensGreedilyAsAFullForward) {
  std::vector<int32_t> tokens = random_tokens(3, 7);
  const auto decoder = open(kSequence);
  ASSERT_TRUE(decoder->feed(tokens));
  while (tokens.size() < 30) {
    const std::vector<double> expected = full_forward(weights_, tokens);
    const auto logits = decoder->logits();
    const auto chosen = static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
    ASSERT_EQ(chosen, std::ranges::max_element(expected) - expected.begin()) << "after " << tokens.size() << " tokens";
    tokens.push_back(chosen);
    ASSERT_TRUE(decoder->feed({&chosen, 1}));
  }
}

TEST_F(DecoderTest, RefusesAFolderWithoutWeights) {
  const TemporaryFolder empty;
  const auto decoder = Decoder::open(empty.path(), weights_.config, kSequence, *device_);
  ASSERT_FALSE(decoder);
  EXPECT_EQ(decoder.error().kind, ErrorKind::io);
}

}  // namespace
}  // namespace millwright::generate
