// Large buffers come from mmap, small ones from the heap. Under the address sanitizer all but huge ones come from the
// heap, where overruns are seen.
#include "base/aligned_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace millwright {

namespace {

#if defined(__SANITIZE_ADDRESS__)
#define MW_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MW_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(MW_ADDRESS_SANITIZER)
constexpr size_t kMappedFrom = size_t{256} << 20;
#else
constexpr size_t kMappedFrom = size_t{4} << 20;
#endif
constexpr size_t kLargePage = size_t{2} << 20;

std::byte* map_on_large_page(size_t bytes, size_t& mapped) {
  if (bytes > std::numeric_limits<size_t>::max() - 2 * kLargePage) return nullptr;
  const size_t rounded = (bytes + kLargePage - 1) / kLargePage * kLargePage;
  const size_t reserved = rounded + kLargePage;
  void* base = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  auto* start = static_cast<std::byte*>(base);
  const size_t before = (kLargePage - reinterpret_cast<uintptr_t>(start) % kLargePage) % kLargePage;
  const size_t after = kLargePage - before;
  if (before > 0) munmap(start, before);
  if (after > 0) munmap(start + before + rounded, after);
#if defined(__linux__)
  madvise(start + before, rounded, MADV_HUGEPAGE);  // a hint: kernels without large pages refuse it
#endif
  mapped = rounded;
  return start + before;
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes) { MW_CHECK(acquire(bytes), "no memory for {} bytes", bytes); }

Result<AlignedBuffer> AlignedBuffer::allocate(size_t bytes) {
  AlignedBuffer buffer;
  if (!buffer.acquire(bytes)) {
    return fail(ErrorKind::exhausted,
                "not enough memory for {} bytes ({:.1f} GiB); use a smaller model or batch, or free memory", bytes,
                static_cast<double>(bytes) / (1 << 30));
  }
  return buffer;
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

AlignedBuffer::~AlignedBuffer() { release(); }

bool AlignedBuffer::acquire(size_t bytes) {
  if (bytes == 0) return true;
  if (bytes >= kMappedFrom) {
    data_ = map_on_large_page(bytes, mapped_);
  } else {
    void* memory = nullptr;
    if (posix_memalign(&memory, kAlignment, bytes) == 0) {
      std::memset(memory, 0, bytes);
      data_ = static_cast<std::byte*>(memory);
    }
  }
  if (data_ != nullptr) size_ = bytes;
  return data_ != nullptr;
}

void AlignedBuffer::release() {
  if (mapped_ > 0) {
    munmap(data_, mapped_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  size_ = mapped_ = 0;
}

}  // namespace millwright
