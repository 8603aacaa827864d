// Documents are cut into chunks at line ends where the tokenizer allows it, chunks are encoded in parallel, a wave at a
// time, and written in order.
#include "text/tokenize_corpus.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/parallel.h"
#include "base/signals.h"
#include "text/utf8.h"

namespace millwright::text {

namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr size_t kWaveBytes = size_t{32} << 20;  // bounds the memory for ids that wait to be written

struct Split {
  std::vector<Document> train;
  std::vector<Document> validation;
};

// Where the validation text of a document begins: after the line end nearest behind the wanted share, so that the
// halves are whole lines; inside a long line, between two characters.
size_t validation_start(std::string_view text, double fraction) {
  const auto wanted = static_cast<size_t>(static_cast<double>(text.size()) * (1 - fraction));
  const size_t newline = text.find('\n', wanted);
  constexpr size_t kNear = 4096;
  if (newline != std::string_view::npos && newline + 1 < text.size() && newline - wanted <= kNear) return newline + 1;
  return cut_before(text, wanted);
}

Result<Split> split_corpus(const Corpus& corpus, double fraction) {
  const std::vector<Document>& documents = corpus.documents();
  Split split;
  if (fraction == 0) {
    split.train = documents;
    return split;
  }
  if (documents.size() >= kDocumentsForWholeSplit) {
    const double wanted = static_cast<double>(corpus.bytes()) * fraction;
    size_t first = documents.size() - 1;
    double taken = static_cast<double>(documents[first].size());
    while (first > 1 && taken + static_cast<double>(documents[first - 1].size()) / 2 < wanted) {
      taken += static_cast<double>(documents[--first].size());
    }
    split.train.assign(documents.begin(), documents.begin() + static_cast<std::ptrdiff_t>(first));
    split.validation.assign(documents.begin() + static_cast<std::ptrdiff_t>(first), documents.end());
    return split;
  }
  CorpusReader reader(corpus);
  for (const Document& document : documents) {
    MW_ASSIGN(const CorpusReader::Text text, reader.read(document));
    const size_t cut = document.begin + validation_start(text.text, fraction);
    if (cut > document.begin) split.train.push_back({document.file, document.begin, cut});
    if (cut < document.end) split.validation.push_back({document.file, cut, document.end});
  }
  return split;
}

// The shards of one split, a new file whenever one is full.
class SplitWriter {
 public:
  SplitWriter(Path folder, std::string prefix, ShardIdentity identity, size_t max_tokens)
      : folder_(std::move(folder)),
        prefix_(std::move(prefix)),
        identity_(std::move(identity)),
        max_tokens_(max_tokens) {}

  Status append(std::span<const int32_t> tokens) {
    while (!tokens.empty()) {
      if (!writer_) {
        names_.push_back(fmt::format("{}-{:05}.shard", prefix_, names_.size()));
        MW_ASSIGN(ShardWriter created, ShardWriter::create(folder_ / names_.back(), identity_));
        writer_.emplace(std::move(created));
      }
      const size_t part = std::min(tokens.size(), max_tokens_ - writer_->size());
      MW_TRY(writer_->append(tokens.first(part)));
      tokens = tokens.subspan(part);
      tokens_ += part;
      if (writer_->size() == max_tokens_) MW_TRY(finish());
    }
    return {};
  }

  Status finish() {
    if (!writer_) return {};
    MW_TRY(writer_->finish());
    writer_.reset();
    return {};
  }

  uint64_t tokens() const { return tokens_; }
  const std::vector<std::string>& names() const { return names_; }

 private:
  Path folder_;
  std::string prefix_;
  ShardIdentity identity_;
  size_t max_tokens_;
  std::optional<ShardWriter> writer_;
  std::vector<std::string> names_;
  uint64_t tokens_ = 0;
};

class CorpusEncoder {
 public:
  CorpusEncoder(const Corpus& corpus, const Tokenizer& tokenizer) : reader_(corpus), tokenizer_(tokenizer) {}

  Status encode(const std::vector<Document>& parts, SplitWriter& writer) {
    for (const Document& part : parts) {
      MW_ASSIGN(const CorpusReader::Text text, reader_.read(part));
      MW_TRY(add_chunks(text, writer));
    }
    MW_TRY(flush(writer));
    return writer.finish();
  }

 private:
  struct Chunk {
    CorpusReader::Text text;
    bool begins_document = false;
    bool ends_document = false;
    std::vector<int32_t> ids;
  };

  Status add_chunks(const CorpusReader::Text& whole, SplitWriter& writer) {
    std::string_view rest = whole.text;
    while (!rest.empty()) {
      size_t length = rest.size();
      if (length > kChunkBytes && tokenizer_.lines_are_independent()) {
        const size_t newline = rest.find('\n', kChunkBytes);
        if (newline != std::string_view::npos) length = newline + 1;
      }
      wave_.push_back(
          {{whole.file, rest.substr(0, length)}, rest.size() == whole.text.size(), length == rest.size(), {}});
      wave_bytes_ += length;
      rest.remove_prefix(length);
      if (wave_bytes_ >= kWaveBytes) MW_TRY(flush(writer));
    }
    return {};
  }

  Status flush(SplitWriter& writer) {
    if (interrupted()) return fail(ErrorKind::interrupted, "interrupted while tokenizing");
    parallel_for(static_cast<int64_t>(wave_.size()), [&](int64_t index) {
      Chunk& chunk = wave_[static_cast<size_t>(index)];
      chunk.ids =
          chunk.begins_document ? tokenizer_.encode(chunk.text.text) : tokenizer_.encode_continuation(chunk.text.text);
    });
    const int32_t before = tokenizer_.bos();
    const int32_t after = before < 0 ? tokenizer_.eos() : -1;
    for (const Chunk& chunk : wave_) {
      if (chunk.begins_document && before >= 0) MW_TRY(writer.append({&before, 1}));
      MW_TRY(writer.append(chunk.ids));
      if (chunk.ends_document && after >= 0) MW_TRY(writer.append({&after, 1}));
    }
    wave_.clear();
    wave_bytes_ = 0;
    return {};
  }

  CorpusReader reader_;
  const Tokenizer& tokenizer_;
  std::vector<Chunk> wave_;
  size_t wave_bytes_ = 0;
};

std::string canonical_options(const TokenizeOptions& options) {
  return fmt::format("validation_fraction={} max_tokens_per_shard={}", options.validation_fraction,
                     options.max_tokens_per_shard);
}

bool is_made_from(const ShardManifest& manifest, const ShardIdentity& identity, const TokenizeOptions& options) {
  return manifest.identity == identity && manifest.options == canonical_options(options);
}

// Shards that the new manifest does not name are of an earlier run.
void remove_other_shards(const Path& folder, const ShardManifest& manifest) {
  std::error_code error;
  std::vector<Path> stale;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto named_in = [&](const auto& names) { return std::find(names.begin(), names.end(), name) != names.end(); };
    if (entry->path().extension() == ".shard" && !named_in(manifest.train_files) &&
        !named_in(manifest.validation_files)) {
      stale.push_back(entry->path());
    }
  }
  for (const Path& path : stale) std::filesystem::remove(path, error);
}

Status check_options(const TokenizeOptions& options) {
  if (!(options.validation_fraction >= 0 && options.validation_fraction <= 0.5)) {
    return fail("validation fraction: expected 0 to 0.5, found {}", options.validation_fraction);
  }
  if (options.max_tokens_per_shard == 0) return fail("tokens per shard: expected at least 1, found 0");
  return {};
}

}  // namespace

Result<ShardSet> tokenize_corpus(const Corpus& corpus, const Tokenizer& tokenizer, const Path& folder,
                                 const TokenizeOptions& options) {
  MW_TRY(check_options(options));
  const ShardIdentity identity{tokenizer.vocabulary_size(), tokenizer.hash(), corpus.hash()};
  if (const auto manifest = read_manifest(folder); manifest && is_made_from(*manifest, identity, options)) {
    if (auto existing = ShardSet::open(folder)) {
      log_debug("{}: shards of the same corpus and tokenizer are there already", folder.string());
      return existing;
    }
  }
  MW_TRY(make_directories(folder));
  MW_ASSIGN(const Split split, split_corpus(corpus, options.validation_fraction));
  // Names differ between runs with other inputs, so the shards of the old manifest stay whole until the new one
  // replaces it.
  const std::string key =
      hash_bytes(as_bytes(identity.tokenizer_hash + identity.corpus_hash + canonical_options(options))).substr(0, 8);
  SplitWriter train(folder, "train-" + key, identity, options.max_tokens_per_shard);
  SplitWriter validation(folder, "validation-" + key, identity, options.max_tokens_per_shard);
  CorpusEncoder encoder(corpus, tokenizer);
  MW_TRY(encoder.encode(split.train, train));
  MW_TRY(encoder.encode(split.validation, validation));

  ShardManifest manifest;
  manifest.identity = identity;
  manifest.delimiter = tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
  manifest.options = canonical_options(options);
  manifest.documents = corpus.documents().size();
  manifest.text_bytes = corpus.bytes();
  manifest.train_tokens = train.tokens();
  manifest.validation_tokens = validation.tokens();
  manifest.train_files = train.names();
  manifest.validation_files = validation.names();
  MW_TRY(write_manifest(folder, manifest));
  remove_other_shards(folder, manifest);
  return ShardSet::open(folder);
}

}  // namespace millwright::text
