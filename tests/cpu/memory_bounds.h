// What a memory plan must keep: no overlap of live values, and how many bytes live at once.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "cpu/memory_plan.h"

namespace millwright::cpu {

// Arena bytes of buffers that hold values at the same time are disjoint, unless one hands its memory to the other in
// the call where it ends and the other begins.
inline void expect_no_overlap(const LoweredFunction& lowered, const MemoryPlan& plan) {
  const auto& buffers = lowered.buffers;
  const auto begin = [&](size_t id) { return plan.offset[static_cast<size_t>(plan.owner[id])]; };
  for (size_t a = 0; a < buffers.size(); ++a) {
    for (size_t b = a + 1; b < buffers.size(); ++b) {
      if (begin(a) < 0 || begin(b) < 0 || !plan.lifetimes[a].is_used() || !plan.lifetimes[b].is_used()) continue;
      const Lifetime& x = plan.lifetimes[a];
      const Lifetime& y = plan.lifetimes[b];
      const bool apart = x.last < y.first || y.last < x.first;
      const bool touching = x.last == y.first || y.last == x.first;
      const bool disjoint = begin(a) + buffers[a].bytes <= begin(b) || begin(b) + buffers[b].bytes <= begin(a);
      const bool shared = plan.owner[a] == plan.owner[b];
      EXPECT_TRUE(apart || disjoint || (touching && shared)) << "buffers " << a << " and " << b;
    }
  }
}

// The most bytes that live at once, over all calls: no plan can do with less.
inline int64_t live_bytes(const LoweredFunction& lowered, const MemoryPlan& plan) {
  int64_t most = 0;
  for (size_t call = 0; call < lowered.calls.size(); ++call) {
    std::vector<int> owners;
    int64_t bytes = 0;
    for (size_t id = 0; id < lowered.buffers.size(); ++id) {
      const Lifetime& life = plan.lifetimes[id];
      const int owner = plan.owner[id];
      const bool lives = life.is_used() && life.first <= static_cast<int>(call) && static_cast<int>(call) <= life.last;
      if (!lives || plan.offset[static_cast<size_t>(owner)] < 0) continue;
      if (std::ranges::find(owners, owner) != owners.end()) continue;
      owners.push_back(owner);
      bytes += lowered.buffers[id].bytes;
    }
    most = std::max(most, bytes);
  }
  return most;
}

}  // namespace millwright::cpu
