// Each pass on the graph it is made for: what it leaves behind, and that the results are the same.
#include "execution.h"
#include "model_pieces.h"

namespace millwright::cpu {
namespace {

using mil::Shape;
using mil::Value;

int64_t count_kind(const mil::Function& function, std::string_view kind) {
  int64_t count = 0;
  for (const auto& operation : function.block().operations()) count += operation->kind() == kind ? 1 : 0;
  return count;
}

// How often a kernel stands in the listing, at the start of a line.
int64_t count_calls(const std::string& listing, std::string_view kernel = "") {
  int64_t count = 0;
  size_t start = 0;
  while (start < listing.size()) {
    const size_t end = listing.find('\n', start);
    count += listing.compare(start, kernel.size(), kernel) == 0 ? 1 : 0;
    start = end + 1;
  }
  return count;
}

std::string listing_of(TestFunction& f) {
  expect_same_as_interpreter(f.function(), f.inputs());
  const auto compiled = compile(f.function());
  return compiled == nullptr ? "" : compiled->listing();
}

std::unique_ptr<mil::Function> after(TestFunction& f, size_t (*pass)(mil::Function&)) {
  auto copy = mil::clone(f.function());
  pass(*copy);
  return copy;
}

TEST(Passes, AChainOfElementwiseOperationsIsOneCall) {
  TestFunction f(1);
  Value* x = f.floats({4, 8, 1, 16});
  Value* scale = f.floats({1, 8, 1, 1});
  Value* y = f.b().add(f.b().mul(f.b().unary("silu", x), scale), x);
  f.returns({f.b().sub(y, f.b().scalar_like(y, 2))});
  EXPECT_EQ(count_calls(listing_of(f)), 1);
}

TEST(Passes, ADiamondIsOneCallWithTwoResults) {
  TestFunction f(1);
  Value* x = f.floats({64});
  Value* shared = f.b().unary("exp", x);
  f.returns({f.b().add(shared, x), f.b().mul(shared, shared)});
  EXPECT_EQ(count_calls(listing_of(f)), 1);
}

TEST(Passes, AReductionTakesInWhatOnlyItUses) {
  TestFunction f(1);
  Value* x = f.floats({2, 64, 1, 8});
  Value* y = f.floats({2, 64, 1, 8});
  f.returns({f.b().reduce("reduce_sum", f.b().mul(f.b().mul(x, y), y), std::vector<int64_t>{1}, true)});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing), 1);
  EXPECT_EQ(count_calls(listing, "reduce_sum(2)"), 1);
}

// Joining these would need the sum before it is known.
TEST(Passes, AGroupNeverDependsOnItself) {
  TestFunction f(1);
  Value* x = f.floats({8, 32});
  Value* exponential = f.b().unary("exp", x);
  Value* sum = f.b().reduce("reduce_sum", exponential, std::vector<int64_t>{1}, true);
  f.returns({f.b().real_div(exponential, sum)});
  EXPECT_EQ(count_calls(listing_of(f)), 3);
}

TEST(Passes, ACheapOperationIsComputedAgainRatherThanStored) {
  TestFunction f(1);
  Value* gradient = f.floats({2, 64, 1, 8});
  Value* weight = f.floats({1, 64, 1, 1});
  Value* x = f.floats({2, 64, 1, 8});
  Value* scaled = f.b().mul(gradient, weight);
  Value* sum = f.b().reduce("reduce_sum", f.b().mul(scaled, x), std::vector<int64_t>{1}, true);
  f.returns({f.b().sub(scaled, f.b().mul(x, sum))});
  EXPECT_EQ(count_kind(*after(f, recompute_cheap), "mul"), 4);
  EXPECT_EQ(count_calls(listing_of(f)), 2);
}

TEST(Passes, TransposesOfAProductsOperandsCostNoCall) {
  TestFunction f(1);
  Value* a = f.floats({2, 3, 32, 48});
  Value* b = f.floats({2, 3, 24, 32});
  f.returns({f.b().matmul(f.b().transpose(a, std::vector<int64_t>{0, 1, 3, 2}),
                          f.b().transpose(b, std::vector<int64_t>{0, 1, 3, 2}))});
  EXPECT_EQ(count_calls(listing_of(f)), 1);
}

TEST(Passes, AWeightGradientIsOneProductSummedOverTheBatch) {
  TestFunction f(1);
  Value* gradient = f.floats({4, 6, 10});
  Value* x = f.floats({4, 5, 10});
  Value* products = f.b().matmul(gradient, x, false, true);
  f.returns({f.b().reduce("reduce_sum", products, std::vector<int64_t>{0}, false)});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing), 1);
  EXPECT_EQ(count_calls(listing, "matmul"), 1);
}

TEST(Passes, AGradientAccumulatesInPlace) {
  TestFunction f(1);
  Value* gradient = f.floats({4, 6, 10});
  Value* x = f.floats({4, 5, 10});
  Value* buffer = f.floats({6, 5});
  Value* products = f.b().matmul(gradient, x, false, true);
  Value* sum = f.b().add(buffer, f.b().reduce("reduce_sum", products, std::vector<int64_t>{0}, false));
  f.function().alias(sum, buffer);
  f.returns({sum});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing), 1);
  const auto compiled = compile(f.function());
  EXPECT_EQ(compiled->memory().arena_bytes, 0);
}

TEST(Passes, AScaledProductAndAResidualAreOneCall) {
  TestFunction f(1);
  Value* residual = f.floats({2, 6, 1, 10});
  Value* product = f.b().matmul(f.floats({6, 5}), f.floats({2, 5, 10}));
  Value* scaled = f.b().mul(product, f.b().scalar_like(product, 0.25));
  f.returns({f.b().add(residual, f.b().reshape(scaled, {2, 6, 1, 10}))});
  EXPECT_EQ(count_calls(listing_of(f)), 1);
}

TEST(Passes, AProductThatOthersReadKeepsItsValue) {
  TestFunction f(1);
  Value* product = f.b().matmul(f.floats({6, 5}), f.floats({5, 7}));
  f.returns({f.b().add(f.floats({6, 7}), product), product});
  EXPECT_EQ(count_kind(*after(f, fuse_matmul), "mw.matmul"), 0);
  listing_of(f);
}

TEST(Passes, AnAddendThatIsBroadcastIsNoPartOfTheProduct) {
  TestFunction f(1);
  Value* product = f.b().matmul(f.floats({6, 5}), f.floats({5, 7}));
  f.returns({f.b().add(product, f.floats({6, 1}))});
  EXPECT_EQ(count_kind(*after(f, fuse_matmul), "mw.matmul"), 0);
  listing_of(f);
}

TEST(Passes, ScaleMaskAndSoftmaxAreOneCall) {
  TestFunction f(1);
  Value* scores = f.floats({2, 3, 1, 8, 8});
  Value* scaled = f.b().mul(scores, f.b().scalar_like(scores, 0.5));
  f.returns({f.b().softmax(f.b().add(scaled, f.floats({8, 8}, -3, 0)), -1)});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing), 1);
  EXPECT_EQ(count_calls(listing, "softmax"), 1);
}

TEST(Passes, ASoftmaxMaskedByAPartOfItsOperandDoesNotOverwriteTheMask) {
  TestFunction f(1);
  Value* x = f.b().unary("exp", f.floats({3, 4, 5}));
  Value* mask = f.b().slice(x, Shape{0, 0, 0}, Shape{1, 4, 5});
  f.returns({f.b().softmax(f.b().add(x, mask), 2)});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing, "softmax"), 1);
  EXPECT_EQ(count_calls(listing), 2) << listing;  // exp, softmax
}

TEST(Passes, TheSoftmaxGradientIsOneCall) {
  TestFunction f(1);
  Value* p = f.floats({2, 3, 8, 8}, 0, 1);
  Value* dp = f.floats({2, 3, 8, 8});
  Value* sum = f.b().reduce("reduce_sum", f.b().mul(dp, p), std::vector<int64_t>{3}, true);
  Value* dx = f.b().mul(p, f.b().sub(dp, sum));
  f.returns({f.b().mul(dx, f.b().scalar_like(dx, 0.125))});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing), 1);
  EXPECT_EQ(count_calls(listing, "softmax_backward"), 1);
}

TEST(Passes, WhatOnlyLooksLikeASoftmaxGradientIsLeftAlone) {
  TestFunction f(1);
  Value* p = f.floats({2, 3, 8, 8}, 0, 1);
  Value* dp = f.floats({2, 3, 8, 8});
  Value* sum = f.b().reduce("reduce_sum", f.b().mul(f.floats({2, 3, 8, 8}), p), std::vector<int64_t>{3}, true);
  f.returns({f.b().mul(p, f.b().sub(dp, sum))});
  EXPECT_EQ(count_kind(*after(f, fuse_softmax), "mw.softmax_backward"), 0);
  listing_of(f);
}

TEST(Passes, AScatterIntoZerosThatIsAddedScattersIntoTheSum) {
  TestFunction f(1);
  Value* indices = f.integers({7}, 0, 5);
  Value* zeros = f.b().zeros(mil::Type::tensor(mil::ElementType::fp32, {5, 4}));
  Value* scattered = f.b().scatter_add(zeros, indices, f.floats({7, 4}), 0);
  Value* product = f.b().matmul(f.floats({5, 3}), f.floats({3, 4}));
  f.returns({f.b().add(scattered, product)});
  EXPECT_EQ(count_kind(*after(f, accumulate_scatters), "add"), 0);
  EXPECT_EQ(count_calls(listing_of(f)), 2);
}

TEST(Passes, AScatterIntoAProductAccumulatesInTheGradientBuffer) {
  TestFunction f(1);
  Value* indices = f.integers({7}, 0, 5);
  Value* buffer = f.floats({5, 4});
  Value* product = f.b().matmul(f.floats({5, 3}), f.floats({3, 4}));
  Value* gradient = f.b().add(buffer, f.b().scatter_add(product, indices, f.floats({7, 4}), 0));
  f.function().alias(gradient, buffer);
  f.returns({gradient});
  EXPECT_EQ(count_calls(listing_of(f)), 2);
}

TEST(Passes, PadsThatFillAnAxisAreAConcat) {
  TestFunction f(1);
  Value* first = f.b().unary("exp", f.floats({2, 3, 5}));
  Value* second = f.b().unary("sin", f.floats({2, 4, 5}));
  f.returns({f.b().add(f.b().pad(first, std::vector<int64_t>{0, 0, 0, 4, 0, 0}),
                       f.b().pad(second, std::vector<int64_t>{0, 0, 3, 0, 0, 0}))});
  EXPECT_EQ(count_kind(*after(f, merge_pads), "concat"), 1);
  // Both pieces are written where the concat wants them.
  EXPECT_EQ(count_calls(listing_of(f)), 2);
}

TEST(Passes, PadsThatOverlapStaySums) {
  TestFunction f(1);
  f.returns({f.b().add(f.b().pad(f.floats({3, 5}), std::vector<int64_t>{0, 2, 0, 0}),
                       f.b().pad(f.floats({3, 5}), std::vector<int64_t>{2, 0, 0, 0}))});
  EXPECT_EQ(count_kind(*after(f, merge_pads), "concat"), 0);
  listing_of(f);
}

TEST(Passes, ARotaryEmbeddingIsOneCall) {
  TestFunction f(1);
  Value* x = f.floats({2, 2, 3, 8, 5});
  f.returns({rotary(f, x, f.floats({4, 5}), f.floats({4, 5}))});
  EXPECT_EQ(count_calls(listing_of(f)), 1);
}

TEST(Passes, WhatDependsOnConstantsOnlyIsComputedAtCompileTime) {
  TestFunction f(1);
  Value* positions = f.b().emit("range_1d", {mil::operand("start", f.b().scalar(mil::ElementType::fp32, 0)),
                                             mil::operand("end", f.b().scalar(mil::ElementType::fp32, 16)),
                                             mil::operand("step", f.b().scalar(mil::ElementType::fp32, 1))});
  f.returns({f.b().mul(f.b().unary("cos", positions), f.floats({4, 16}))});
  EXPECT_EQ(count_calls(listing_of(f)), 1);
}

TEST(Passes, IdentitiesVanish) {
  TestFunction f(1);
  Value* x = f.floats({3, 4});
  Value* y = f.b().add(f.b().cast(f.b().unary("identity", x), mil::ElementType::fp32), f.b().scalar_like(x, 0));
  y = f.b().transpose(f.b().mul(y, f.b().scalar_like(x, 1)), std::vector<int64_t>{0, 1});
  f.returns(
      {f.b().unary("exp", f.b().reduce("reduce_sum", f.b().reshape(y, {3, 1, 4}), std::vector<int64_t>{1}, false))});
  const std::string listing = listing_of(f);
  EXPECT_EQ(count_calls(listing), 1);
  EXPECT_EQ(count_calls(listing, "elementwise(1)"), 1);
}

}  // namespace
}  // namespace millwright::cpu
