// Training: sizes, determinism, what is refused.
#include "text/train_tokenizer.h"

#include <gtest/gtest.h>

#include "text/test_tokenizer.h"

namespace millwright::text {
namespace {

TEST(TrainTokenizer, MakesTheStandardLayout) {
  const Tokenizer& tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.vocabulary_size(), 400);
  EXPECT_EQ(tokenizer.unknown(), 0);
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  for (int byte = 0; byte < 256; ++byte) EXPECT_EQ(tokenizer.byte_value(3 + byte), byte);
  EXPECT_TRUE(tokenizer.lines_are_independent());
}

TEST(TrainTokenizer, GivesFrequentWordsAPieceOfTheirOwn) {
  EXPECT_EQ(small_tokenizer().encode("the little captain").size(), 3u);
}

TEST(TrainTokenizer, KeepsDigitsApart) {
  const Tokenizer& tokenizer = small_tokenizer();
  for (int id = 259; id < tokenizer.vocabulary_size(); ++id) {
    size_t digits = 0;
    for (const char c : tokenizer.piece(id)) digits += c >= '0' && c <= '9' ? 1 : 0;
    EXPECT_LE(digits, 1u) << tokenizer.piece(id);
  }
}

TEST(TrainTokenizer, IsAPureFunctionOfTheCorpus) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("a.txt", sample_lines(1, 400)));
  const auto again = train_tokenizer(*corpus, {.vocabulary_size = 400});
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->hash(), small_tokenizer().hash());
}

TEST(TrainTokenizer, LearnsFromASampleOfALongCorpus) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("a.txt", sample_lines(2, 2000)));
  const auto first = train_tokenizer(*corpus, {.vocabulary_size = 350, .sampling_limit = 20000});
  const auto second = train_tokenizer(*corpus, {.vocabulary_size = 350, .sampling_limit = 20000});
  const auto all = train_tokenizer(*corpus, {.vocabulary_size = 350});
  ASSERT_TRUE(first.has_value() && second.has_value() && all.has_value());
  EXPECT_EQ(first->hash(), second->hash());
  EXPECT_NE(first->hash(), all->hash());
}

TEST(TrainTokenizer, GivesFewerPiecesForATinyCorpusAndLongLines) {
  const TemporaryFolder folder;
  const auto tiny = open_corpus(folder.write("tiny.txt", "hi hi"));
  const auto tokenizer = train_tokenizer(*tiny, {.vocabulary_size = 1000});
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_LT(tokenizer->vocabulary_size(), 300);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("hello \xE2\x82\xAC")), "hello \xE2\x82\xAC");

  std::string one_line = sample_lines(3, 500);
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  const auto long_line = open_corpus(folder.write("line.txt", one_line));
  const auto from_line = train_tokenizer(*long_line, {.vocabulary_size = 350});
  ASSERT_TRUE(from_line.has_value()) << from_line.error().message;
  EXPECT_EQ(from_line->vocabulary_size(), 350);
}

TEST(TrainTokenizer, RefusesImpossibleOptions) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("a.txt", "text"));
  EXPECT_EQ(train_tokenizer(*corpus, {.vocabulary_size = 299}).error().message,
            "vocabulary size: expected 300 to 262144, found 299");
  EXPECT_EQ(train_tokenizer(*corpus, {.vocabulary_size = 400, .character_coverage = 1.5}).error().message,
            "character coverage: expected more than 0 and at most 1, found 1.5");
}

TEST(TrainTokenizer, SaysWhenTheAlphabetDoesNotFit) {
  const TemporaryFolder folder;
  std::string many;
  for (uint32_t code = 0x4e00; code < 0x5200; ++code) append_utf8(many, code);
  const auto corpus = open_corpus(folder.write("a.txt", many));
  const auto result = train_tokenizer(*corpus, {.vocabulary_size = 300, .character_coverage = 1.0});
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().message.starts_with("cannot train a tokenizer with 300 pieces from 3072 bytes of text: "))
      << result.error().message;
  EXPECT_EQ(result.error().message.find('\n'), std::string::npos);
}

TEST(SuggestedVocabularySize, IsThePowerOfTwoNearTwoThousandBytesPerPiece) {
  EXPECT_EQ(suggested_vocabulary_size(0), 1024);
  EXPECT_EQ(suggested_vocabulary_size(1'200'000), 1024);
  EXPECT_EQ(suggested_vocabulary_size(4'025'000), 2048);
  EXPECT_EQ(suggested_vocabulary_size(16'000'000), 8192);
  EXPECT_EQ(suggested_vocabulary_size(10'000'000'000), 32768);
}

}  // namespace
}  // namespace millwright::text
