// The manifest in JSON, and shards joined to streams.
#include "text/shard_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/json.h"

namespace millwright::text {

namespace {

constexpr size_t kMaxManifestBytes = size_t{16} << 20;
constexpr char kFormat[] = "millwright-shards";
constexpr int kVersion = 1;

Result<std::vector<std::string>> read_file_names(const Json& split, const std::string& source) {
  MW_ASSIGN(const Json* const entries, json_array(split, "shards", source));
  std::vector<std::string> names;
  for (const Json& entry : *entries) {
    if (!entry.is_string()) return fail("{}: \"shards\": expected file names, found {}", source, entry.type_name());
    const auto name = entry.get<std::string>();
    if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos || name[0] == '.') {
      return fail("{}: \"shards\": expected names of files beside it, found \"{}\"", source, name);
    }
    names.push_back(name);
  }
  return names;
}

Result<std::string> read_hash(const Json& json, const std::string& key, const std::string& source) {
  MW_ASSIGN(std::string hash, json_string(json, key, source));
  if (hash.size() != 32 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail("{}: \"{}\": expected 32 hexadecimal digits, found \"{}\"", source, key, hash);
  }
  return hash;
}

Result<TokenStream> open_stream(const Path& folder, const std::vector<std::string>& names, uint64_t expected_tokens,
                                const ShardIdentity& identity) {
  std::vector<Shard> shards;
  for (const std::string& name : names) {
    MW_ASSIGN(Shard shard, Shard::open(folder / name));
    if (shard.identity() != identity) {
      return fail("{}: made from another corpus or tokenizer than {} says; tokenize the corpus again",
                  (folder / name).string(), (folder / kManifestName).string());
    }
    shards.push_back(std::move(shard));
  }
  TokenStream stream(std::move(shards));
  if (stream.size() != expected_tokens) {
    return fail("{}: expected {} tokens in its shards, found {}; tokenize the corpus again",
                (folder / kManifestName).string(), expected_tokens, stream.size());
  }
  return stream;
}

}  // namespace

TokenStream::TokenStream(std::vector<Shard> shards) {
  for (const Shard& shard : shards) {
    starts_.push_back(size_);
    size_ += shard.size();
  }
  shards_ = std::make_shared<const std::vector<Shard>>(std::move(shards));
}

void TokenStream::copy(size_t begin, size_t count, std::span<int32_t> tokens) const {
  MW_CHECK(begin <= size_ && count <= size_ - begin, "{} + {} of {} tokens", begin, count, size_);
  MW_CHECK(tokens.size() == count, "{} tokens into {}", count, tokens.size());
  if (count == 0) return;
  auto index = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), begin) - starts_.begin()) - 1;
  while (!tokens.empty()) {
    const Shard& shard = (*shards_)[index];
    const size_t offset = begin - starts_[index];
    const size_t part = std::min(tokens.size(), shard.size() - offset);
    shard.copy(offset, tokens.first(part));
    tokens = tokens.subspan(part);
    begin += part;
    ++index;
  }
}

Result<ShardManifest> read_manifest(const Path& folder) {
  const Path path = folder / kManifestName;
  const std::string source = path.string();
  MW_ASSIGN(const std::string text, read_text_file(path, kMaxManifestBytes));
  MW_ASSIGN(const Json json, parse_json(text, source));
  MW_ASSIGN(const std::string format, json_string(json, "format", source));
  if (format != kFormat) return fail("{}: expected format \"{}\", found \"{}\"", source, kFormat, format);
  MW_TRY(json_integer(json, "version", source, kVersion, kVersion));
  ShardManifest manifest;
  MW_ASSIGN(const int64_t vocabulary, json_integer(json, "vocabulary_size", source, 1, kMaxVocabularySize));
  manifest.identity.vocabulary_size = static_cast<int>(vocabulary);
  MW_ASSIGN(manifest.identity.tokenizer_hash, read_hash(json, "tokenizer_hash", source));
  MW_ASSIGN(manifest.identity.corpus_hash, read_hash(json, "corpus_hash", source));
  MW_ASSIGN(const int64_t delimiter, json_integer(json, "delimiter", source, -1, vocabulary - 1));
  manifest.delimiter = static_cast<int>(delimiter);
  MW_ASSIGN(manifest.options, json_string(json, "options", source));
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  MW_ASSIGN(manifest.documents, json_integer(json, "documents", source, 0, kMost));
  MW_ASSIGN(manifest.text_bytes, json_integer(json, "text_bytes", source, 0, kMost));
  MW_ASSIGN(const Json* const train, json_object(json, "train", source));
  MW_ASSIGN(manifest.train_tokens, json_integer(*train, "tokens", source, 0, kMost));
  MW_ASSIGN(manifest.train_files, read_file_names(*train, source));
  MW_ASSIGN(const Json* const validation, json_object(json, "validation", source));
  MW_ASSIGN(manifest.validation_tokens, json_integer(*validation, "tokens", source, 0, kMost));
  MW_ASSIGN(manifest.validation_files, read_file_names(*validation, source));
  return manifest;
}

Status write_manifest(const Path& folder, const ShardManifest& manifest) {
  const nlohmann::ordered_json json = {
      {"format", kFormat},
      {"version", kVersion},
      {"vocabulary_size", manifest.identity.vocabulary_size},
      {"tokenizer_hash", manifest.identity.tokenizer_hash},
      {"corpus_hash", manifest.identity.corpus_hash},
      {"delimiter", manifest.delimiter},
      {"options", manifest.options},
      {"documents", manifest.documents},
      {"text_bytes", manifest.text_bytes},
      {"train", {{"tokens", manifest.train_tokens}, {"shards", manifest.train_files}}},
      {"validation", {{"tokens", manifest.validation_tokens}, {"shards", manifest.validation_files}}},
  };
  return write_file_atomically(folder / kManifestName, json.dump(2) + "\n");
}

Result<ShardSet> ShardSet::open(const Path& folder) {
  ShardSet set;
  MW_ASSIGN(set.manifest_, read_manifest(folder));
  const ShardManifest& manifest = set.manifest_;
  MW_ASSIGN(set.train_, open_stream(folder, manifest.train_files, manifest.train_tokens, manifest.identity));
  MW_ASSIGN(set.validation_,
            open_stream(folder, manifest.validation_files, manifest.validation_tokens, manifest.identity));
  return set;
}

}  // namespace millwright::text
