// Encoding and decoding, held against SentencePiece itself and against a published model's known ids.
#include "text/tokenizer.h"

#include <gtest/gtest.h>
#include <sentencepiece_trainer.h>

#include <algorithm>

#include "base/hash.h"
#include "source_dir.h"
#include "text/sentencepiece_model.h"
#include "text/test_tokenizer.h"
#include "text/utf8.h"

namespace millwright::text {
namespace {

using sentencepiece::SentencePieceProcessor;

TEST(Tokenizer, GivesTheIdsOfTheLlama2Model) {
  const Path path = Path(kSourceDirectory) / "../shared/data/llama2-tokenizer.model";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no Llama 2 tokenizer here: its known ids are NOT tested";
  const auto tokenizer = Tokenizer::load(path);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocabulary_size(), 32000);
  EXPECT_EQ(tokenizer->unknown(), 0);
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 2);
  const std::string text = "Once upon a time, there was a little girl named Lily.";
  const std::vector<int32_t> ids = {9038, 2501, 263, 931, 29892, 727, 471, 263, 2217, 7826, 4257, 365, 2354, 29889};
  EXPECT_EQ(tokenizer->encode(text), ids);
  EXPECT_EQ(tokenizer->decode(ids), text);
  RandomStream random(3);
  for (int round = 0; round < 50; ++round) {
    const std::string unicode = random_unicode(random, 100);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(unicode)), unicode);
  }
}

TEST(Tokenizer, DecodesWhatItEncodedForAnyText) {
  const Tokenizer& tokenizer = small_tokenizer();
  RandomStream random(1);
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_unicode(random, random.below(60));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << "round " << round;
  }
  for (const std::string text : {"", " ", "  ", "\n", "\n\n x", " leading", "trailing  ", "\t\r\n", "a\n",
                                 "\xEF\xBB\xBF"
                                 "bom"}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
  const std::string with_zero("a\0b", 3);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(with_zero)), with_zero);
}

TEST(Tokenizer, EncodesLikeSentencePieceAcrossItsSegments) {
  const Tokenizer& tokenizer = small_tokenizer();
  SentencePieceProcessor oracle;
  load_oracle(oracle, bytes_of(tokenizer));
  ASSERT_TRUE(tokenizer.lines_are_independent());
  // Longer than the segments in which text is handed over, with and without line ends.
  RandomStream random(2);
  for (const std::string& text : {sample_lines(7, 500), "\n" + sample_lines(8, 100), random_unicode(random, 20000),
                                  std::string(10000, 'a'), std::string(5000, '\n'), std::string(9000, ' ')}) {
    EXPECT_EQ(tokenizer.encode(text), encode_by_library(oracle, text));
  }
}

TEST(Tokenizer, ContinuesTextAtEveryLineEnd) {
  const Tokenizer& tokenizer = small_tokenizer();
  const std::string text = sample_lines(9, 40);
  const std::vector<int32_t> whole = tokenizer.encode(text);
  for (size_t newline = text.find('\n'); newline != std::string::npos; newline = text.find('\n', newline + 1)) {
    std::vector<int32_t> joined = tokenizer.encode(text.substr(0, newline + 1));
    const std::vector<int32_t> rest = tokenizer.encode_continuation(text.substr(newline + 1));
    joined.insert(joined.end(), rest.begin(), rest.end());
    ASSERT_EQ(joined, whole);
  }
}

TEST(Tokenizer, SurvivesTextThatIsNotUtf8) {
  RandomStream random(4);
  for (int round = 0; round < 200; ++round) {
    std::string bytes;
    for (uint64_t i = random.below(40); i > 0; --i) bytes += static_cast<char>(random.below(256));
    const std::string text = small_tokenizer().decode(small_tokenizer().encode(bytes));
    EXPECT_EQ(small_tokenizer().decode(small_tokenizer().encode(text)), text);
  }
}

TEST(Tokenizer, SavesTheBytesItWasLoadedFrom) {
  const TemporaryFolder folder;
  const std::string bytes = bytes_of(small_tokenizer());
  const auto loaded = Tokenizer::load(folder.write("copy.model", bytes));
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(bytes_of(*loaded), bytes);
  EXPECT_EQ(loaded->hash(), hash_bytes(as_bytes(bytes)));
  EXPECT_EQ(loaded->hash(), small_tokenizer().hash());
}

TEST(Tokenizer, NamesTheFileThatIsNoModel) {
  const TemporaryFolder folder;
  const Path text = folder.write("text", "this is no model");
  EXPECT_FALSE(Tokenizer::load(text).has_value());
  EXPECT_EQ(Tokenizer::load(folder.write("empty", "")).error().message,
            (folder / "empty").string() + ": expected a SentencePiece model, found no pieces in it");
  EXPECT_EQ(Tokenizer::load(folder / "absent").error().message,
            "cannot open " + (folder / "absent").string() + ": No such file or directory; check the path");
}

TEST(Tokenizer, GivesKindsOfPieces) {
  const Tokenizer& tokenizer = small_tokenizer();
  EXPECT_TRUE(tokenizer.is_control(tokenizer.bos()));
  EXPECT_FALSE(tokenizer.is_control(300));
  EXPECT_EQ(tokenizer.byte_value(3), 0);
  EXPECT_EQ(tokenizer.byte_value(3 + 0x0a), 0x0a);
  EXPECT_EQ(tokenizer.byte_value(3 + 255), 255);
  EXPECT_EQ(tokenizer.byte_value(300), -1);
  EXPECT_EQ(tokenizer.piece(3 + 0x0a), "<0x0A>");
}

// Ids in every order, controls, bytes that are no characters and unknown ids among them.
void expect_streaming_like_the_library(const Tokenizer& tokenizer, uint64_t seed) {
  SentencePieceProcessor oracle;
  load_oracle(oracle, bytes_of(tokenizer));
  RandomStream random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<int32_t> ids;
    for (uint64_t i = random.below(12); i > 0; --i) {
      const auto vocabulary = static_cast<uint64_t>(tokenizer.vocabulary_size());
      ids.push_back(
          static_cast<int32_t>(random.below(random.below(3) == 0 ? std::min<uint64_t>(259, vocabulary) : vocabulary)));
    }
    StreamDecoder decoder(tokenizer);
    std::string streamed;
    for (const int32_t id : ids) {
      streamed += decoder.push(id);
      EXPECT_EQ(find_invalid_utf8(streamed), std::string::npos) << "a character was divided";
    }
    streamed += decoder.finish();
    ASSERT_EQ(streamed, decode_by_library(oracle, ids)) << "round " << round;
    ASSERT_EQ(tokenizer.decode(ids), streamed);
  }
}

TEST(StreamDecoder, GivesWhatTheLibraryDecodes) { expect_streaming_like_the_library(small_tokenizer(), 5); }

TEST(StreamDecoder, WaitsForTheWholeCharacter) {
  const Tokenizer& tokenizer = small_tokenizer();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(3 + 0xe2), "");
  EXPECT_EQ(decoder.push(3 + 0x82), "");
  EXPECT_EQ(decoder.push(3 + 0xac), "\xE2\x82\xAC");
  EXPECT_EQ(decoder.push(3 + 0xf0), "");
  EXPECT_EQ(decoder.finish(), "\xEF\xBF\xBD");
}

TEST(StreamDecoder, ShowsIdsOutsideTheVocabularyAsReplacement) {
  StreamDecoder decoder(small_tokenizer());
  EXPECT_EQ(decoder.push(small_tokenizer().vocabulary_size()), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.push(-1), "\xEF\xBF\xBD");
}

// Models of other makings: unigram, normalization tables, trimmed whitespace, no byte fallback.
std::string train_by_library(const std::string& flags) {
  std::vector<std::string> lines;
  const std::string text = sample_lines(11, 600);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  class Lines : public sentencepiece::SentenceIterator {
   public:
    explicit Lines(const std::vector<std::string>& lines) : lines_(lines) {}
    bool done() const override { return at_ == lines_.size(); }
    void Next() override { ++at_; }
    const std::string& value() const override { return lines_[at_]; }
    sentencepiece::util::Status status() const override { return {}; }

   private:
    const std::vector<std::string>& lines_;
    size_t at_ = 0;
  } iterator(lines);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train("--hard_vocab_limit=false --minloglevel=2 " + flags,
                                                                 &iterator, &model);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return model;
}

TEST(Tokenizer, AgreesWithSentencePieceForModelsOfOtherMakings) {
  for (const std::string flags :
       {"--model_type=unigram --vocab_size=120 --normalization_rule_name=nmt_nfkc",
        "--model_type=bpe --vocab_size=120 --normalization_rule_name=nfkc_cf",
        "--model_type=unigram --vocab_size=400 --byte_fallback=true --normalization_rule_name=identity "
        "--remove_extra_whitespaces=false --user_defined_symbols=<sep>,girl",
        "--model_type=bpe --vocab_size=400 --byte_fallback=true --add_dummy_prefix=false --bos_id=-1"}) {
    const std::string bytes = train_by_library(flags);
    const auto tokenizer = Tokenizer::from_bytes(as_bytes(bytes), "model");
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    SentencePieceProcessor oracle;
    load_oracle(oracle, bytes);
    EXPECT_EQ(tokenizer->bos(), oracle.bos_id()) << flags;
    EXPECT_EQ(tokenizer->eos(), oracle.eos_id()) << flags;
    EXPECT_EQ(tokenizer->unknown(), oracle.unk_id()) << flags;
    RandomStream random(6);
    for (int round = 0; round < 100; ++round) {
      const std::string text = round % 2 == 0 ? random_unicode(random, 50) : sample_lines(100 + random.below(50), 5);
      EXPECT_EQ(tokenizer->encode(text), encode_by_library(oracle, text)) << flags << "\n" << text;
    }
    const std::string longer = sample_lines(12, 300);
    EXPECT_EQ(tokenizer->encode(longer), encode_by_library(oracle, longer)) << flags;
    expect_streaming_like_the_library(*tokenizer, 7);
  }
}

}  // namespace
}  // namespace millwright::text
