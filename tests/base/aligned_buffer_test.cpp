// Alignment, zeroing and ownership of AlignedBuffer, below and above the size from which it is mapped.
#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace millwright {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

TEST(AlignedBuffer, IsAlignedAndZeroAtEverySize) {
  for (const size_t bytes :
       {size_t{1}, size_t{63}, size_t{4096}, 4 * kMebibyte - 1, 4 * kMebibyte, 9 * kMebibyte + 5}) {
    AlignedBuffer buffer(bytes);
    EXPECT_EQ(buffer.size(), bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
    const auto content = buffer.as<std::byte>();
    EXPECT_TRUE(std::all_of(content.begin(), content.end(), [](std::byte b) { return b == std::byte{0}; })) << bytes;
    std::fill(content.begin(), content.end(), std::byte{0xff});  // every byte can be written
  }
}

TEST(AlignedBuffer, IsZeroAgainWhenMemoryIsReused) {
  for (int round = 0; round < 8; ++round) {
    AlignedBuffer buffer(1000);
    for (const std::byte b : buffer.as<std::byte>()) ASSERT_EQ(b, std::byte{0});
    std::fill_n(buffer.data(), 1000, std::byte{0xaa});
  }
}

TEST(AlignedBuffer, MovesItsMemory) {
  AlignedBuffer first(16);
  std::byte* const memory = first.data();
  AlignedBuffer second(std::move(first));
  EXPECT_EQ(second.data(), memory);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT: the moved-from state is specified
  AlignedBuffer third(8 * kMebibyte);
  third = std::move(second);
  EXPECT_EQ(third.data(), memory);
  EXPECT_EQ(third.size(), 16u);
  EXPECT_EQ(third.as<float>().size(), 4u);
}

TEST(AlignedBuffer, OfNoBytesIsEmpty) {
  AlignedBuffer buffer(0);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_TRUE(buffer.as<double>().empty());
}

TEST(AlignedBuffer, AllocationThatCannotFitIsAnError) {
  const auto result = AlignedBuffer::allocate(size_t{1} << 60);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(result.error().message,
            "not enough memory for 1152921504606846976 bytes (1073741824.0 GiB); use a smaller model or batch, or free "
            "memory");
  EXPECT_FALSE(AlignedBuffer::allocate(SIZE_MAX).has_value());
}

TEST(AlignedBufferDeathTest, RefusesElementsThatDoNotDivideIt) {
  AlignedBuffer buffer(6);
  EXPECT_DEATH(buffer.as<float>(), "6 bytes as elements of 4");
}

}  // namespace
}  // namespace millwright
