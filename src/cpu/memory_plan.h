// The memory plan: which buffers share memory because one's life ends where the other's begins (results written
// straight to the caller, in-place updates, dropped copies), and where in one arena the others lie.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "cpu/lowering.h"

namespace millwright::cpu {

// The calls during which a buffer's bytes matter: from its first write to its last use, both included.
struct Lifetime {
  int first = 0;
  int last = -1;  // before `first`: never used
  bool is_used() const { return last >= first; }
};

struct MemoryPlan {
  std::vector<int> owner;       // buffer → the buffer whose memory it shares, itself included
  std::vector<int64_t> offset;  // owner → bytes from the start of the arena; -1 for the caller's memory and constants
  std::vector<Lifetime> lifetimes;  // by buffer; calls are counted before any is dropped
  std::vector<bool> is_dropped;     // by call: a move between buffers that share memory
  int64_t arena_bytes = 0;
  int64_t unplanned_bytes = 0;  // what the arena buffers would take without sharing
};

// `aliases[r]`: the input whose memory is that of result r, or -1. Fails where such an input is still read after the
// result has been written.
Result<MemoryPlan> plan_memory(const LoweredFunction& lowered, std::span<const int> aliases);

// Every arena offset is a multiple of this many bytes.
inline constexpr int64_t kArenaAlignment = 64;

}  // namespace millwright::cpu
