// ShardSet: a folder of shards with its manifest `shards.json`, and TokenStream, the tokens of one split as one
// sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "text/shard.h"

namespace millwright::text {

// Token ids of several shards in a row. Copies share the shards; any number of threads may read.
class TokenStream {
 public:
  TokenStream() = default;
  explicit TokenStream(std::vector<Shard> shards);

  size_t size() const { return size_; }
  // tokens[i] = token begin + i, for i < count; begin + count must not exceed size().
  void copy(size_t begin, size_t count, std::span<int32_t> tokens) const;

 private:
  std::shared_ptr<const std::vector<Shard>> shards_;
  std::vector<size_t> starts_;  // of each shard in the stream
  size_t size_ = 0;
};

// The manifest, without opening any shard.
struct ShardManifest {
  ShardIdentity identity;
  int delimiter = -1;       // the id between documents, -1 for none
  std::string options;      // of tokenize_corpus, in a canonical form
  uint64_t documents = 0;   // of the corpus
  uint64_t text_bytes = 0;  // of the corpus
  uint64_t train_tokens = 0;
  uint64_t validation_tokens = 0;
  std::vector<std::string> train_files;  // names in the folder, in order
  std::vector<std::string> validation_files;
};

inline constexpr char kManifestName[] = "shards.json";

Result<ShardManifest> read_manifest(const Path& folder);
Status write_manifest(const Path& folder, const ShardManifest& manifest);

class ShardSet {
 public:
  // Opens and checks every shard: reads all of them once.
  static Result<ShardSet> open(const Path& folder);

  const ShardManifest& manifest() const { return manifest_; }
  const TokenStream& train() const { return train_; }
  const TokenStream& validation() const { return validation_; }

 private:
  ShardManifest manifest_;
  TokenStream train_;
  TokenStream validation_;
};

}  // namespace millwright::text
