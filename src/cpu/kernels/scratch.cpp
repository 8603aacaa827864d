// A stack of buffers per thread: lease number n of a thread always gets its n-th buffer.
#include "cpu/kernels/scratch.h"

#include <algorithm>
#include <vector>

#include "base/aligned_buffer.h"

namespace millwright::cpu {

namespace {

struct ThreadScratch {
  std::vector<AlignedBuffer> buffers;
  size_t in_use = 0;
};

ThreadScratch& thread_scratch() {
  thread_local ThreadScratch scratch;
  return scratch;
}

}  // namespace

ScratchLease::ScratchLease(int64_t count) {
  ThreadScratch& scratch = thread_scratch();
  if (scratch.in_use == scratch.buffers.size()) scratch.buffers.emplace_back();
  AlignedBuffer& buffer = scratch.buffers[scratch.in_use++];
  const size_t bytes = static_cast<size_t>(std::max<int64_t>(count, 1)) * sizeof(float);
  if (buffer.size() < bytes) {
    buffer = AlignedBuffer();  // gives the old one back first
    buffer = AlignedBuffer(bytes);
  }
  data_ = reinterpret_cast<float*>(buffer.data());
}

ScratchLease::~ScratchLease() { --thread_scratch().in_use; }

}  // namespace millwright::cpu
