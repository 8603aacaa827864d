// Reductions, arg-reductions and running sums. Numbers by hand or from NumPy 1.24.
#include <cmath>
#include <limits>

#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

TensorValue reduce(std::string_view kind, const TensorValue& x, const std::vector<int64_t>& axes,
                   bool keep_dims = false) {
  return result_of(kind, {{"x", x}}, {{"axes", ints(axes)}, {"keep_dims", Literal::boolean(keep_dims)}});
}

const TensorValue kRows = fp64({2, 3}, {1, 2, 3, -1, 0, 4});

TEST(InterpretedReductions, CombineTheElementsOfEachRow) {
  expect_tensor(reduce("reduce_sum", kRows, {1}), {2}, {6, 3});
  expect_tensor(reduce("reduce_mean", kRows, {1}), {2}, {2, 1});
  expect_tensor(reduce("reduce_max", kRows, {1}), {2}, {3, 4});
  expect_tensor(reduce("reduce_min", kRows, {1}), {2}, {1, -1});
  expect_tensor(reduce("reduce_prod", kRows, {1}), {2}, {6, 0});
  expect_tensor(reduce("reduce_sum_square", kRows, {1}), {2}, {14, 17});
  expect_tensor(reduce("reduce_l1_norm", kRows, {1}), {2}, {6, 5});
  expect_tensor(reduce("reduce_l2_norm", kRows, {1}), {2}, {std::sqrt(14), std::sqrt(17)});
  expect_tensor(reduce("reduce_log_sum", kRows, {1}), {2}, {std::log(6), std::log(3)});
  expect_near(reduce("reduce_log_sum_exp", kRows, {1}), {3.40760596444438, 4.024744890138822});
}

TEST(InterpretedReductions, DropOrKeepTheReducedAxes) {
  expect_tensor(reduce("reduce_sum", counting({2, 3, 2}), {0, -1}), {3}, {14, 22, 30});
  expect_tensor(reduce("reduce_sum", counting({2, 3, 2}), {0, 2}, true), {1, 3, 1}, {14, 22, 30});
  expect_tensor(reduce("reduce_max", counting({2, 3, 2}), {1}), {2, 2}, {4, 5, 10, 11});
}

TEST(InterpretedReductions, TakeAllAxesWhenNoneAreNamed) {
  expect_tensor(result_of("reduce_sum", {{"x", counting({2, 3})}}), {}, {15});
  expect_tensor(reduce("reduce_sum", counting({2, 3}), {}, true), {1, 1}, {15});
}

TEST(InterpretedReductions, LogSumExpHoldsForLargeAndInfiniteElements) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  expect_near(reduce("reduce_log_sum_exp", fp64({2}, {1000, 1000}), {0}), {1000 + std::log(2)});
  EXPECT_EQ(reduce("reduce_log_sum_exp", fp64({2}, {-kInfinity, -kInfinity}), {0}).numbers[0], -kInfinity);
}

TEST(InterpretedReductions, ArgReductionsTakeTheFirstOfEqualExtremes) {
  const TensorValue x = fp64({2, 3}, {5, 1, 5, 2, 2, 7});
  const TensorValue largest = result_of("reduce_argmax", {{"x", x}}, {{"axis", Literal::int32(-1)}});
  expect_tensor(largest, {2}, {0, 2});
  EXPECT_EQ(largest.type.element(), ElementType::int32);
  const auto kept =
      result_of("reduce_argmin", {{"x", x}}, {{"axis", Literal::int32(0)}, {"keep_dims", Literal::boolean(true)}});
  expect_tensor(kept, {1, 3}, {1, 0, 0});
}

TEST(InterpretedReductions, CumsumRunsEitherWayWithOrWithoutItsElement) {
  const auto cumsum = [](bool exclusive, bool reverse) {
    return result_of("cumsum", {{"x", counting({2, 3})}},
                     {{"axis", Literal::int32(1)},
                      {"exclusive", Literal::boolean(exclusive)},
                      {"reverse", Literal::boolean(reverse)}});
  };
  expect_tensor(cumsum(false, false), {2, 3}, {0, 1, 3, 3, 7, 12});
  expect_tensor(cumsum(false, true), {2, 3}, {3, 3, 2, 12, 9, 5});
  expect_tensor(cumsum(true, false), {2, 3}, {0, 0, 1, 0, 3, 7});
  expect_tensor(cumsum(true, true), {2, 3}, {3, 2, 0, 9, 5, 0});
  expect_tensor(result_of("cumsum", {{"x", counting({2, 2})}}), {2, 2}, {0, 1, 2, 4});
}

}  // namespace
}  // namespace millwright::mil
