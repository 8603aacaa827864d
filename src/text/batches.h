// Batches: windows of a token stream as model inputs and targets. Which window comes when is a pure function of seed
// and position, so a resumed run sees the same batches and nothing needs saving.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "text/shard_set.h"

namespace millwright::text {

// A random permutation of 0 … size - 1, computed per element: a Feistel network over the next power of four, walked
// until it lands inside (J. Black and P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
class Permutation {
 public:
  Permutation(uint64_t size, uint64_t seed, uint64_t stream);
  uint64_t operator()(uint64_t index) const;

 private:
  uint64_t size_;
  uint64_t seed_;
  uint64_t stream_;
  int half_bits_;
};

// Shuffled training batches without end. An epoch visits every window of sequence_length + 1 tokens of a grid once, in
// a new order; the grid is shifted by a random number of tokens each epoch.
class BatchSampler {
 public:
  static Result<BatchSampler> create(TokenStream stream, int64_t sequence_length, int64_t batch_size, uint64_t seed);

  // Fills tokens and targets, both [batch_size, sequence_length]: targets[b, s] follows tokens[b, s] in the stream.
  void fill(uint64_t batch_index, std::span<int32_t> tokens, std::span<int32_t> targets) const;

  uint64_t windows_per_epoch() const { return windows_; }
  // Where in the stream window `sample` begins, sample = batch_index * batch_size + b.
  size_t window_start(uint64_t sample) const;

 private:
  BatchSampler() = default;

  TokenStream stream_;
  size_t sequence_ = 0;
  size_t batch_ = 0;
  uint64_t seed_ = 0;
  uint64_t windows_ = 0;  // per epoch
  size_t slack_ = 0;      // largest shift of the grid
};

// The windows of a stream in order, for validation: the same in every run. A last incomplete batch is left out, unless
// it is the only one: then its windows are repeated to fill it.
class SequentialBatches {
 public:
  static Result<SequentialBatches> create(TokenStream stream, int64_t sequence_length, int64_t batch_size);

  uint64_t count() const { return count_; }
  void fill(uint64_t batch_index, std::span<int32_t> tokens, std::span<int32_t> targets) const;

 private:
  SequentialBatches() = default;

  TokenStream stream_;
  size_t sequence_ = 0;
  size_t batch_ = 0;
  uint64_t windows_ = 0;
  uint64_t count_ = 0;
};

}  // namespace millwright::text
