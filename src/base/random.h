// Counter-based random numbers: every number is a pure function of seed, stream and position, the same on every
// platform and compiler. Philox4x32-10, J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace millwright {

using PhiloxKey = std::array<uint32_t, 2>;
using PhiloxCounter = std::array<uint32_t, 4>;

// One block of four random words.
PhiloxCounter philox(PhiloxKey key, PhiloxCounter counter);

// The numbers of one stream in order. Streams of one seed are independent; copy a stream to replay it.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed, uint64_t stream = 0, uint64_t position = 0)
      : seed_(seed), stream_(stream), position_(position) {}

  uint32_t next_u32();             // takes one position
  uint64_t next_u64();             // two positions
  float uniform();                 // one position; a multiple of 2^-24 in [0, 1)
  float normal();                  // two positions; mean 0, variance 1 (Box-Muller)
  uint64_t below(uint64_t bound);  // two positions or more; unbiased in [0, bound), bound at least 1

  uint64_t position() const { return position_; }  // words taken so far

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t position_;
  uint64_t block_index_ = ~uint64_t{0};  // which block block_ holds
  PhiloxCounter block_{};
};

}  // namespace millwright
