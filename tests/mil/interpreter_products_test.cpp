// Matrix products, linear and convolution. Numbers by hand, from NumPy 1.24 or from PyTorch 1.13.
#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

TensorValue matmul(const TensorValue& x, const TensorValue& y, bool transpose_x = false, bool transpose_y = false) {
  return result_of("matmul", {{"x", x}, {"y", y}},
                   {{"transpose_x", Literal::boolean(transpose_x)}, {"transpose_y", Literal::boolean(transpose_y)}});
}

TEST(InterpretedMatmul, MultipliesRowsByColumns) {
  expect_tensor(matmul(fp64({2, 2}, {1, 2, 3, 4}), fp64({2, 2}, {5, 6, 7, 8})), {2, 2}, {19, 22, 43, 50});
}

TEST(InterpretedMatmul, TransposesWhatItsFlagsSay) {
  const TensorValue x = fp64({2, 2}, {1, 2, 3, 4});
  const TensorValue y = fp64({2, 2}, {5, 6, 7, 8});
  expect_tensor(matmul(x, y, true, false), {2, 2}, {26, 30, 38, 44});
  expect_tensor(matmul(x, y, false, true), {2, 2}, {17, 23, 39, 53});
  expect_tensor(matmul(x, y, true, true), {2, 2}, {23, 31, 34, 46});
  expect_tensor(matmul(counting({3, 2}), counting({1, 3}), true, true), {2, 1}, {10, 13});
}

TEST(InterpretedMatmul, BroadcastsLeadingAxes) {
  expect_tensor(matmul(counting({1, 2, 3}), counting({2, 1, 2, 3}), false, true), {2, 1, 2, 2},
                {5, 14, 14, 50, 23, 32, 86, 122});
  expect_tensor(matmul(fp64({1, 2}, {1, 10}), counting({2, 2, 1})), {2, 1, 1}, {10, 32});
}

TEST(InterpretedMatmul, PromotesVectorsAndDropsTheAddedAxis) {
  expect_tensor(matmul(fp64({2}, {1, 2}), fp64({2, 3}, {1, 2, 3, 4, 5, 6})), {3}, {9, 12, 15});
  expect_tensor(matmul(fp64({3, 2}, {1, 2, 3, 4, 5, 6}), fp64({2}, {1, 10})), {3}, {21, 43, 65});
  expect_tensor(matmul(fp64({2}, {1, 2}), fp64({2}, {3, 4})), {}, {11});
  expect_tensor(matmul(fp64({2}, {1, 10}), counting({2, 2, 1})), {2, 1}, {10, 32});
}

TEST(InterpretedLinear, MultipliesByTheTransposedWeightAndAddsTheBias) {
  const std::vector<NamedTensor> operands = {{"x", fp64({2, 2}, {1, 2, 3, 4})},
                                             {"weight", fp64({3, 2}, {1, 0, 0, 1, 1, 1})},
                                             {"bias", fp64({3}, {10, 20, 30})}};
  expect_tensor(result_of("linear", operands), {2, 3}, {11, 22, 33, 13, 24, 37});
}

// x = 1 … 9 in [1, 1, 3, 3] under the kernel 1 2 / 3 4.
TensorValue conv(const std::vector<NamedConstant>& constants) {
  return result_of("conv", {{"x", counting({1, 1, 3, 3}, 1)}, {"weight", fp64({1, 1, 2, 2}, {1, 2, 3, 4})}}, constants);
}

TEST(InterpretedConv, KeepsInsideTheInputByDefault) { expect_tensor(conv({}), {1, 1, 2, 2}, {37, 47, 67, 77}); }

TEST(InterpretedConv, PutsTheOddElementOfPaddingBehindForSameAndInFrontForSameLower) {
  expect_tensor(conv({{"pad_type", Literal::string("same")}}), {1, 1, 3, 3}, {37, 47, 21, 67, 77, 33, 23, 26, 9});
  expect_tensor(conv({{"pad_type", Literal::string("same_lower")}}), {1, 1, 3, 3}, {4, 11, 18, 18, 37, 47, 36, 67, 77});
}

TEST(InterpretedConv, StridesKeepTheRoundedUpSizeUnderSame) {
  expect_tensor(conv({{"pad_type", Literal::string("same")}, {"strides", ints({2, 2})}}), {1, 1, 2, 2},
                {37, 21, 23, 9});
}

TEST(InterpretedConv, TakesCustomPaddingDilationsAndStridesPerAxis) {
  expect_tensor(conv({{"pad_type", Literal::string("custom")},
                      {"pad", ints({0, 1, 1, 1})},
                      {"dilations", ints({2, 1})},
                      {"strides", ints({1, 2})}}),
                {1, 1, 2, 2}, {30, 68, 8, 17});
}

TEST(InterpretedConv, IgnoresPadUnlessItIsCustom) {
  expect_tensor(conv({{"pad", ints({5, 5, 5, 5})}}), {1, 1, 2, 2}, {37, 47, 67, 77});
}

TEST(InterpretedConv, SplitsChannelsIntoGroupsAndAddsTheBias) {
  const std::vector<NamedTensor> operands = {
      {"x", counting({1, 4, 2}, 1)}, {"weight", fp64({2, 2, 1}, {1, 2, 3, 4})}, {"bias", fp64({2}, {10, 20})}};
  expect_tensor(result_of("conv", operands, {{"groups", Literal::int32(2)}}), {1, 2, 2}, {17, 20, 63, 70});
}

}  // namespace
}  // namespace millwright::mil
