// From text to shards: what the streams hold, the split, thread counts, and reuse. Oracle: encoding each document
// whole.
#include "text/tokenize_corpus.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

#include "base/parallel.h"
#include "base/signals.h"
#include "source_dir.h"
#include "text/test_tokenizer.h"

namespace millwright::text {
namespace {

std::vector<int32_t> all_of(const TokenStream& stream) {
  std::vector<int32_t> tokens(stream.size());
  stream.copy(0, tokens.size(), tokens);
  return tokens;
}

std::vector<int32_t> with_delimiters(const std::vector<std::string>& documents, const Tokenizer& tokenizer) {
  std::vector<int32_t> all;
  for (const std::string& document : documents) {
    const std::vector<int32_t> ids = tokenizer.encode(document);
    if (tokenizer.bos() >= 0) all.push_back(tokenizer.bos());
    all.insert(all.end(), ids.begin(), ids.end());
    if (tokenizer.bos() < 0) all.push_back(tokenizer.eos());
  }
  return all;
}

std::string joined_documents(const std::vector<std::string>& documents) {
  std::string text;
  for (const std::string& document : documents) text += document + "\n<|endoftext|>\n";
  return text;
}

std::string trimmed(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

TEST(TokenizeCorpus, WritesBosAndTokensOfEveryDocument) {
  const TemporaryFolder folder;
  const std::vector<std::string> documents = {trimmed(sample_lines(1, 20)), "x", trimmed(sample_lines(2, 5))};
  const auto corpus = open_corpus(folder.write("text", joined_documents(documents)));
  const auto set = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0});
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(all_of(set->train()), with_delimiters(documents, small_tokenizer()));
  EXPECT_EQ(set->validation().size(), 0u);
  EXPECT_EQ(set->manifest().delimiter, small_tokenizer().bos());
  EXPECT_EQ(set->manifest().documents, 3u);
}

TEST(TokenizeCorpus, CutsLongDocumentsWithoutChangingTheirTokens) {
  const TemporaryFolder folder;
  const std::string text = trimmed(sample_lines(3, 12000));  // several chunks
  ASSERT_GT(text.size(), size_t{500000});
  const auto corpus = open_corpus(folder.write("text", text));
  const auto set = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0});
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(all_of(set->train()), with_delimiters({text}, small_tokenizer()));
}

TEST(TokenizeCorpus, SplitsTheEndOfEachOfFewDocuments) {
  const TemporaryFolder folder;
  const std::vector<std::string> documents = {trimmed(sample_lines(4, 100)), trimmed(sample_lines(5, 200))};
  const auto corpus = open_corpus(folder.write("text", joined_documents(documents)));
  const auto set = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0.1});
  ASSERT_TRUE(set.has_value());
  // Every document, cut at the line end after nine tenths of it.
  std::vector<std::string> heads;
  std::vector<std::string> tails;
  for (const std::string& document : documents) {
    const size_t cut = document.find('\n', static_cast<size_t>(static_cast<double>(document.size()) * 0.9)) + 1;
    heads.push_back(document.substr(0, cut));
    tails.push_back(document.substr(cut));
  }
  EXPECT_EQ(all_of(set->train()), with_delimiters(heads, small_tokenizer()));
  EXPECT_EQ(all_of(set->validation()), with_delimiters(tails, small_tokenizer()));
}

TEST(TokenizeCorpus, SplitsALongLineBetweenCharacters) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "\xE2\x82\xAC";
  const auto corpus = open_corpus(folder.write("text", text));
  const auto set = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0.5});
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(small_tokenizer().decode(all_of(set->train())), text.substr(0, 7500));
  EXPECT_EQ(small_tokenizer().decode(all_of(set->validation())), text.substr(7500));
}

TEST(TokenizeCorpus, GivesTheLastOfManyDocumentsToValidation) {
  const TemporaryFolder folder;
  std::vector<std::string> documents;
  for (uint64_t i = 0; i < 200; ++i) documents.push_back("document " + std::to_string(1000 + i));
  const auto corpus = open_corpus(folder.write("text", joined_documents(documents)));
  const auto set = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0.05});
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(all_of(set->train()), with_delimiters({documents.begin(), documents.begin() + 190}, small_tokenizer()));
  EXPECT_EQ(all_of(set->validation()), with_delimiters({documents.begin() + 190, documents.end()}, small_tokenizer()));
}

TEST(TokenizeCorpus, WritesTheSameFilesWithAnyNumberOfThreads) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("text", sample_lines(6, 8000)));
  const TokenizeOptions options{.validation_fraction = 0.1, .max_tokens_per_shard = 20000};
  const int before = thread_count();
  std::vector<std::vector<std::string>> contents;
  for (const int threads : {1, 4}) {
    set_thread_count(threads);
    const Path shards = folder / ("shards" + std::to_string(threads));
    const auto set = tokenize_corpus(*corpus, small_tokenizer(), shards, options);
    ASSERT_TRUE(set.has_value());
    EXPECT_GT(set->manifest().train_files.size(), 3u);
    auto& content = contents.emplace_back();
    for (const std::string& name : set->manifest().train_files) content.push_back(read_whole_file(shards / name));
    content.push_back(read_whole_file(shards / "shards.json"));
  }
  set_thread_count(before);
  EXPECT_EQ(contents[0], contents[1]);
}

TEST(TokenizeCorpus, UsesShardsAgainAndReplacesThoseOfOtherOptions) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("text", sample_lines(7, 100)));
  const auto first = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0.1});
  ASSERT_TRUE(first.has_value());
  const Path file = folder / "shards" / first->manifest().train_files[0];
  const auto written = std::filesystem::last_write_time(file) - std::chrono::hours(1);
  std::filesystem::last_write_time(file, written);
  ASSERT_TRUE(tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0.1}).has_value());
  EXPECT_EQ(std::filesystem::last_write_time(file), written) << "the shard was written again";

  const auto other = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards", {.validation_fraction = 0.2});
  ASSERT_TRUE(other.has_value());
  EXPECT_GT(other->validation().size(), first->validation().size());
  EXPECT_FALSE(std::filesystem::exists(file)) << "the shards of the old options are left";
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "shards")) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 3u);
}

TEST(TokenizeCorpus, MakesDamagedShardsAgain) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("text", sample_lines(8, 100)));
  const auto first = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards");
  ASSERT_TRUE(first.has_value());
  const std::vector<int32_t> tokens = all_of(first->train());
  folder.write("shards/" + first->manifest().train_files[0], "damaged");
  const auto again = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(all_of(again->train()), tokens);
}

TEST(TokenizeCorpus, EndsDocumentsWithEosWhereThereIsNoBos) {
  const TemporaryFolder folder;
  std::string model = bytes_of(small_tokenizer());
  // The piece <s> becomes an ordinary one: its kind (field 3, control = 3) is the byte after its tag.
  const size_t piece = model.find("<s>");
  const size_t kind = model.find(std::string("\x18\x03", 2), piece);
  ASSERT_LT(kind, piece + 20);
  model[kind + 1] = '\x01';
  const auto tokenizer = Tokenizer::from_bytes(as_bytes(model), "model");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  ASSERT_EQ(tokenizer->bos(), -1);
  const auto corpus = open_corpus(folder.write("text", "one\n<|endoftext|>\ntwo"));
  const auto set = tokenize_corpus(*corpus, *tokenizer, folder / "shards", {.validation_fraction = 0});
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(all_of(set->train()), with_delimiters({"one", "two"}, *tokenizer));
  EXPECT_EQ(all_of(set->train()).back(), 2);
  EXPECT_EQ(set->manifest().delimiter, 2);
}

TEST(TokenizeCorpus, StopsOnAnInterrupt) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("text", "some text"));
  install_interrupt_handler();
  std::raise(SIGINT);
  const auto set = tokenize_corpus(*corpus, small_tokenizer(), folder / "shards");
  clear_interrupt();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().kind, ErrorKind::interrupted);
  EXPECT_EQ(set.error().message, "interrupted while tokenizing");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "shards"));
}

TEST(TokenizeCorpus, RefusesImpossibleOptions) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("text", "text"));
  EXPECT_EQ(tokenize_corpus(*corpus, small_tokenizer(), folder / "s", {.validation_fraction = 0.6}).error().message,
            "validation fraction: expected 0 to 0.5, found 0.6");
  EXPECT_EQ(tokenize_corpus(*corpus, small_tokenizer(), folder / "s", {.max_tokens_per_shard = 0}).error().message,
            "tokens per shard: expected at least 1, found 0");
}

TEST(TokenizeCorpus, CountsTheTokensOfTinyStoriesLikeItsPublishers) {
  const Path data = Path(kSourceDirectory) / "../shared/data";
  if (!std::filesystem::exists(data / "tinystories-sample.txt")) {
    GTEST_SKIP() << "no TinyStories sample here: the published token count is NOT tested";
  }
  const TemporaryFolder folder;
  const auto tokenizer = Tokenizer::load(data / "llama2-tokenizer.model");
  const auto corpus = open_corpus(data / "tinystories-sample.txt");
  ASSERT_TRUE(tokenizer.has_value() && corpus.has_value());
  EXPECT_EQ(corpus->documents().size(), 4042u);
  const auto set = tokenize_corpus(*corpus, *tokenizer, folder / "shards", {.validation_fraction = 0});
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->train().size(), 911269u + 4042u);  // and one bos per story
}

}  // namespace
}  // namespace millwright::text
