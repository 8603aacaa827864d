// The order of windows: Philox keyed by seed and epoch gives the grid's shift and the rounds of the permutation.
#include "text/batches.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace millwright::text {

namespace {

// Streams of one seed, apart from each other and from those of other users of the seed (initialization, sampling).
constexpr uint64_t kShiftStream = uint64_t{0x42617463} << 32;  // "Batc"
constexpr int kRounds = 6;
// From this many windows on, one is given up so that the grid can shift by a whole sequence.
constexpr uint64_t kWindowsForWideShift = 16;

Status check_window(const TokenStream& stream, int64_t sequence_length, int64_t batch_size, std::string_view what) {
  if (sequence_length < 1) return fail("sequence length: expected at least 1, found {}", sequence_length);
  if (batch_size < 1) return fail("batch size: expected at least 1, found {}", batch_size);
  if (stream.size() < static_cast<uint64_t>(sequence_length) + 1) {
    return fail("{} shorter than one sequence: {} tokens, need at least {}; use a longer text or a smaller --sequence",
                what, stream.size(), static_cast<uint64_t>(sequence_length) + 1);
  }
  return {};
}

void copy_window(const TokenStream& stream, size_t start, std::span<int32_t> tokens, std::span<int32_t> targets) {
  stream.copy(start, tokens.size(), tokens);
  std::copy(tokens.begin() + 1, tokens.end(), targets.begin());
  stream.copy(start + tokens.size(), 1, targets.last(1));
}

}  // namespace

Permutation::Permutation(uint64_t size, uint64_t seed, uint64_t stream)
    : size_(size),
      seed_(seed),
      stream_(stream),
      half_bits_(std::max(1, (static_cast<int>(std::bit_width(size - 1)) + 1) / 2)) {
  MW_CHECK(size >= 1, "permutation of {}", size);
}

uint64_t Permutation::operator()(uint64_t index) const {
  MW_CHECK(index < size_, "{} of {}", index, size_);
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  const PhiloxKey key = {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)};
  do {
    uint64_t left = index >> half_bits_;
    uint64_t right = index & mask;
    for (uint32_t round = 0; round < kRounds; ++round) {
      const PhiloxCounter mixed = philox(key, {static_cast<uint32_t>(right), round | 0x80000000u,
                                               static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)});
      const uint64_t next = left ^ (mixed[0] & mask);
      left = right;
      right = next;
    }
    index = left << half_bits_ | right;
  } while (index >= size_);
  return index;
}

Result<BatchSampler> BatchSampler::create(TokenStream stream, int64_t sequence_length, int64_t batch_size,
                                          uint64_t seed) {
  MW_TRY(check_window(stream, sequence_length, batch_size, "corpus"));
  BatchSampler sampler;
  sampler.sequence_ = static_cast<size_t>(sequence_length);
  sampler.batch_ = static_cast<size_t>(batch_size);
  sampler.seed_ = seed;
  const size_t steps = stream.size() - 1;  // positions with a next token
  sampler.windows_ = steps / sampler.sequence_;
  if (sampler.windows_ >= kWindowsForWideShift) --sampler.windows_;
  sampler.slack_ = steps - sampler.windows_ * sampler.sequence_;
  sampler.stream_ = std::move(stream);
  return sampler;
}

size_t BatchSampler::window_start(uint64_t sample) const {
  const uint64_t epoch = sample / windows_;
  const uint64_t shift = RandomStream(seed_, kShiftStream | (epoch & 0xffffffffu)).below(slack_ + 1);
  const uint64_t window = Permutation(windows_, seed_, kShiftStream | (epoch & 0xffffffffu))(sample % windows_);
  return shift + window * sequence_;
}

void BatchSampler::fill(uint64_t batch_index, std::span<int32_t> tokens, std::span<int32_t> targets) const {
  MW_CHECK(tokens.size() == batch_ * sequence_ && targets.size() == tokens.size(), "{} and {} for [{}, {}]",
           tokens.size(), targets.size(), batch_, sequence_);
  for (size_t row = 0; row < batch_; ++row) {
    copy_window(stream_, window_start(batch_index * batch_ + row), tokens.subspan(row * sequence_, sequence_),
                targets.subspan(row * sequence_, sequence_));
  }
}

Result<SequentialBatches> SequentialBatches::create(TokenStream stream, int64_t sequence_length, int64_t batch_size) {
  MW_TRY(check_window(stream, sequence_length, batch_size, "validation text"));
  SequentialBatches batches;
  batches.sequence_ = static_cast<size_t>(sequence_length);
  batches.batch_ = static_cast<size_t>(batch_size);
  batches.windows_ = (stream.size() - 1) / batches.sequence_;
  batches.count_ = std::max<uint64_t>(1, batches.windows_ / batches.batch_);
  batches.stream_ = std::move(stream);
  return batches;
}

void SequentialBatches::fill(uint64_t batch_index, std::span<int32_t> tokens, std::span<int32_t> targets) const {
  MW_CHECK(batch_index < count_, "batch {} of {}", batch_index, count_);
  MW_CHECK(tokens.size() == batch_ * sequence_ && targets.size() == tokens.size(), "{} and {} for [{}, {}]",
           tokens.size(), targets.size(), batch_, sequence_);
  for (size_t row = 0; row < batch_; ++row) {
    const size_t window = (batch_index * batch_ + row) % windows_;
    copy_window(stream_, window * sequence_, tokens.subspan(row * sequence_, sequence_),
                targets.subspan(row * sequence_, sequence_));
  }
}

}  // namespace millwright::text
