// Hands the corpus to SentencePiece's trainer line by line.
#include "text/train_tokenizer.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <unordered_map>

#include "base/random.h"
#include "text/utf8.h"

namespace millwright::text {

namespace {

constexpr int kMinVocabulary = 300;  // 3 special pieces, 256 bytes and a few characters
constexpr int kMaxVocabulary = 1 << 18;
constexpr size_t kMaxLineBytes = 4000;  // the trainer skips lines from 4,192 bytes on

// The lines of the corpus in order, long ones cut; of a corpus beyond the limit a fixed random selection.
class CorpusLines : public sentencepiece::SentenceIterator {
 public:
  CorpusLines(const Corpus& corpus, size_t limit)
      : corpus_(corpus),
        reader_(corpus),
        kept_share_(std::min(1.0, static_cast<double>(limit) / static_cast<double>(corpus.bytes()))) {
    Next();
  }

  bool done() const override { return done_; }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }
  void Next() override {
    do {
      read_line();
    } while (!done_ && (line_.empty() || selection_.uniform() >= kept_share_));
  }

  const Error* error() const { return failed_ ? &error_ : nullptr; }

 private:
  void read_line() {
    while (rest_.empty()) {
      if (next_document_ == corpus_.documents().size()) {
        done_ = true;
        return;
      }
      auto text = reader_.read(corpus_.documents()[next_document_++]);
      if (!text) {
        error_ = std::move(text.error());
        failed_ = done_ = true;
        return;
      }
      current_ = std::move(*text);
      rest_ = current_.text;
    }
    const size_t newline = rest_.find('\n');
    size_t length = std::min(newline, rest_.size());
    if (length > kMaxLineBytes) length = cut_before(rest_, kMaxLineBytes);
    line_.assign(rest_.substr(0, length));
    rest_.remove_prefix(length == newline ? length + 1 : length);
  }

  const Corpus& corpus_;
  CorpusReader reader_;
  double kept_share_;
  RandomStream selection_{0};
  size_t next_document_ = 0;
  CorpusReader::Text current_;
  std::string_view rest_;
  std::string line_;
  bool done_ = false;
  bool failed_ = false;
  Error error_;
};

}  // namespace

int suggested_vocabulary_size(size_t corpus_bytes) {
  const double exponent = std::round(std::log2(std::max(1.0, static_cast<double>(corpus_bytes) / 2000.0)));
  return 1 << static_cast<int>(std::clamp(exponent, 10.0, 15.0));
}

Result<Tokenizer> train_tokenizer(const Corpus& corpus, const TrainTokenizerOptions& options) {
  const int vocabulary =
      options.vocabulary_size > 0 ? options.vocabulary_size : suggested_vocabulary_size(corpus.bytes());
  if (vocabulary < kMinVocabulary || vocabulary > kMaxVocabulary) {
    return fail("vocabulary size: expected {} to {}, found {}", kMinVocabulary, kMaxVocabulary, vocabulary);
  }
  if (!(options.character_coverage > 0 && options.character_coverage <= 1)) {
    return fail("character coverage: expected more than 0 and at most 1, found {}", options.character_coverage);
  }
  const std::unordered_map<std::string, std::string> arguments = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(vocabulary)},
      {"hard_vocab_limit", "false"},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"split_digits", "true"},
      {"num_threads", "1"},
      {"minloglevel", "2"},  // errors only
  };
  CorpusLines lines(corpus, options.sampling_limit);
  std::string model;
  try {
    const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &lines, &model);
    if (lines.error() != nullptr) return tl::unexpected<Error>(*lines.error());
    if (!status.ok()) {
      return fail(
          "cannot train a tokenizer with {} pieces from {} bytes of text: {}; give another --vocabulary or a "
          "ready --tokenizer",
          vocabulary, corpus.bytes(), status.message());
    }
  } catch (const std::exception& error) {
    return fail("cannot train a tokenizer: {}", error.what());
  }
  return Tokenizer::from_bytes(as_bytes(model), "trained tokenizer");
}

}  // namespace millwright::text
