#include "generate/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "base/signals.h"
#include "base/temporary_folder.h"
#include "device/open_device.h"
#include "generate/model_folder.h"
#include "text/train_tokenizer.h"
#include "text/utf8.h"

namespace millwright::generate {
namespace {

constexpr int64_t kSequence = 24;
constexpr int64_t kSpareRows = 5;  // of the model, without a token

// Trained once: the tests only read it.
const text::Tokenizer& tokenizer() {
  static const std::optional<text::Tokenizer> tokenizer = [] {
    const TemporaryFolder folder;
    std::string text;
    for (int i = 0; i < 200; ++i) text += "the sea and the ship and the whale were seen by the men of the ship\n";
    const auto corpus = text::open_corpus(folder.write("text.txt", text));
    auto trained = text::train_tokenizer(*corpus, {.vocabulary_size = 300});
    EXPECT_TRUE(trained) << trained.error().message;
    return std::optional<text::Tokenizer>(std::move(*trained));
  }();
  return *tokenizer;
}

int32_t token_of(const std::string& piece) {
  for (int id = 0; id < tokenizer().vocabulary_size(); ++id) {
    if (tokenizer().piece(id) == piece) return id;
  }
  ADD_FAILURE() << "no piece " << piece;
  return 0;
}

model::LlamaConfig config() { return tiny_config(tokenizer().vocabulary_size() + kSpareRows, kSequence); }

class GenerateTest : public testing::Test {
 protected:
  // The pieces given to on_text are kept in pieces_; after `stop_after` of them it asks to stop.
  Result<Generation> run(const ModelWeights& weights, GenerateOptions options, size_t stop_after = 1000) {
    weights.save(folder_.path());
    options.model = folder_.path();
    pieces_.clear();
    return generate(options, tokenizer(), *device_, [&](std::string_view piece) {
      pieces_.emplace_back(piece);
      return pieces_.size() < stop_after;
    });
  }
  std::string joined() const {
    std::string text;
    for (const std::string& piece : pieces_) text += piece;
    return text;
  }

  const TemporaryFolder folder_;
  std::unique_ptr<device::Device> device_ = std::move(*device::open_device("cpu"));
  std::vector<std::string> pieces_;
};

constexpr SamplingSettings kGreedy{.temperature = 0};

TEST_F(GenerateTest, GivesTheSameTextInPiecesAndAsAWhole) {
  const auto generation = run(random_weights(config(), 1), {.prompt = "the", .tokens = 15, .sampling = {.seed = 4}});
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_GT(generation->tokens.size(), 1u);
  EXPECT_EQ(joined(), generation->text);
  std::vector<int32_t> all = {tokenizer().bos()};
  const auto prompt = tokenizer().encode("the");
  all.insert(all.end(), prompt.begin(), prompt.end());
  EXPECT_EQ(generation->prompt_tokens, static_cast<int64_t>(all.size()));
  all.insert(all.end(), generation->tokens.begin(), generation->tokens.end());
  EXPECT_EQ("the" + generation->text, tokenizer().decode(all));
}

TEST_F(GenerateTest, NeverCutsAPieceInsideACharacter) {
  const GenerateOptions options{.prompt = "", .tokens = 20, .sampling = {.temperature = 5, .top_p = 1, .seed = 2}};
  const auto generation = run(random_weights(config(), 2), options);
  ASSERT_TRUE(generation) << generation.error().message;
  for (const std::string& piece : pieces_) {
    EXPECT_EQ(text::find_invalid_utf8(piece), std::string::npos) << "\"" << piece << "\"";
  }
}

TEST_F(GenerateTest, TellsAnUnfinishedCharacterAtTheEnd) {
  const auto generation = run(constant_weights(config(), token_of("<0xC3>")), {.tokens = 1, .sampling = kGreedy});
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->text, "\xEF\xBF\xBD");
  EXPECT_EQ(joined(), generation->text);
}

TEST_F(GenerateTest, GivesTheSameTextForTheSameSeed) {
  const ModelWeights weights = random_weights(config(), 3);
  const auto text = [&](uint64_t seed) {
    return run(weights, {.prompt = "the ship", .tokens = 15, .sampling = {.temperature = 1, .seed = seed}})->tokens;
  };
  EXPECT_EQ(text(1), text(1));
  EXPECT_NE(text(1), text(2));
}

TEST_F(GenerateTest, StopsAtTheEndOfText) {
  for (const int32_t mark : {tokenizer().eos(), tokenizer().bos()}) {
    const auto generation = run(constant_weights(config(), mark), {.prompt = "the", .sampling = kGreedy});
    ASSERT_TRUE(generation) << generation.error().message;
    EXPECT_EQ(generation->stop, StopReason::end_of_text);
    EXPECT_TRUE(generation->tokens.empty());
    EXPECT_EQ(generation->text, "");
  }
}

TEST_F(GenerateTest, StopsAfterAsManyTokensAsAskedFor) {
  const int32_t ship = token_of("\xE2\x96\x81ship");
  const auto generation = run(constant_weights(config(), ship), {.prompt = "the", .tokens = 3, .sampling = kGreedy});
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->stop, StopReason::token_limit);
  EXPECT_EQ(generation->text, " ship ship ship");
}

TEST_F(GenerateTest, StopsWhenTheModelsSequenceIsFull) {
  const int32_t ship = token_of("\xE2\x96\x81ship");
  const auto generation = run(constant_weights(config(), ship), {.prompt = "the", .tokens = 999, .sampling = kGreedy});
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->stop, StopReason::context_full);
  // The last token needs no position: nothing follows it.
  EXPECT_EQ(generation->prompt_tokens + static_cast<int64_t>(generation->tokens.size()), kSequence + 1);
}

TEST_F(GenerateTest, AcceptsAPromptAsLongAsTheModelsSequence) {
  std::string prompt = "the";
  while (static_cast<int64_t>(tokenizer().encode(prompt + " ship").size()) < kSequence) prompt += " ship";
  const auto generation = run(constant_weights(config(), token_of("\xE2\x96\x81ship")), {.prompt = prompt});
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_LE(generation->prompt_tokens, kSequence);
}

TEST_F(GenerateTest, RefusesAPromptLongerThanTheModelsSequence) {
  std::string prompt = "the";
  while (static_cast<int64_t>(tokenizer().encode(prompt).size()) < kSequence) prompt += " ship";
  const auto generation = run(random_weights(config(), 1), {.prompt = prompt});
  ASSERT_FALSE(generation);
  EXPECT_EQ(generation.error().message,
            fmt::format("the prompt has {} tokens, but the model takes at most {}; shorten the prompt",
                        tokenizer().encode(prompt).size() + 1, kSequence));
}

TEST_F(GenerateTest, RefusesAPromptThatIsNotUtf8) {
  const auto generation = run(random_weights(config(), 1), {.prompt = "ab\xFFz"});
  ASSERT_FALSE(generation);
  EXPECT_EQ(generation.error().message, "the prompt is not UTF-8 text: byte 2 is 0xff");
}

TEST_F(GenerateTest, RefusesATokenizerWithMoreTokensThanTheModel) {
  model::LlamaConfig small = config();
  small.vocabulary_size = 100;
  const auto generation = run(random_weights(small, 1), {.prompt = "the"});
  ASSERT_FALSE(generation);
  EXPECT_EQ(
      generation.error().message,
      fmt::format("{}: the model knows 100 tokens, but the tokenizer has {}; use the tokenizer it was trained with",
                  folder_.path().string(), tokenizer().vocabulary_size()));
}

TEST_F(GenerateTest, NeverTakesARowWithoutAToken) {
  const int32_t spare = tokenizer().vocabulary_size() + 2;
  const GenerateOptions options{.tokens = 20, .sampling = {.temperature = 1, .top_p = 1, .seed = 9}};
  for (const SamplingSettings& sampling : {kGreedy, options.sampling}) {
    GenerateOptions changed = options;
    changed.sampling = sampling;
    const auto generation = run(constant_weights(config(), spare), changed);
    ASSERT_TRUE(generation) << generation.error().message;
    for (const int32_t token : generation->tokens) EXPECT_LT(token, tokenizer().vocabulary_size());
  }
}

TEST_F(GenerateTest, StopsWhenTheReaderHasGone) {
  const int32_t ship = token_of("\xE2\x96\x81ship");
  const auto generation = run(constant_weights(config(), ship), {.prompt = "the", .sampling = kGreedy}, 2);
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->stop, StopReason::reader_gone);
  EXPECT_EQ(pieces_, (std::vector<std::string>{" ship", " ship"}));
}

TEST_F(GenerateTest, StopsOnASignalWithTheTextSoFar) {
  const int32_t ship = token_of("\xE2\x96\x81ship");
  constant_weights(config(), ship).save(folder_.path());
  install_interrupt_handler();
  const GenerateOptions options{.model = folder_.path(), .prompt = "the", .sampling = kGreedy};
  const auto generation = generate(options, tokenizer(), *device_, [&](std::string_view) {
    std::raise(SIGTERM);
    return true;
  });
  clear_interrupt();
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->stop, StopReason::interrupted);
  EXPECT_EQ(generation->text, " ship");
}

}  // namespace
}  // namespace millwright::generate
