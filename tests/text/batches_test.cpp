// The order of training windows. Oracle: the stream itself, whose tokens are their own positions.
#include "text/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "base/temporary_folder.h"

namespace millwright::text {
namespace {

// token i = i, in several shards.
TokenStream counting_stream(size_t size) {
  const TemporaryFolder folder;
  std::vector<Shard> shards;
  for (size_t begin = 0; begin < size; begin += 1000) {
    std::vector<int32_t> tokens(std::min<size_t>(1000, size - begin));
    std::iota(tokens.begin(), tokens.end(), static_cast<int32_t>(begin));
    const Path path = folder / std::to_string(begin);
    auto writer = ShardWriter::create(path, {1 << 20, std::string(32, '0'), std::string(32, '0')});
    EXPECT_TRUE(writer->append(tokens).has_value() && writer->finish().has_value());
    shards.push_back(*Shard::open(path));  // stays mapped when the file is gone
  }
  return TokenStream(std::move(shards));
}

TEST(Permutation, VisitsEveryNumberOnce) {
  for (const uint64_t size : {1u, 2u, 3u, 4u, 5u, 16u, 17u, 1000u, 4096u}) {
    for (const uint64_t seed : {0u, 1u, 99u}) {
      const Permutation permutation(size, seed, 5);
      std::vector<bool> seen(size);
      for (uint64_t i = 0; i < size; ++i) {
        const uint64_t value = permutation(i);
        ASSERT_LT(value, size);
        ASSERT_FALSE(seen[value]);
        seen[value] = true;
      }
    }
  }
}

TEST(Permutation, WorksForHugeSizes) {
  const uint64_t size = (uint64_t{1} << 50) + 12345;
  const Permutation permutation(size, 3, 0);
  std::set<uint64_t> values;
  for (uint64_t i = 0; i < 1000; ++i) values.insert(permutation(size - 1 - i));
  EXPECT_EQ(values.size(), 1000u);
  EXPECT_LT(*values.rbegin(), size);
}

TEST(Permutation, IsEvenlyDistributed) {
  // Over 6,000 seeds each of the 6 permutations of 3 comes about 1,000 times (standard deviation 29).
  std::map<std::vector<uint64_t>, int> counts;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    const Permutation permutation(3, seed, 1);
    ++counts[{permutation(0), permutation(1), permutation(2)}];
  }
  EXPECT_EQ(counts.size(), 6u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 130);
}

TEST(Permutation, DiffersBetweenSeedsAndStreams) {
  const auto order = [](uint64_t seed, uint64_t stream) {
    std::vector<uint64_t> values;
    for (uint64_t i = 0; i < 100; ++i) values.push_back(Permutation(100, seed, stream)(i));
    return values;
  };
  EXPECT_NE(order(1, 1), order(2, 1));
  EXPECT_NE(order(1, 1), order(1, 2));
  EXPECT_FALSE(std::is_sorted(order(1, 1).begin(), order(1, 1).end()));
}

TEST(BatchSampler, GivesWindowsOfTheStreamAndTheTokensThatFollow) {
  const auto sampler = BatchSampler::create(counting_stream(5003), 16, 4, 7);
  ASSERT_TRUE(sampler.has_value());
  std::vector<int32_t> tokens(64);
  std::vector<int32_t> targets(64);
  for (uint64_t batch = 0; batch < 200; ++batch) {
    sampler->fill(batch, tokens, targets);
    for (size_t row = 0; row < 4; ++row) {
      const auto start = static_cast<int32_t>(sampler->window_start(batch * 4 + row));
      for (size_t s = 0; s < 16; ++s) {
        ASSERT_EQ(tokens[row * 16 + s], start + static_cast<int32_t>(s));
        ASSERT_EQ(targets[row * 16 + s], start + static_cast<int32_t>(s) + 1);
      }
    }
  }
}

TEST(BatchSampler, VisitsEveryWindowOfAShiftedGridOncePerEpoch) {
  const size_t sequence = 10;
  for (const size_t size : {11u, 12u, 25u, 160u, 161u, 3000u, 3009u}) {
    const auto sampler = BatchSampler::create(counting_stream(size), sequence, 3, 1);
    ASSERT_TRUE(sampler.has_value());
    const uint64_t windows = sampler->windows_per_epoch();
    EXPECT_GE(windows + 1, (size - 1) / sequence);
    for (uint64_t epoch = 0; epoch < 5; ++epoch) {
      std::vector<size_t> starts;
      for (uint64_t i = 0; i < windows; ++i) starts.push_back(sampler->window_start(epoch * windows + i));
      std::sort(starts.begin(), starts.end());
      for (size_t i = 0; i < starts.size(); ++i) ASSERT_EQ(starts[i], starts[0] + i * sequence);
      ASSERT_LE(starts.back() + sequence + 1, size);
    }
  }
}

TEST(BatchSampler, ReachesEveryTokenAndShiftsTheGrid) {
  const auto sampler = BatchSampler::create(counting_stream(1000), 50, 1, 2);
  std::set<size_t> shifts;
  std::vector<bool> reached(1000);
  std::vector<int32_t> tokens(50);
  std::vector<int32_t> targets(50);
  const uint64_t windows = sampler->windows_per_epoch();
  for (uint64_t i = 0; i < 300 * windows; ++i) {
    shifts.insert(sampler->window_start(i) % 50);
    sampler->fill(i, tokens, targets);
    for (const int32_t token : targets) reached[static_cast<size_t>(token)] = true;
  }
  EXPECT_EQ(shifts.size(), 50u);
  EXPECT_EQ(std::count(reached.begin() + 1, reached.end(), true), 999);
}

TEST(BatchSampler, OrdersEpochsAndSeedsDifferently) {
  const auto order = [](const BatchSampler& sampler, uint64_t epoch) {
    std::vector<size_t> starts;
    const uint64_t windows = sampler.windows_per_epoch();
    for (uint64_t i = 0; i < windows; ++i) starts.push_back(sampler.window_start(epoch * windows + i) / 10);
    return starts;
  };
  const TokenStream stream = counting_stream(3000);
  const auto first = BatchSampler::create(stream, 10, 2, 1);
  const auto same = BatchSampler::create(stream, 10, 5, 1);
  const auto other = BatchSampler::create(stream, 10, 2, 2);
  EXPECT_EQ(order(*first, 0), order(*same, 0)) << "the batch size changed the order";
  EXPECT_NE(order(*first, 0), order(*first, 1));
  EXPECT_NE(order(*first, 0), order(*other, 0));
}

TEST(BatchSampler, RefusesAStreamShorterThanOneSequence) {
  EXPECT_TRUE(BatchSampler::create(counting_stream(17), 16, 4, 0).has_value());
  EXPECT_EQ(BatchSampler::create(counting_stream(16), 16, 4, 0).error().message,
            "corpus shorter than one sequence: 16 tokens, need at least 17; use a longer text or a smaller --sequence");
  EXPECT_EQ(SequentialBatches::create(TokenStream(), 16, 4).error().message,
            "validation text shorter than one sequence: 0 tokens, need at least 17; use a longer text or a smaller "
            "--sequence");
  EXPECT_EQ(BatchSampler::create(counting_stream(20), 0, 4, 0).error().message,
            "sequence length: expected at least 1, found 0");
  EXPECT_EQ(BatchSampler::create(counting_stream(20), 4, 0, 0).error().message,
            "batch size: expected at least 1, found 0");
}

TEST(SequentialBatches, GoThroughTheStreamInOrder) {
  const auto batches = SequentialBatches::create(counting_stream(107), 10, 3);
  ASSERT_TRUE(batches.has_value());
  ASSERT_EQ(batches->count(), 3u);  // 10 windows
  std::vector<int32_t> tokens(30);
  std::vector<int32_t> targets(30);
  for (uint64_t batch = 0; batch < 3; ++batch) {
    batches->fill(batch, tokens, targets);
    for (size_t i = 0; i < 30; ++i) {
      EXPECT_EQ(tokens[i], static_cast<int32_t>(batch * 30 + i));
      EXPECT_EQ(targets[i], tokens[i] + 1);
    }
  }
}

TEST(SequentialBatches, RepeatWindowsToFillTheOnlyBatch) {
  const auto batches = SequentialBatches::create(counting_stream(21), 10, 3);
  ASSERT_EQ(batches->count(), 1u);
  std::vector<int32_t> tokens(30);
  std::vector<int32_t> targets(30);
  batches->fill(0, tokens, targets);
  EXPECT_EQ(tokens[0], 0);
  EXPECT_EQ(tokens[10], 10);
  EXPECT_EQ(tokens[20], 0);
  EXPECT_EQ(targets[19], 20);
}

}  // namespace
}  // namespace millwright::text
