// parallel_for: every chunk once, nesting, several callers, thread counts.
#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace millwright {
namespace {

// Restores the thread count that the other tests see.
class ThreadCount {
 public:
  explicit ThreadCount(int count) : before_(thread_count()) { set_thread_count(count); }
  ~ThreadCount() { set_thread_count(before_); }

 private:
  int before_;
};

TEST(ParallelFor, RunsEveryChunkOnceAtEveryThreadCount) {
  for (const int threads : {1, 2, 3, 8}) {
    const ThreadCount scope(threads);
    EXPECT_EQ(thread_count(), threads);
    for (const int64_t chunks : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<int> runs(static_cast<size_t>(chunks));  // not atomic: each chunk writes only its own element
      parallel_for(chunks, [&](int64_t chunk) { ++runs[static_cast<size_t>(chunk)]; });
      EXPECT_EQ(runs, std::vector<int>(static_cast<size_t>(chunks), 1));
    }
  }
}

TEST(ParallelFor, MakesWritesOfAllChunksVisibleToTheCaller) {
  const ThreadCount scope(4);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int64_t> squares(16);
    parallel_for(16, [&](int64_t chunk) { squares[static_cast<size_t>(chunk)] = chunk * chunk + round; });
    ASSERT_EQ(std::accumulate(squares.begin(), squares.end(), int64_t{0}), 1240 + 16 * round);
  }
}

TEST(ParallelFor, UsesSeveralThreadsWhenChunksWaitForEachOther) {
  const ThreadCount scope(2);
  std::atomic<int> arrived{0};
  // Ends only if both chunks run at the same time.
  parallel_for(2, [&](int64_t) {
    arrived.fetch_add(1);
    while (arrived.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived.load(), 2);
}

TEST(ParallelFor, RunsInlineAndInOrderWithOneThread) {
  const ThreadCount scope(1);
  std::vector<int64_t> order;
  const auto caller = std::this_thread::get_id();
  parallel_for(5, [&](int64_t chunk) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(chunk);
  });
  EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

TEST(ParallelFor, RunsNestedCallsInlineAndInOrder) {
  const ThreadCount scope(4);
  std::vector<std::vector<int64_t>> orders(2);
  std::atomic<bool> overtaken{false};
  parallel_for(2, [&](int64_t outer) {
    std::atomic<bool> second_began{false};
    parallel_for(10, [&](int64_t inner) {
      if (inner == 0) {
        // Two threads are idle: time enough for them to begin the second chunk, if they were let.
        for (int turn = 0; turn < 20000 && !second_began; ++turn) std::this_thread::yield();
        if (second_began) overtaken = true;
      }
      if (inner == 1) second_began = true;
      if (!overtaken) orders[static_cast<size_t>(outer)].push_back(inner);
    });
  });
  EXPECT_FALSE(overtaken);
  for (const auto& order : orders) EXPECT_EQ(order, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(ParallelFor, ServesSeveralCallingThreadsAtOnce) {
  const ThreadCount scope(3);
  std::vector<int64_t> sums(4);
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < sums.size(); ++caller) {
    callers.emplace_back([&sums, caller] {
      for (int round = 0; round < 200; ++round) {
        std::vector<int64_t> values(20);
        parallel_for(20, [&](int64_t chunk) { values[static_cast<size_t>(chunk)] = chunk; });
        sums[caller] += std::accumulate(values.begin(), values.end(), int64_t{0});
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<int64_t>(4, 200 * 190));
}

TEST(FunctionRef, CallsTheObjectItWasGiven) {
  int calls = 0;
  auto count = [&calls](int by) { return calls += by; };
  const FunctionRef<int(int)> reference = count;
  EXPECT_EQ(reference(2), 2);
  EXPECT_EQ(reference(3), 5);
  EXPECT_EQ(calls, 5);
}

}  // namespace
}  // namespace millwright
