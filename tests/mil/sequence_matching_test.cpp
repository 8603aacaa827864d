#include "mil/diff/sequence_matching.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace millwright::mil {
namespace {

using Sequence = std::vector<uint64_t>;

Sequence random_sequence(RandomStream& random, size_t length, size_t alphabet) {
  Sequence sequence(length);
  for (uint64_t& element : sequence) element = random.below(alphabet);
  return sequence;
}

// The textbook table: quadratic in time and memory.
size_t longest_common_length(const Sequence& a, const Sequence& b) {
  std::vector<std::vector<size_t>> table(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1 : std::max(table[i - 1][j], table[i][j - 1]);
    }
  }
  return table[a.size()][b.size()];
}

void expect_common(const Sequence& a, const Sequence& b, const std::vector<Match>& matches) {
  for (size_t i = 0; i < matches.size(); ++i) {
    ASSERT_LT(matches[i].first, a.size());
    ASSERT_LT(matches[i].second, b.size());
    EXPECT_EQ(a[matches[i].first], b[matches[i].second]);
    if (i == 0) continue;
    EXPECT_LT(matches[i - 1].first, matches[i].first);
    EXPECT_LT(matches[i - 1].second, matches[i].second);
  }
}

TEST(SequenceMatching, FindsTheLongestCommonSubsequence) {
  RandomStream random(1, 0);
  for (int trial = 0; trial < 3000; ++trial) {
    const size_t alphabet = 1 + random.below(12);
    const Sequence a = random_sequence(random, random.below(30), alphabet);
    const Sequence b = random_sequence(random, random.below(30), alphabet);
    const std::vector<Match> matches = common_subsequence(a, b);
    expect_common(a, b, matches);
    ASSERT_EQ(matches.size(), longest_common_length(a, b)) << "trial " << trial;
  }
}

TEST(SequenceMatching, FindsWhatIsLeftOfALongSequence) {
  RandomStream random(2, 0);
  Sequence a(200'000);
  for (size_t i = 0; i < a.size(); ++i) a[i] = i;
  Sequence b;
  for (const uint64_t element : a) {
    if (random.below(100) > 0) b.push_back(element);
  }
  const std::vector<Match> matches = common_subsequence(a, b);
  expect_common(a, b, matches);
  EXPECT_EQ(matches.size(), b.size());
}

// Without a bound on the search this would take 10^10 steps.
TEST(SequenceMatching, EndsOnLongSequencesThatDifferThroughout) {
  RandomStream random(3, 0);
  const Sequence a = random_sequence(random, 100'000, 50'000);
  const Sequence b = random_sequence(random, 100'000, 50'000);
  const std::vector<Match> matches = common_subsequence(a, b);
  expect_common(a, b, matches);
  EXPECT_GT(matches.size(), 100u);
}

size_t longest_ascending_length(const std::vector<Match>& matches) {
  std::vector<size_t> length(matches.size(), 1);
  size_t longest = 0;
  for (size_t i = 0; i < matches.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (matches[j].second < matches[i].second) length[i] = std::max(length[i], length[j] + 1);
    }
    longest = std::max(longest, length[i]);
  }
  return longest;
}

TEST(SequenceMatching, KeepsTheMostMatchesThatAscend) {
  RandomStream random(4, 0);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<Match> matches;
    for (uint32_t i = 0; i < random.below(40); ++i) matches.emplace_back(i, i);
    for (size_t i = matches.size(); i > 1; --i) std::swap(matches[i - 1].second, matches[random.below(i)].second);
    const std::vector<size_t> chain = longest_ascending(matches);
    for (size_t i = 1; i < chain.size(); ++i) {
      EXPECT_LT(chain[i - 1], chain[i]);
      EXPECT_LT(matches[chain[i - 1]].second, matches[chain[i]].second);
    }
    EXPECT_EQ(chain.size(), longest_ascending_length(matches));
  }
}

}  // namespace
}  // namespace millwright::mil
