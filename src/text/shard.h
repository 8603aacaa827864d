// One shard: a file of token ids, memory-mapped when read. The format is described in docs/shard-format.md. Reading
// trusts nothing: lengths, checksums and every id are checked before the first id is given out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "base/result.h"

namespace millwright::text {

// What the header of a shard says about its tokens.
struct ShardIdentity {
  int vocabulary_size = 0;
  std::string tokenizer_hash;  // 32 hexadecimal digits, as Tokenizer::hash()
  std::string corpus_hash;     // as Corpus::hash()
  bool operator==(const ShardIdentity&) const = default;
};

inline constexpr size_t kShardHeaderBytes = 128;
inline constexpr int kMaxVocabularySize = 1 << 24;

class Shard {
 public:
  static Result<Shard> open(const Path& path);

  size_t size() const { return count_; }  // tokens
  const ShardIdentity& identity() const { return identity_; }
  // tokens[i] = token begin + i; the range must lie inside.
  void copy(size_t begin, std::span<int32_t> tokens) const;

 private:
  Shard(MappedFile file, ShardIdentity identity, size_t count, size_t width)
      : file_(std::move(file)), identity_(std::move(identity)), count_(count), width_(width) {}
  bool ids_are_below_vocabulary() const;

  MappedFile file_;
  ShardIdentity identity_;
  size_t count_;
  size_t width_;  // bytes per token, 2 or 4
};

// Writes one shard under a temporary name; finish() gives it its name.
class ShardWriter {
 public:
  static Result<ShardWriter> create(const Path& path, const ShardIdentity& identity);
  Status append(std::span<const int32_t> tokens);
  Status finish();
  size_t size() const { return count_; }  // tokens so far

 private:
  ShardWriter(AtomicFile file, ShardIdentity identity) : file_(std::move(file)), identity_(std::move(identity)) {}

  AtomicFile file_;
  ShardIdentity identity_;
  Hasher hasher_;
  size_t count_ = 0;
  std::vector<uint16_t> narrow_;
};

}  // namespace millwright::text
