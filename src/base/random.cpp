// Philox and what is built on it. Logarithm, sine and cosine are computed here from +, -, *, / and sqrt only, all
// exactly specified by IEEE 754, because the C library's differ in the last bit between platforms (compiled with
// contraction off).
#include "base/random.h"

#include <bit>
#include <cmath>

#include "base/check.h"

namespace millwright {

namespace {

// Natural logarithm of a normal positive number, error below 1e-13: 2·atanh((m-1)/(m+1)) for m in [√½, √2).
double natural_logarithm(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double t = s * s;  // at most 0.0295
  double sum = 0.0;
  for (int n = 17; n >= 1; n -= 2) sum = sum * t + 1.0 / n;
  return exponent * 0.6931471805599453 + 2.0 * s * sum;
}

// cos(2π·turns) for turns in [0, 1), error below 1e-13: Taylor series on [-π/4, π/4] after reduction to a quarter turn.
double cosine_of_turns(double turns) {
  const int quarter = static_cast<int>(turns * 4.0 + 0.5);
  const double x = (turns - quarter * 0.25) * 6.283185307179586;
  const double t = x * x;  // at most 0.617
  const double sine =
      x *
      (1.0 + t * (-1.0 / 6 +
                  t * (1.0 / 120 + t * (-1.0 / 5040 + t * (1.0 / 362880 + t * (-1.0 / 39916800 + t / 6227020800.0))))));
  const double cosine =
      1.0 + t * (-0.5 + t * (1.0 / 24 +
                             t * (-1.0 / 720 + t * (1.0 / 40320 + t * (-1.0 / 3628800 +
                                                                       t * (1.0 / 479001600.0 - t / 87178291200.0))))));
  switch (quarter & 3) {
    case 0:
      return cosine;
    case 1:
      return -sine;
    case 2:
      return -cosine;
    default:
      return sine;
  }
}

}  // namespace

PhiloxCounter philox(PhiloxKey key, PhiloxCounter counter) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

uint32_t RandomStream::next_u32() {
  const uint64_t index = position_ / 4;
  if (index != block_index_) {
    block_ = philox({static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)},
                    {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), static_cast<uint32_t>(stream_),
                     static_cast<uint32_t>(stream_ >> 32)});
    block_index_ = index;
  }
  return block_[position_++ % 4];
}

uint64_t RandomStream::next_u64() {
  const uint64_t low = next_u32();
  return low | static_cast<uint64_t>(next_u32()) << 32;
}

float RandomStream::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24f; }

float RandomStream::normal() {
  const double radius = (next_u32() + 1.0) * 0x1p-32;  // in (0, 1]
  const double turns = next_u32() * 0x1p-32;           // in [0, 1)
  return static_cast<float>(std::sqrt(-2.0 * natural_logarithm(radius)) * cosine_of_turns(turns));
}

uint64_t RandomStream::below(uint64_t bound) {
  MW_CHECK(bound >= 1, "bound {}", bound);
  // Draws below 2^64 mod bound are taken again, so that each remainder is equally likely.
  const uint64_t uneven = (uint64_t{0} - bound) % bound;
  uint64_t draw = next_u64();
  while (draw < uneven) draw = next_u64();
  return draw % bound;
}

}  // namespace millwright
