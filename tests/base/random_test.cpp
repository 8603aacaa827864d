// Philox against the known-answer vectors of Random123 (kat_vectors, philox4x32 10), and the distributions against
// their definitions computed with the C library.
#include "base/random.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

namespace millwright {
namespace {

TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(philox({0, 0}, {0, 0, 0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, IsTheBlocksOfPhiloxInOrder) {
  const uint64_t seed = 0x0123456789abcdef;
  const uint64_t stream = 0xfedcba9876543210;
  RandomStream random(seed, stream);
  for (uint32_t block = 0; block < 3; ++block) {
    for (const uint32_t word : philox({0x89abcdef, 0x01234567}, {block, 0, 0x76543210, 0xfedcba98})) {
      EXPECT_EQ(random.next_u32(), word);
    }
  }
}

TEST(RandomStream, StartsAtAnyPosition) {
  RandomStream whole(7, 3);
  std::vector<uint32_t> words;
  for (int i = 0; i < 40; ++i) words.push_back(whole.next_u32());
  for (uint64_t position = 0; position < 40; ++position) {
    RandomStream from_there(7, 3, position);
    EXPECT_EQ(from_there.next_u32(), words[position]);
    EXPECT_EQ(from_there.position(), position + 1);
  }
}

TEST(RandomStream, DiffersBetweenSeedsAndStreams) {
  EXPECT_NE(RandomStream(1, 0).next_u64(), RandomStream(2, 0).next_u64());
  EXPECT_NE(RandomStream(1, 0).next_u64(), RandomStream(1, 1).next_u64());
}

TEST(RandomStream, UniformIsTheUpperBitsAndBelowOne) {
  RandomStream words(5);
  RandomStream random(5);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const float value = random.uniform();
    ASSERT_EQ(value, std::ldexp(static_cast<double>(words.next_u32() >> 8), -24));
    ASSERT_LT(value, 1.0f);
    sum += value;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);  // standard error 0.0009
}

TEST(RandomStream, NormalIsBoxMullerOfTheSameWords) {
  RandomStream words(11, 2);
  RandomStream random(11, 2);
  for (int i = 0; i < 200000; ++i) {
    const double first = (words.next_u32() + 1.0) / 4294967296.0;
    const double second = words.next_u32() / 4294967296.0;
    const double expected = std::sqrt(-2 * std::log(first)) * std::cos(2 * M_PI * second);
    // Both round a value whose error is below 1e-11 to float: at most one unit in the last place apart.
    ASSERT_NEAR(random.normal(), expected, std::abs(expected) * 0x1p-23 + 1e-11);
  }
}

TEST(RandomStream, NormalHasTheMomentsOfTheStandardNormal) {
  RandomStream random(3);
  const int count = 200000;
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (int i = 0; i < count; ++i) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
  }
  EXPECT_NEAR(sum / count, 0, 0.01);  // 4 standard errors
  EXPECT_NEAR(squares / count, 1, 0.013);
  EXPECT_NEAR(fourth / count, 3, 0.1);
}

TEST(RandomStream, GivesTheSameNormalsOnEveryPlatform) {
  RandomStream random(42, 1);
  std::vector<uint32_t> bits;
  for (int i = 0; i < 4; ++i) bits.push_back(std::bit_cast<uint32_t>(random.normal()));
  // Recorded once on x86-64 with g++ 12; a platform that differs here trains differently from the same seed.
  EXPECT_EQ(bits, (std::vector<uint32_t>{0x40082c17, 0xbed108e0, 0x40015d4b, 0x3ea52dfa}));
}

TEST(RandomStream, BelowIsEvenOverItsRange) {
  RandomStream random(9);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);  // 4 standard deviations
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0u);
}

TEST(RandomStream, BelowTakesOnlyDrawsThatKeepItUnbiased) {
  // With this bound a quarter of all draws must be taken again; without that, the lower third would come twice as
  // often.
  const uint64_t bound = (uint64_t{1} << 62) * 3;
  RandomStream random(13);
  int lower_third = 0;
  for (int i = 0; i < 30000; ++i) lower_third += random.below(bound) < (uint64_t{1} << 62) ? 1 : 0;
  EXPECT_NEAR(lower_third, 10000, 330);
  EXPECT_GT(random.position(), 75000u);
}

}  // namespace
}  // namespace millwright
