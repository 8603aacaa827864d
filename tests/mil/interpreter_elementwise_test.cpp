// Elementwise operations, activations, softmax and layer_norm. Numbers by hand or from NumPy 1.24.
#include <cmath>
#include <limits>

#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> unary(std::string_view kind, std::vector<double> x,
                          const std::vector<NamedConstant>& constants = {}) {
  const int64_t count = static_cast<int64_t>(x.size());
  return result_of(kind, {{"x", fp64({count}, std::move(x))}}, constants).numbers;
}
std::vector<double> binary(std::string_view kind, std::vector<double> x, std::vector<double> y) {
  const Shape shape = {static_cast<int64_t>(x.size())};
  return result_of(kind, {{"x", fp64(shape, std::move(x))}, {"y", fp64(shape, std::move(y))}}).numbers;
}
using Numbers = std::vector<double>;
Literal number(double value) { return Literal::number(ElementType::fp64, value); }

TEST(InterpretedElementwise, UnaryFunctionsFollowTheirDefinitions) {
  EXPECT_EQ(unary("abs", {-2, 0, 3}), (Numbers{2, 0, 3}));
  EXPECT_EQ(unary("sign", {-2, 0, 3}), (Numbers{-1, 0, 1}));
  EXPECT_EQ(unary("floor", {-1.5, 1.5}), (Numbers{-2, 1}));
  EXPECT_EQ(unary("ceil", {-1.5, 1.5}), (Numbers{-1, 2}));
  EXPECT_EQ(unary("square", {-3}), (Numbers{9}));
  EXPECT_EQ(unary("sqrt", {9}), (Numbers{3}));
  EXPECT_EQ(unary("exp2", {3}), (Numbers{8}));
  EXPECT_EQ(unary("exp", {1}), (Numbers{std::exp(1)}));
  EXPECT_EQ(unary("identity", {1.5}), (Numbers{1.5}));
  EXPECT_EQ(unary("relu", {-1, 2}), (Numbers{0, 2}));
  EXPECT_EQ(unary("relu6", {-1, 2, 7}), (Numbers{0, 2, 6}));
  EXPECT_EQ(unary("softsign", {-1, 3}), (Numbers{-0.5, 0.75}));
  for (const auto& [kind, function] : std::vector<std::pair<const char*, double (*)(double)>>{{"acos", std::acos},
                                                                                              {"asin", std::asin},
                                                                                              {"atan", std::atan},
                                                                                              {"atanh", std::atanh},
                                                                                              {"cos", std::cos},
                                                                                              {"cosh", std::cosh},
                                                                                              {"erf", std::erf},
                                                                                              {"sin", std::sin},
                                                                                              {"sinh", std::sinh},
                                                                                              {"tan", std::tan},
                                                                                              {"tanh", std::tanh}}) {
    EXPECT_EQ(unary(kind, {0.3}), (Numbers{function(0.3)})) << kind;
  }
}

TEST(InterpretedElementwise, RoundTakesTiesToTheEvenInteger) {
  EXPECT_EQ(unary("round", {0.5, 1.5, -0.5, -1.5, 2.5, 2.4}), (Numbers{0, 2, 0, -2, 2, 2}));
}

TEST(InterpretedElementwise, EpsilonShiftsTheOperandOfInverseLogAndRsqrt) {
  EXPECT_EQ(unary("inverse", {1.5}, {{"epsilon", number(0.5)}}), (Numbers{0.5}));
  EXPECT_EQ(unary("rsqrt", {3.5}, {{"epsilon", number(0.5)}}), (Numbers{0.5}));
  EXPECT_EQ(unary("log", {0.75}, {{"epsilon", number(0.25)}}), (Numbers{0}));
  // Their defaults, as stored in fp32.
  EXPECT_EQ(unary("inverse", {0}), (Numbers{1 / static_cast<double>(1e-4f)}));
  EXPECT_EQ(unary("rsqrt", {0}), (Numbers{1 / std::sqrt(static_cast<double>(1e-12f))}));
  EXPECT_EQ(unary("log", {1}), (Numbers{0}));
}

TEST(InterpretedElementwise, BinaryFunctionsFollowTheirDefinitions) {
  EXPECT_EQ(binary("add", {1, 2}, {3, 5}), (Numbers{4, 7}));
  EXPECT_EQ(binary("sub", {1, 2}, {3, 5}), (Numbers{-2, -3}));
  EXPECT_EQ(binary("mul", {1, 2}, {3, 5}), (Numbers{3, 10}));
  EXPECT_EQ(binary("real_div", {1, 3}, {4, 2}), (Numbers{0.25, 1.5}));
  EXPECT_EQ(binary("pow", {2, 9}, {3, 0.5}), (Numbers{8, 3}));
  EXPECT_EQ(binary("maximum", {1, 2}, {3, -5}), (Numbers{3, 2}));
  EXPECT_EQ(binary("minimum", {1, 2}, {3, -5}), (Numbers{1, -5}));
}

TEST(InterpretedElementwise, ModTakesTheSignOfTheDivisorAndFloorDivRoundsDown) {
  EXPECT_EQ(binary("mod", {5, -5, 5, -5}, {3, 3, -3, -3}), (Numbers{2, 1, -1, -2}));
  EXPECT_EQ(binary("floor_div", {5, -5, 5, -5}, {3, 3, -3, -3}), (Numbers{1, -2, -2, 1}));
}

TEST(InterpretedElementwise, IntegerDivisionByZeroGivesZero) {
  const std::vector<NamedTensor> operands = {{"x", int32({3}, {7, -7, 0})}, {"y", int32({3}, {2, 0, 0})}};
  EXPECT_EQ(result_of("floor_div", operands).numbers, (Numbers{3, 0, 0}));
  EXPECT_EQ(result_of("mod", operands).numbers, (Numbers{1, 0, 0}));
  EXPECT_EQ(result_of("real_div", operands).numbers, (Numbers{3, 0, 0}));
}

TEST(InterpretedElementwise, ComparisonsGiveBooleans) {
  EXPECT_EQ(binary("less", {1, 2, 3}, {2, 2, 2}), (Numbers{1, 0, 0}));
  EXPECT_EQ(binary("less_equal", {1, 2, 3}, {2, 2, 2}), (Numbers{1, 1, 0}));
  EXPECT_EQ(binary("greater", {1, 2, 3}, {2, 2, 2}), (Numbers{0, 0, 1}));
  EXPECT_EQ(binary("greater_equal", {1, 2, 3}, {2, 2, 2}), (Numbers{0, 1, 1}));
  EXPECT_EQ(binary("equal", {1, 2, 3}, {2, 2, 2}), (Numbers{0, 1, 0}));
  EXPECT_EQ(binary("not_equal", {1, 2, 3}, {2, 2, 2}), (Numbers{1, 0, 1}));
  const TensorValue result = result_of("less", {{"x", fp64({1}, {1})}, {"y", fp64({1}, {2})}});
  EXPECT_EQ(result.type.element(), ElementType::boolean);
}

TEST(InterpretedElementwise, LogicWorksOnBooleans) {
  const NamedTensor x = {"x", tensor(ElementType::boolean, {4}, {0, 0, 1, 1})};
  const NamedTensor y = {"y", tensor(ElementType::boolean, {4}, {0, 1, 0, 1})};
  EXPECT_EQ(result_of("logical_and", {x, y}).numbers, (Numbers{0, 0, 0, 1}));
  EXPECT_EQ(result_of("logical_or", {x, y}).numbers, (Numbers{0, 1, 1, 1}));
  EXPECT_EQ(result_of("logical_xor", {x, y}).numbers, (Numbers{0, 1, 1, 0}));
  EXPECT_EQ(result_of("logical_not", {x}).numbers, (Numbers{1, 1, 0, 0}));
}

TEST(InterpretedElementwise, BroadcastsBothOperandsFromTheRight) {
  expect_tensor(result_of("add", {{"x", fp64({2, 1}, {10, 20})}, {"y", fp64({3}, {1, 2, 3})}}), {2, 3},
                {11, 12, 13, 21, 22, 23});
  expect_tensor(result_of("mul", {{"x", fp64({}, {2})}, {"y", fp64({1, 2}, {3, 4})}}), {1, 2}, {6, 8});
}

TEST(InterpretedElementwise, SelectBroadcastsItsThreeOperands) {
  const std::vector<NamedTensor> operands = {
      {"cond", tensor(ElementType::boolean, {2, 1}, {1, 0})}, {"a", counting({2, 3})}, {"b", fp64({3}, {10, 20, 30})}};
  expect_tensor(result_of("select", operands), {2, 3}, {0, 1, 2, 10, 20, 30});
}

TEST(InterpretedElementwise, SelectWithoutBranchesListsTheTrueElements) {
  const NamedTensor condition = {"cond", tensor(ElementType::boolean, {2, 3}, {0, 1, 0, 1, 0, 1})};
  expect_tensor(result_of("select", {condition}), {3, 2}, {0, 1, 1, 0, 1, 2});
}

TEST(InterpretedElementwise, ClipTakesInfiniteBounds) {
  EXPECT_EQ(unary("clip", {-3, 0.5, 3}, {{"alpha", number(-1)}, {"beta", number(2)}}), (Numbers{-1, 0.5, 2}));
  EXPECT_EQ(unary("clip", {-3, 3}, {{"alpha", number(-kInfinity)}, {"beta", number(2)}}), (Numbers{-3, 2}));
}

TEST(InterpretedElementwise, CastTruncatesTowardZeroAndSaturates) {
  const auto cast = [](const TensorValue& x, const char* to) {
    return result_of("cast", {{"x", x}}, {{"dtype", Literal::string(to)}}).numbers;
  };
  EXPECT_EQ(cast(fp64({4}, {1.9, -1.9, 3e10, -3e10}), "int32"), (Numbers{1, -1, 2147483647, -2147483648.0}));
  EXPECT_EQ(cast(fp64({3}, {0, 0.25, -2}), "bool"), (Numbers{0, 1, 1}));
  EXPECT_EQ(cast(tensor(ElementType::boolean, {2}, {0, 1}), "fp16"), (Numbers{0, 1}));
  EXPECT_EQ(cast(int32({2}, {300, -1}), "uint8"), (Numbers{44, 255}));
  EXPECT_EQ(cast(fp64({1}, {std::nan("")}), "int32"), (Numbers{0}));
}

TEST(InterpretedActivations, SmoothOnesAgreeWithNumpy) {
  const TensorValue x = fp64({3}, {-2, -0.5, 1});
  expect_near(result_of("silu", {{"x", x}}), {-0.2384058440442351, -0.1887703343990727, 0.7310585786300049});
  expect_near(result_of("softplus", {{"x", x}}), {0.1269280110429725, 0.4740769841801067, 1.3132616875182228});
  expect_near(result_of("sigmoid", {{"x", fp64({3}, {0, std::log(3), -std::log(3)})}}), {0.5, 0.75, 0.25});
  const auto gelu = [&](const char* mode) { return result_of("gelu", {{"x", x}}, {{"mode", Literal::string(mode)}}); };
  expect_near(gelu("EXACT"), {-0.04550026389635842, -0.15426876936299344, 0.8413447460685429});
  expect_near(gelu("TANH_APPROXIMATION"), {-0.04540230591222494, -0.15428599017485606, 0.8411919906082768});
  expect_near(gelu("SIGMOID_APPROXIMATION"), {-0.06434137685579186, -0.1496115633936199, 0.8457957659328212});
}

TEST(InterpretedActivations, LargeOperandsDoNotOverflow) {
  EXPECT_EQ(unary("sigmoid", {-1000, 1000}), (Numbers{0, 1}));
  EXPECT_EQ(unary("softplus", {-1000, 1000}), (Numbers{0, 1000}));
  EXPECT_EQ(unary("softmax", {1000, 1000}), (Numbers{0.5, 0.5}));
}

TEST(InterpretedActivations, AlphaShapesTheNegativeSide) {
  EXPECT_EQ(unary("leaky_relu", {-2, 3}, {{"alpha", number(0.25)}}), (Numbers{-0.5, 3}));
  EXPECT_EQ(unary("thresholded_relu", {1, 2, 3}, {{"alpha", number(2)}}), (Numbers{0, 2, 3}));
  EXPECT_EQ(unary("elu", {-1, 3}, {{"alpha", number(0.5)}}), (Numbers{0.5 * std::expm1(-1), 3}));
}

TEST(InterpretedActivations, SoftmaxNormalisesAlongItsAxis) {
  const TensorValue x = fp64({2, 3}, {1, 2, 3, -1, 0, 4});
  expect_near(result_of("softmax", {{"x", x}}), {0.09003057317038046, 0.24472847105479767, 0.6652409557748219,
                                                 0.006573263185309085, 0.017867981870304504, 0.9755587549443865});
  const TensorValue columns =
      result_of("softmax", {{"x", fp64({2, 2}, {0, std::log(3), 0, 0})}}, {{"axis", Literal::int32(0)}});
  expect_near(columns, {0.5, 0.75, 0.5, 0.25});
}

TEST(InterpretedActivations, LayerNormScalesAndShiftsOverItsAxes) {
  const std::vector<NamedTensor> operands = {
      {"x", fp64({2, 3}, {1, 2, 3, -1, 0, 4})}, {"gamma", fp64({3}, {1, 2, 3})}, {"beta", fp64({3}, {0.5, 0, -0.5})}};
  expect_near(
      result_of("layer_norm", operands, {{"axes", ints({-1})}, {"epsilon", number(1e-5)}}),
      {-0.7247356859083902, 0, 3.1742070577251704, -0.42581910782403876, -0.9258191078240388, 3.666185985208174});
  // Over all axes: mean 0, variance 5.
  expect_near(result_of("layer_norm", {{"x", fp64({2, 2}, {-3, -1, 1, 3})}}, {{"epsilon", number(4)}}),
              {-1, -1.0 / 3, 1.0 / 3, 1});
}

}  // namespace
}  // namespace millwright::mil
