// Gathers and scatter-adds against plain loops.
#include "cpu/kernels/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

using testing::ElementsAre;

struct Shape {
  int64_t outer, axis, inner, count;
};

const std::vector<Shape> kShapes{{1, 10, 64, 7}, {3, 5, 1, 11}, {2, 4, 300, 6}, {1, 3, 5, 1}, {4, 2000, 2, 50}};

std::vector<int32_t> random_indices(RandomSource& random, int64_t count, int64_t axis) {
  std::vector<int32_t> indices(static_cast<size_t>(count));
  for (int32_t& index : indices) index = static_cast<int32_t>(random.integer(-axis, axis - 1));
  return indices;
}

int64_t wrapped(int32_t index, int64_t axis) { return index < 0 ? index + axis : index; }

TEST(Gather, TakesSlicesAlongTheAxis) {
  RandomSource random(51);
  for (const Shape& shape : kShapes) {
    const std::vector<float> x = random.floats(shape.outer * shape.axis * shape.inner);
    const std::vector<int32_t> indices = random_indices(random, shape.count, shape.axis);
    std::vector<float> y(static_cast<size_t>(shape.outer * shape.count * shape.inner));
    gather(4, x.data(), shape.outer, shape.axis, shape.inner, indices.data(), shape.count, y.data());
    size_t at = 0;
    for (int64_t o = 0; o < shape.outer; ++o) {
      for (int32_t index : indices) {
        for (int64_t j = 0; j < shape.inner; ++j) {
          ASSERT_EQ(y[at++], x[static_cast<size_t>((o * shape.axis + wrapped(index, shape.axis)) * shape.inner + j)]);
        }
      }
    }
  }
}

TEST(Gather, MovesElementsOfAnySize) {
  const std::vector<int32_t> indices{2, 0, -1};
  std::vector<uint8_t> bytes(3);
  gather(1, std::vector<uint8_t>{5, 6, 7}.data(), 1, 3, 1, indices.data(), 3, bytes.data());
  EXPECT_THAT(bytes, ElementsAre(7, 5, 7));
  std::vector<uint16_t> shorts(3);
  gather(2, std::vector<uint16_t>{500, 600, 700}.data(), 1, 3, 1, indices.data(), 3, shorts.data());
  EXPECT_THAT(shorts, ElementsAre(700, 500, 700));
  std::vector<uint64_t> longs(3);
  gather(8, std::vector<uint64_t>{5, 6, 1ull << 60}.data(), 1, 3, 1, indices.data(), 3, longs.data());
  EXPECT_THAT(longs, ElementsAre(1ull << 60, 5u, 1ull << 60));
}

TEST(GatherAlongAxis, TakesOneElementPerIndex) {
  RandomSource random(52);
  for (const Shape& shape : kShapes) {
    const std::vector<float> x = random.floats(shape.outer * shape.axis * shape.inner);
    const std::vector<int32_t> indices = random_indices(random, shape.outer * shape.count * shape.inner, shape.axis);
    std::vector<float> y(indices.size());
    gather_along_axis(4, x.data(), shape.outer, shape.axis, shape.inner, indices.data(), shape.count, y.data());
    for (size_t at = 0; at < y.size(); ++at) {
      const int64_t o = static_cast<int64_t>(at) / (shape.count * shape.inner);
      const int64_t j = static_cast<int64_t>(at) % shape.inner;
      ASSERT_EQ(y[at], x[static_cast<size_t>((o * shape.axis + wrapped(indices[at], shape.axis)) * shape.inner + j)]);
    }
  }
}

// Scatters add small integers, so that float sums are exact in any order and equal the oracle's.
std::vector<float> small_integers(RandomSource& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.integer(-8, 8));
  return values;
}

TEST(ScatterAdd, AddsEverySliceToItsPlace) {
  RandomSource random(53);
  for (const Shape& shape : kShapes) {
    const std::vector<float> x = small_integers(random, shape.outer * shape.count * shape.inner);
    const std::vector<int32_t> indices = random_indices(random, shape.count, shape.axis);
    std::vector<float> y = small_integers(random, shape.outer * shape.axis * shape.inner);
    std::vector<float> expected = y;
    for (size_t at = 0; at < x.size(); ++at) {
      const int64_t o = static_cast<int64_t>(at) / (shape.count * shape.inner);
      const int64_t i = static_cast<int64_t>(at) / shape.inner % shape.count;
      const int64_t j = static_cast<int64_t>(at) % shape.inner;
      const int64_t row = o * shape.axis + wrapped(indices[static_cast<size_t>(i)], shape.axis);
      expected[static_cast<size_t>(row * shape.inner + j)] += x[at];
    }
    scatter_add(x.data(), shape.outer, shape.count, shape.inner, indices.data(), shape.axis, y.data());
    EXPECT_EQ(y, expected);
  }
}

TEST(ScatterAddAlongAxis, AddsEveryElementToItsPlace) {
  RandomSource random(54);
  for (const Shape& shape : kShapes) {
    const std::vector<float> x = small_integers(random, shape.outer * shape.count * shape.inner);
    const std::vector<int32_t> indices = random_indices(random, static_cast<int64_t>(x.size()), shape.axis);
    std::vector<float> y = small_integers(random, shape.outer * shape.axis * shape.inner);
    std::vector<float> expected = y;
    for (size_t at = 0; at < x.size(); ++at) {
      const int64_t o = static_cast<int64_t>(at) / (shape.count * shape.inner);
      const int64_t j = static_cast<int64_t>(at) % shape.inner;
      expected[static_cast<size_t>((o * shape.axis + wrapped(indices[at], shape.axis)) * shape.inner + j)] += x[at];
    }
    scatter_add_along_axis(x.data(), shape.outer, shape.count, shape.inner, indices.data(), shape.axis, y.data());
    EXPECT_EQ(y, expected);
  }
}

TEST(ScatterAdd, GivesTheSameBitsAtAnyThreadCount) {
  RandomSource random(55);
  const std::vector<float> x = random.floats(500 * 400);
  const std::vector<int32_t> indices = random_indices(random, 500, 9);
  const auto run = [&](int threads) {
    const ThreadCountScope scope(threads);
    std::vector<float> y(9 * 400, 0.0f);
    scatter_add(x.data(), 1, 500, 400, indices.data(), 9, y.data());
    return y;
  };
  EXPECT_TRUE(same_bits(run(2), run(1)));
}

TEST(FirstInvalidIndex, FindsTheFirstOutOfRange) {
  const std::vector<int32_t> indices{0, -3, 2, 3, -4};
  EXPECT_EQ(first_invalid_index(indices.data(), 3, 3), -1);
  EXPECT_EQ(first_invalid_index(indices.data(), 5, 3), 3);
  EXPECT_EQ(first_invalid_index(indices.data() + 4, 1, 3), 0);
}

TEST(GatherDeathTest, StopsOnAnInvalidIndex) {
  const std::vector<float> x(3);
  float y = 0;
  const int32_t index = 3;
  EXPECT_DEATH(gather(4, x.data(), 1, 3, 1, &index, 1, &y), "index 3 into an axis of 3");
}

}  // namespace
}  // namespace millwright::cpu
