// Entropy against values by hand, and which words count as known.
#include "text/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/temporary_folder.h"

namespace millwright::text {
namespace {

TokenStream stream_of(const std::vector<int32_t>& tokens) {
  const TemporaryFolder folder;
  auto writer = ShardWriter::create(folder / "s", {100, std::string(32, '0'), std::string(32, '0')});
  EXPECT_TRUE(writer->append(tokens).has_value() && writer->finish().has_value());
  std::vector<Shard> shards;
  shards.push_back(*Shard::open(folder / "s"));
  return TokenStream(std::move(shards));
}

TEST(UnigramEntropy, IsThatOfTheFrequencies) {
  EXPECT_DOUBLE_EQ(unigram_entropy(stream_of({5, 5, 5}), 100), 0);
  EXPECT_DOUBLE_EQ(unigram_entropy(stream_of({1, 2, 3, 4}), 100), std::log(4));
  // Half of one kind, a quarter each of two others: 1.5 bits.
  EXPECT_DOUBLE_EQ(unigram_entropy(stream_of({1, 1, 2, 3}), 100), 1.5 * std::log(2));
  EXPECT_EQ(unigram_entropy(TokenStream(), 100), 0);
}

TEST(UnigramEntropy, CountsLongStreamsWhole) {
  std::vector<int32_t> tokens(200001);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(i % 2);
  EXPECT_NEAR(unigram_entropy(stream_of(tokens), 100), std::log(2), 1e-9);
}

TEST(WordSet, ComparesWithoutCaseAndKeepsApostrophes) {
  WordSet words;
  words.add_words("The caf\xC3\xA9, don\xE2\x80\x99t 'quote' \xC3\x89tude");
  EXPECT_EQ(words.size(), 5u);
  EXPECT_TRUE(words.contains("the"));
  EXPECT_TRUE(words.contains("CAF\xC3\x89"));
  EXPECT_TRUE(words.contains("don't"));
  EXPECT_TRUE(words.contains("quote"));
  EXPECT_TRUE(words.contains("\xC3\xA9tude"));
  EXPECT_FALSE(words.contains("don"));
  EXPECT_FALSE(words.contains("dont"));
}

TEST(WordSet, GivesTheShareOfKnownWords) {
  WordSet words;
  words.add_words("the cat sat");
  EXPECT_DOUBLE_EQ(words.known_fraction("The cat; the dog 12!"), 0.75);
  EXPECT_DOUBLE_EQ(words.known_fraction("12 -- !"), 0);
  EXPECT_DOUBLE_EQ(words.known_fraction("cat\xff"
                                        "cat"),
                   1);  // a byte that is no text ends a word
}

TEST(KnownWordFraction, ReadsTheWholeCorpus) {
  const TemporaryFolder folder;
  folder.write("a.txt", "one two");
  folder.write("b.txt", "three");
  const auto corpus = open_corpus(folder.path());
  EXPECT_DOUBLE_EQ(*known_word_fraction("one three four five", *corpus), 0.5);
}

}  // namespace
}  // namespace millwright::text
