// AlignedBuffer: zeroed memory that starts on a 64-byte boundary. Large ones are mapped on a 2 MiB boundary, so that
// the kernel can back them with large pages, and cost no time until they are touched.
#pragma once

#include <cstddef>
#include <span>

#include "base/check.h"
#include "base/result.h"

namespace millwright {

class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;

  AlignedBuffer() = default;
  // For sizes that the program computed itself: stops the program when there is no memory.
  explicit AlignedBuffer(size_t bytes);
  // For sizes that come from a file or an option: an error when there is no memory.
  static Result<AlignedBuffer> allocate(size_t bytes);

  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }  // bytes

  // The bytes as elements of T; the size must be a multiple of T's.
  template <class T>
  std::span<T> as() {
    MW_CHECK(size_ % sizeof(T) == 0, "{} bytes as elements of {}", size_, sizeof(T));
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }
  template <class T>
  std::span<const T> as() const {
    MW_CHECK(size_ % sizeof(T) == 0, "{} bytes as elements of {}", size_, sizeof(T));
    return {reinterpret_cast<const T*>(data_), size_ / sizeof(T)};
  }

 private:
  bool acquire(size_t bytes);
  void release();

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes to unmap, 0 for heap memory
};

}  // namespace millwright
