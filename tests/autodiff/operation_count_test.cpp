// What the backward pass costs: operations that would change nothing are not there.
#include <gmock/gmock.h>

#include "autodiff/gradient_check.h"

namespace millwright::autodiff {
namespace {

using mil::Shape;
using mil::Value;
using Axes = std::vector<int64_t>;

// The operations of the backward pass in order, without constants.
class BackwardOperations : public testing::Test {
 protected:
  Value* variable(const Shape& shape) { return f_.variable(shape); }
  mil::Builder& b() { return f_.b(); }
  Value* sum(Value* x) { return b().reduce("reduce_sum", x, Axes{}, false); }
  // A loss under which the gradient of x is another input, so that nothing simplifies.
  Value* weighted(Value* x) { return sum(b().mul(x, f_.fixed(x->shape()))); }

  std::vector<std::string> kinds(Value* loss) {
    const size_t forward = f_.function().block().operations().size();
    gradients_ = differentiate(f_.function(), loss, f_.differentiated()).value();
    std::vector<std::string> kinds;
    size_t position = 0;
    for (const auto& operation : f_.function().block().operations()) {
      if (position++ >= forward && !operation->is_const()) kinds.push_back(operation->kind());
    }
    return kinds;
  }

  RandomFunction f_{1};
  std::vector<Value*> gradients_;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(BackwardOperations, OfAWeightedSumAreNone) {
  Value* const x = variable({2, 3});
  Value* const weights = f_.fixed({2, 3});
  EXPECT_THAT(kinds(sum(b().mul(x, weights))), IsEmpty());
  EXPECT_EQ(gradients_[0], weights);
}

TEST_F(BackwardOperations, OfASumAreOneFill) { EXPECT_THAT(kinds(sum(variable({2, 3}))), ElementsAre("fill")); }

TEST_F(BackwardOperations, OfAMeanMultiplyOnce) {
  Value* const mean = b().reduce("reduce_mean", variable({2, 3}), Axes{1}, true);
  EXPECT_THAT(kinds(weighted(mean)), ElementsAre("mul", "tile"));
}

TEST_F(BackwardOperations, OfASquareAsAProductAreAScaleAndAProduct) {
  Value* const x = variable({2, 3});
  EXPECT_THAT(kinds(weighted(b().mul(x, x))), ElementsAre("mul", "mul"));
}

TEST_F(BackwardOperations, OfScalesInARowMultiplyOnce) {
  Value* x = variable({2, 3});
  for (const double factor : {2.0, 3.0, 0.5}) x = b().mul(x, b().scalar_like(x, factor));
  EXPECT_THAT(kinds(weighted(x)), ElementsAre("mul"));
}

TEST_F(BackwardOperations, OfScalesThatCancelAreNone) {
  Value* x = variable({2, 3});
  for (const double factor : {4.0, 0.25}) x = b().mul(x, b().scalar_like(x, factor));
  EXPECT_THAT(kinds(weighted(x)), IsEmpty());
}

TEST_F(BackwardOperations, OfADifferenceSubtractInsteadOfNegating) {
  Value* const x = variable({2, 3});
  Value* const y = f_.fixed({2, 3});
  Value* const z = b().sub(b().mul(x, y), b().mul(x, f_.fixed({2, 3})));
  EXPECT_THAT(kinds(weighted(z)), ElementsAre("mul", "mul", "sub"));
}

TEST_F(BackwardOperations, OfABroadcastAddAreOneSum) {
  EXPECT_THAT(kinds(weighted(b().add(f_.fixed({4, 2, 3}), variable({3})))), ElementsAre("reduce_sum"));
}

TEST_F(BackwardOperations, OfABatchedLinearLayerAreTwoProductsAndOneSum) {
  Value* const weight = variable({5, 4});
  Value* const x = variable({2, 4, 3});
  EXPECT_THAT(kinds(weighted(b().matmul(weight, x))), ElementsAre("matmul", "reduce_sum", "matmul"));
  // dW = Σ over the batch of dY · Xᵀ
  const mil::Operation* const reduction = gradients_[0]->producer();
  EXPECT_EQ(reduction->constant("axes")->as_integers(), Axes{0});
  EXPECT_FALSE(reduction->constant("keep_dims")->as_bool());
  const mil::Operation* const product = reduction->operand("x")->producer();
  EXPECT_EQ(product->operand("y"), x);
  EXPECT_FALSE(product->constant("transpose_x")->as_bool());
  EXPECT_TRUE(product->constant("transpose_y")->as_bool());
}

TEST_F(BackwardOperations, OfHalvesOfOneValueJoinThemByOneConcat) {
  Value* const x = variable({2, 6});
  Value* const first = b().slice(x, Axes{0, 0}, Axes{2, 3});
  Value* const second = b().slice(x, Axes{0, 3}, Axes{2, 3});
  EXPECT_THAT(kinds(b().add(weighted(second), weighted(first))), ElementsAre("concat"));
}

TEST_F(BackwardOperations, OfTwoGathersScatterIntoOneTensorOfZeros) {
  Value* const x = variable({4, 2});
  Value* const first = b().gather(x, f_.integers({3}, 0, 4), 0);
  Value* const second = b().gather(x, f_.integers({2}, 0, 4), 0);
  EXPECT_THAT(kinds(b().add(weighted(first), weighted(second))), ElementsAre("fill", "scatter", "scatter"));
}

TEST_F(BackwardOperations, OfCrossEntropyScatterIntoTheSoftmax) {
  Value* const logits = variable({2, 5, 3});
  Value* const normalizer = b().reduce("reduce_log_sum_exp", logits, Axes{1}, true);
  Value* const chosen = b().gather_along_axis(logits, f_.integers({2, 1, 3}, 0, 5), 1);
  Value* const mean = b().reduce("reduce_mean", b().sub(normalizer, chosen), Axes{}, false);
  EXPECT_THAT(kinds(b().mul(mean, f_.fixed({}))),
              ElementsAre("mul", "mul", "reshape", "tile", "sub", "exp", "mul", "scatter_along_axis"));
}

TEST_F(BackwardOperations, OfSoftmaxReuseItsResult) {
  EXPECT_THAT(kinds(weighted(b().softmax(variable({2, 5}), -1))), ElementsAre("mul", "reduce_sum", "sub", "mul"));
}

TEST_F(BackwardOperations, OfExpRsqrtAndSigmoidReuseTheirResults) {
  Value* const exponential = b().unary("exp", variable({2}));
  EXPECT_THAT(kinds(weighted(exponential)), ElementsAre("mul"));
  EXPECT_THAT(kinds(weighted(b().unary("sigmoid", exponential))), ElementsAre("sub", "mul", "mul", "mul"));
}

TEST_F(BackwardOperations, OfRmsNormAreThirteen) {
  Value* const x = variable({2, 4, 1, 3});
  Value* const mean = b().reduce("reduce_mean", b().mul(x, x), Axes{1}, true);
  Value* const scaled = b().mul(x, b().rsqrt(mean, 1e-5));
  Value* const out = b().mul(scaled, b().reshape(variable({4}), {1, 4, 1, 1}));
  EXPECT_THAT(kinds(weighted(out)),
              ElementsAre("mul", "mul", "reduce_sum", "reshape",       // through the weight, and the weight's
                          "mul", "mul", "reduce_sum",                  // through the factor, and the factor's
                          "mul", "mul", "mul", "mul", "mul", "add"));  // r³, one constant for ½, 1/n and 2, x
}

TEST_F(BackwardOperations, LeaveOutBranchesThatNeedNoGradient) {
  Value* const x = variable({2, 3});
  Value* const frozen = b().unary("exp", f_.fixed({2, 3}));
  EXPECT_THAT(kinds(weighted(b().mul(b().unary("exp", x), b().unary("tanh", frozen)))), ElementsAre("mul", "mul"));
}

}  // namespace
}  // namespace millwright::autodiff
