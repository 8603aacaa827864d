// Resident memory must follow memory that is touched.
#include "base/memory_usage.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/aligned_buffer.h"

namespace millwright {
namespace {

TEST(MemoryUsage, FollowsTouchedMemory) {
  constexpr size_t kBytes = size_t{128} << 20;
  const size_t before = current_resident_bytes();
  EXPECT_GT(before, size_t{500} << 10);
  {
    AlignedBuffer buffer(kBytes);
    std::fill_n(buffer.data(), kBytes, std::byte{1});
    EXPECT_GE(current_resident_bytes(), before + kBytes * 9 / 10);
  }
  EXPECT_GE(peak_resident_bytes(), before + kBytes * 9 / 10);
  EXPECT_GE(peak_resident_bytes() + (size_t{1} << 20), current_resident_bytes());
}

TEST(MemoryUsage, FitsIntoTheMachine) { EXPECT_GT(machine_memory_bytes(), peak_resident_bytes()); }

}  // namespace
}  // namespace millwright
