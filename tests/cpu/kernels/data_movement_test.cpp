// Copies and fills against index arithmetic, element by element.
#include "cpu/kernels/data_movement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

using testing::Each;
using testing::ElementsAre;

template <class Element>
std::vector<Element> counting(int64_t count) {
  std::vector<Element> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Element>(i * 2654435761u + 12345u);
  return values;
}

template <class Element>
void check_copy(const Dims& sizes, const Dims& source_strides, const Dims& destination_strides, int64_t source_span,
                int64_t destination_span) {
  const std::vector<Element> source = counting<Element>(source_span);
  std::vector<Element> destination(static_cast<size_t>(destination_span), Element{7});
  std::vector<Element> expected = destination;
  for (int64_t flat = 0; flat < element_count(sizes); ++flat) {
    int64_t rest = flat, from = 0, to = 0;
    for (int dim = sizes.rank() - 1; dim >= 0; --dim) {
      from += rest % sizes[dim] * source_strides[dim];
      to += rest % sizes[dim] * destination_strides[dim];
      rest /= sizes[dim];
    }
    expected[static_cast<size_t>(to)] = source[static_cast<size_t>(from)];
  }
  strided_copy(sizeof(Element), sizes, source.data(), source_strides, destination.data(), destination_strides);
  ASSERT_EQ(std::memcmp(destination.data(), expected.data(), expected.size() * sizeof(Element)), 0);
}

// Strides of a randomly permuted layout with gaps; returns the span.
int64_t random_layout(RandomSource& random, const Dims& sizes, bool broadcast, Dims& strides) {
  std::vector<int> order;
  for (int dim = 0; dim < sizes.rank(); ++dim) order.insert(order.begin() + random.integer(0, dim), dim);
  if (random.chance(0.4)) std::sort(order.begin(), order.end());
  strides = sizes;
  int64_t span = 1;
  for (size_t i = order.size(); i-- > 0;) {
    if (broadcast && random.chance(0.2)) {
      strides[order[i]] = 0;
      continue;
    }
    strides[order[i]] = span;
    span = span * sizes[order[i]] + (random.chance(0.3) ? random.integer(1, 4) : 0);
  }
  return span;
}

TEST(StridedCopy, AgreesWithIndexArithmetic) {
  for_each_target([] {
    RandomSource random(41);
    for (int repetition = 0; repetition < 200 && !testing::Test::HasFailure(); ++repetition) {
      Dims sizes, from, to;
      const int64_t rank = random.integer(0, 5);
      for (int64_t dim = 0; dim < rank; ++dim) sizes.push_back(random.integer(1, 7));
      for (int i = 0; i < 2 && rank > 0; ++i) {
        if (random.chance(0.4)) sizes[static_cast<int>(random.integer(0, rank - 1))] = random.integer(20, 150);
      }
      const int64_t from_span = random_layout(random, sizes, true, from);
      const int64_t to_span = random_layout(random, sizes, false, to);
      SCOPED_TRACE(testing::Message() << "repetition " << repetition);
      switch (repetition % 4) {
        case 0:
          check_copy<uint8_t>(sizes, from, to, from_span, to_span);
          break;
        case 1:
          check_copy<uint16_t>(sizes, from, to, from_span, to_span);
          break;
        case 2:
          check_copy<uint32_t>(sizes, from, to, from_span, to_span);
          break;
        default:
          check_copy<uint64_t>(sizes, from, to, from_span, to_span);
          break;
      }
    }
  });
}

TEST(StridedCopy, TransposesMatricesOfEveryEdge) {
  for_each_target([] {
    for (int64_t rows : {1, 15, 16, 17, 64, 70, 131}) {
      for (int64_t columns : {1, 8, 33, 64, 100}) {
        check_copy<uint32_t>({columns, rows}, {1, columns}, {rows, 1}, rows * columns, rows * columns);
      }
    }
  });
}

TEST(StridedCopy, MovesDimensions) {
  const std::vector<int32_t> x{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};  // [2, 3, 2], by the permutation [2, 0, 1]
  std::vector<int32_t> y(12);
  strided_copy(4, {2, 2, 3}, x.data(), {1, 6, 2}, y.data(), {6, 3, 1});
  EXPECT_THAT(y, ElementsAre(0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11));
}

TEST(StridedCopy, CutsAndConcatenates) {
  // Columns 1 and 2 of [2, 4] become the last two columns of [2, 5].
  const std::vector<int32_t> x{0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<int32_t> y(10, -1);
  strided_copy(4, {2, 2}, x.data() + 1, {4, 1}, y.data() + 3, {5, 1});
  EXPECT_THAT(y, ElementsAre(-1, -1, -1, 1, 2, -1, -1, -1, 5, 6));
}

TEST(StridedCopy, ReversesWithNegativeStrides) {
  const std::vector<int32_t> x{0, 1, 2, 3};
  std::vector<int32_t> y(4);
  strided_copy(4, {4}, x.data() + 3, {-1}, y.data(), {1});
  EXPECT_THAT(y, ElementsAre(3, 2, 1, 0));
}

TEST(StridedFill, FillsOnlyTheGivenElements) {
  const float value = 2.5f;
  std::vector<float> y(6, 0.0f);
  strided_fill(4, {2, 2}, &value, y.data(), {3, 1});
  EXPECT_THAT(y, ElementsAre(2.5f, 2.5f, 0, 2.5f, 2.5f, 0));
  std::vector<uint8_t> bytes(100'000, 0);
  const uint8_t one = 1;
  strided_fill(1, {100'000}, &one, bytes.data(), {1});
  EXPECT_THAT(bytes, Each(1));
}

TEST(StridedCopy, OfNothingTouchesNothing) { strided_copy(4, {3, 0}, nullptr, {1, 1}, nullptr, {1, 1}); }

}  // namespace
}  // namespace millwright::cpu
