// Views against index arithmetic: each transformed view must walk the same elements as a copy would hold.
#include "cpu/view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace millwright::cpu {
namespace {

// Offsets of the view's elements in row-major order.
std::vector<int64_t> offsets(const View& view) {
  std::vector<int64_t> result;
  const int64_t count = view.count();
  for (int64_t index = 0; index < count; ++index) {
    int64_t rest = index;
    int64_t offset = view.offset;
    for (size_t axis = view.sizes.size(); axis-- > 0;) {
      offset += rest % view.sizes[axis] * view.strides[axis];
      rest /= view.sizes[axis];
    }
    result.push_back(offset);
  }
  return result;
}

View dense(const mil::Shape& shape) { return dense_view(0, mil::Type::tensor(mil::ElementType::fp32, shape)); }

TEST(View, AReshapeKeepsTheOrderOfTheElements) {
  RandomStream random(7);
  int expressed = 0;
  for (int round = 0; round < 500; ++round) {
    View view = dense({4, 6, 10});
    if (random.below(2) == 0) view = permuted(view, std::vector<int64_t>{1, 0, 2});
    if (random.below(2) == 0) view = sliced(view, random.below(3), 1, 2);
    if (random.below(3) == 0) view = sliced(view, 2, view.sizes[2] - 1, view.sizes[2], -1);
    // Cut the factors of the count at random places.
    mil::Shape shape = {1};
    int64_t rest = view.count();
    for (int64_t factor = 2; rest > 1;) {
      if (rest % factor != 0) {
        ++factor;
        continue;
      }
      if (random.below(2) == 0) shape.push_back(1);
      shape.back() *= factor;
      rest /= factor;
    }
    const auto result = reshaped(view, shape);
    if (!result) continue;
    ++expressed;
    EXPECT_EQ(offsets(*result), offsets(view));
  }
  EXPECT_GT(expressed, 100);
}

TEST(View, ReshapesThatStridesCannotExpressAreRefused) {
  EXPECT_FALSE(reshaped(permuted(dense({4, 6}), std::vector<int64_t>{1, 0}), {24}));
  EXPECT_FALSE(reshaped(sliced(dense({4, 6}), 1, 0, 3), {12}));
  EXPECT_TRUE(reshaped(sliced(dense({4, 6}), 0, 1, 2), {12}));
}

TEST(View, ABroadcastRepeatsWithStrideZero) {
  const View view = broadcasted(dense({3, 1}), {2, 3, 4});
  EXPECT_EQ(offsets(view),
            (std::vector<int64_t>{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2}));
  EXPECT_FALSE(is_dense(view));
  EXPECT_TRUE(is_splat(broadcasted(dense({1}), {5, 6})));
}

TEST(View, ADenseViewMayStartAnywhereAndHaveAnyStrideOnAxesOfOne) {
  View view = sliced(dense({4, 1, 5}), 0, 2, 2);
  view.strides[1] = 77;
  EXPECT_TRUE(is_dense(view));
  EXPECT_TRUE(is_same_place(view, sliced(dense({4, 1, 5}), 0, 2, 2)));
}

TEST(View, ALoopHasAsFewDimensionsAsTheStridesAllow) {
  const View x = dense({2, 3, 1, 4});
  const View narrow = broadcasted(dense({3, 1, 1}), x.sizes);
  const Loop alone = collapsed(x.sizes, std::vector<std::vector<int64_t>>{x.strides});
  EXPECT_EQ(alone.sizes, (Dims{24}));
  const Loop both = collapsed(x.sizes, std::vector{x.strides, narrow.strides});
  EXPECT_EQ(both.sizes, (Dims{2, 3, 4}));
  EXPECT_EQ(both.strides[1], (Dims{0, 1, 0}));
  const std::vector<uint8_t> flags = {0, 1, 0, 1};
  EXPECT_EQ(collapsed(x.sizes, std::vector<std::vector<int64_t>>{x.strides}, flags).sizes, (Dims{2, 12}));
}

}  // namespace
}  // namespace millwright::cpu
