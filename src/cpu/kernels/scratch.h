// Per-thread scratch memory of the kernels: packed panels and partial results. It grows to the largest request and is
// kept for the thread's next call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millwright::cpu {

// Borrows at least `count` floats, 64-byte aligned, contents undefined, until destroyed. Leases nest like a stack.
class ScratchLease {
 public:
  explicit ScratchLease(int64_t count);
  ~ScratchLease();
  ScratchLease(const ScratchLease&) = delete;
  ScratchLease& operator=(const ScratchLease&) = delete;

  float* data() const { return data_; }

 private:
  float* data_ = nullptr;
};

}  // namespace millwright::cpu
