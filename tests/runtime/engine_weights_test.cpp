#include "runtime/engine_weights.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/half.h"

namespace millwright::runtime {
namespace {

std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = 0.001f * static_cast<float>(i) - 3;
  return values;
}

TEST(HalfConstant, RoundsEveryNumberToTheNearest) {
  const std::vector<float> master = numbers(6);
  const auto literal = half_constant(master, mil::Type::tensor(mil::ElementType::fp16, {2, 3, 1, 1}));
  for (size_t i = 0; i < master.size(); ++i) {
    EXPECT_EQ(literal.number_at(static_cast<int64_t>(i)), static_cast<float>(Half(master[i]))) << i;
  }
}

// Sizes that are no multiples of a block, in either direction.
TEST(HalfConstant, TurnsAMatrixOfAnySize) {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{3, 5}, {70, 129}, {64, 64}, {1, 9}, {130, 1}}) {
    const std::vector<float> master = numbers(static_cast<size_t>(rows * columns));
    const auto type = mil::Type::tensor(mil::ElementType::fp16, {columns, rows, 1, 1});
    const auto literal = half_constant(master, type, rows, columns);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        ASSERT_EQ(literal.number_at(c * rows + r),
                  static_cast<float>(Half(master[static_cast<size_t>(r * columns + c)])));
      }
    }
  }
}

}  // namespace
}  // namespace millwright::runtime
