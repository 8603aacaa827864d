// NaN found and replaced in every storage, at every place of vectors and tails.
#include "cpu/kernels/not_a_number.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "base/half.h"
#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <class Bits>
void expect_found_and_replaced(Storage storage, const std::vector<Bits>& numbers, Bits nan, Bits negative_nan,
                               Bits infinity) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{5}, size_t{64}, size_t{131}}) {
    std::vector<Bits> elements(count);
    for (size_t i = 0; i < count; ++i) elements[i] = numbers[i % numbers.size()];
    const std::vector<Bits> original = elements;
    EXPECT_FALSE(has_nan(storage, elements.data(), static_cast<int64_t>(count)));
    for (size_t place = 0; place < count; ++place) {
      elements = original;
      elements[place] = place % 2 == 0 ? nan : negative_nan;
      ASSERT_TRUE(has_nan(storage, elements.data(), static_cast<int64_t>(count))) << place << " of " << count;
      std::vector<Bits> expected = original;
      expected[place] = infinity;
      copy_nan_as_infinity(storage, elements.data(), static_cast<int64_t>(count), elements.data());
      ASSERT_EQ(elements, expected) << place << " of " << count;
    }
  }
}

TEST(NotANumber, IsFoundAndReplacedAnywhere) {
  for_each_target([] {
    std::vector<uint16_t> halves, bfloats;
    std::vector<uint32_t> floats;
    for (const float x : {0.0f, -0.0f, 1.0f, -65504.0f, kInfinity, -kInfinity, 6e-8f}) {
      halves.push_back(float_to_half_bits(x));
      bfloats.push_back(float_to_bfloat16_bits(x));
      floats.push_back(std::bit_cast<uint32_t>(x));
    }
    expect_found_and_replaced<uint16_t>(Storage::float16, halves, 0x7c01, 0xfe00, 0x7c00);
    expect_found_and_replaced<uint16_t>(Storage::bfloat16, bfloats, 0x7fc0, 0xff81, 0x7f80);
    expect_found_and_replaced<uint32_t>(Storage::float32, floats, 0x7f800001, 0xffc00000, 0x7f800000);
  });
}

TEST(NotANumber, IsFoundBehindTheFirstTask) {
  std::vector<uint16_t> elements((size_t{1} << 19) + 3, 0x3c00);
  EXPECT_FALSE(has_nan(Storage::float16, elements.data(), static_cast<int64_t>(elements.size())));
  elements.back() = 0x7e00;
  EXPECT_TRUE(has_nan(Storage::float16, elements.data(), static_cast<int64_t>(elements.size())));
}

}  // namespace
}  // namespace millwright::cpu
