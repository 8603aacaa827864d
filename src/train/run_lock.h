// RunLock: one process at a time trains in a run folder. The lock is the kernel's, so it goes with the process however
// that ends.
#pragma once

#include "base/files.h"
#include "base/result.h"

namespace millwright::train {

class RunLock {
 public:
  static Result<RunLock> acquire(const Path& run);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  ~RunLock();

 private:
  explicit RunLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace millwright::train
