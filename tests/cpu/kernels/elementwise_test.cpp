// Elementwise programs: the accuracy of each function against the C library in double, and the walking of strided,
// broadcast and aliased operands against plain loops.
#include "cpu/kernels/elementwise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "base/half.h"
#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

using Opcode = ElementwiseOpcode;
using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// y = opcode(x…) over dense float vectors.
std::vector<float> apply(Opcode opcode, const std::vector<std::vector<float>>& operands, double i0 = 0, double i1 = 0) {
  ElementwiseProgram program;
  std::vector<ElementwiseInput> inputs;
  std::vector<int16_t> values;
  for (const std::vector<float>& operand : operands) {
    values.push_back(static_cast<int16_t>(program.inputs.size()));
    program.inputs.push_back(Storage::float32);
    inputs.push_back({operand.data(), {1}});
  }
  ElementwiseInstruction instruction;
  instruction.opcode = opcode;
  std::copy(values.begin(), values.end(), instruction.operands.begin());
  instruction.immediates = {i0, i1};
  program.instructions.push_back(instruction);
  program.outputs = {{static_cast<int16_t>(values.size()), Storage::float32}};
  std::vector<float> result(operands[0].size());
  const std::vector<ElementwiseOutput> outputs{{result.data(), {1}}};
  ElementwiseKernel(program).run({static_cast<int64_t>(result.size())}, inputs, outputs);
  return result;
}

// Values that cover a range densely, every binade of floats, and the corners.
std::vector<float> interesting_floats(float low, float high) {
  std::vector<float> values{0.0f, -0.0f, kInfinity, -kInfinity, kNaN, 1.0f, -1.0f};
  constexpr int kDense = 200'000;
  for (int i = 0; i <= kDense; ++i) values.push_back(low + (high - low) * static_cast<float>(i) / kDense);
  for (int exponent = -149; exponent <= 127; ++exponent) {
    for (float fraction : {1.0f, 1.2f, 1.5f, 1.9f}) {
      values.push_back(std::ldexp(fraction, exponent));
      values.push_back(-std::ldexp(fraction, exponent));
    }
  }
  return values;
}

struct FunctionCase {
  Opcode opcode;
  float low, high;
  double ulps;
  double (*exact)(double);
  double absolute = 0.0;  // an error below this is no error
};

class UnaryFunction : public testing::TestWithParam<FunctionCase> {};

TEST_P(UnaryFunction, StaysWithinItsStatedError) {
  const FunctionCase& test = GetParam();
  const std::vector<float> x = interesting_floats(test.low, test.high);
  for_each_target([&] {
    const std::vector<float> y = apply(test.opcode, {x});
    double worst = 0.0;
    size_t where = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::abs(y[i] - test.exact(x[i])) <= test.absolute) continue;
      const double distance = ulp_distance(y[i], test.exact(x[i]));
      if (distance > worst) worst = distance, where = i;
    }
    EXPECT_LE(worst, test.ulps) << elementwise_opcode_name(test.opcode) << "(" << x[where] << ") is " << y[where]
                                << ", exactly " << test.exact(x[where]);
  });
}

double exact_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double exact_silu(double x) { return x == -std::numeric_limits<double>::infinity() ? 0.0 : x * exact_sigmoid(x); }

INSTANTIATE_TEST_SUITE_P(
    Elementwise, UnaryFunction,
    testing::Values(FunctionCase{Opcode::exp, -105, 90, 1.5, [](double x) { return std::exp(x); }},
                    FunctionCase{Opcode::exp2, -151, 129, 1.5, [](double x) { return std::exp2(x); }},
                    FunctionCase{Opcode::log, 0, 10, 1.5, [](double x) { return std::log(x); }},
                    FunctionCase{Opcode::sqrt, 0, 10, 0.501, [](double x) { return std::sqrt(x); }},
                    FunctionCase{Opcode::rsqrt, 0, 10, 2, [](double x) { return 1.0 / std::sqrt(x + 0.0); }},
                    FunctionCase{Opcode::inverse, -3, 3, 0.501, [](double x) { return 1.0 / (x + 0.0); }},
                    FunctionCase{Opcode::tanh, -10, 10, 2.5, [](double x) { return std::tanh(x); }},
                    FunctionCase{Opcode::sigmoid, -104, 20, 3, exact_sigmoid},
                    FunctionCase{Opcode::silu, -104, 20, 4, exact_silu, 2e-43},
                    FunctionCase{Opcode::erf, -5, 5, 2, [](double x) { return std::erf(x); }},
                    FunctionCase{Opcode::sin, -20, 20, 1, [](double x) { return std::sin(x); }},
                    FunctionCase{Opcode::cos, -20, 20, 1, [](double x) { return std::cos(x); }},
                    FunctionCase{Opcode::neg, -2, 2, 0, [](double x) { return -x; }},
                    FunctionCase{Opcode::abs, -2, 2, 0, [](double x) { return std::abs(x); }},
                    FunctionCase{Opcode::sign, -2, 2, 0, [](double x) { return x > 0   ? 1.0
                                                                               : x < 0 ? -1.0
                                                                                       : x; }},
                    FunctionCase{Opcode::square, -2, 2, 0.501, [](double x) { return x * x; }},
                    FunctionCase{Opcode::relu, -2, 2, 0, [](double x) { return x < 0 ? 0.0 : x; }},
                    FunctionCase{Opcode::floor, -5, 5, 0, [](double x) { return std::floor(x); }},
                    FunctionCase{Opcode::ceil, -5, 5, 0, [](double x) { return std::ceil(x); }},
                    FunctionCase{Opcode::round, -5, 5, 0, [](double x) { return std::nearbyint(x); }}),
    [](const auto& info) { return std::string(elementwise_opcode_name(info.param.opcode)); });

TEST(Elementwise, GeluStaysWithinFourUnitsOfAnEighthOfX) {
  const std::vector<float> x = interesting_floats(-12, 12);
  const auto exact_tanh_form = [](double v) {
    return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
  };
  for_each_target([&] {
    const std::vector<float> exact_form = apply(Opcode::gelu, {x});
    const std::vector<float> tanh_form = apply(Opcode::gelu_tanh, {x});
    for (size_t i = 0; i < x.size(); ++i) {
      if (!std::isfinite(x[i])) continue;
      const double v = x[i];
      const auto bound = [&](double exact) { return 4 * 1.2e-7 * std::max(std::abs(exact), std::abs(v) / 8) + 1e-44; };
      const double exact = 0.5 * v * std::erfc(-v / std::sqrt(2.0));
      ASSERT_NEAR(exact_form[i], exact, bound(exact)) << x[i];
      ASSERT_NEAR(tanh_form[i], exact_tanh_form(v), bound(exact_tanh_form(v))) << x[i];
    }
    EXPECT_THAT(apply(Opcode::gelu, {{kInfinity, -kInfinity}}), ElementsAre(kInfinity, 0.0f));
    EXPECT_THAT(apply(Opcode::gelu_tanh, {{kInfinity, -kInfinity}}), ElementsAre(kInfinity, 0.0f));
    EXPECT_TRUE(std::isnan(apply(Opcode::gelu, {{kNaN}})[0]));
  });
}

TEST(Elementwise, BinaryOperationsFollowTheirDefinition) {
  RandomSource random(1);
  std::vector<float> x = random.floats(1000, -5, 5);
  std::vector<float> y = random.floats(1000, -5, 5);
  for (size_t i = 0; i < 50; ++i) y[i] = x[i];
  for_each_target([&] {
    const auto check = [&](Opcode opcode, double ulps, const std::function<double(double, double)>& exact) {
      const std::vector<float> result = apply(opcode, {x, y});
      for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_LE(ulp_distance(result[i], exact(x[i], y[i])), ulps)
            << elementwise_opcode_name(opcode) << "(" << x[i] << ", " << y[i] << ") is " << result[i];
      }
    };
    check(Opcode::add, 0.501, [](double a, double b) { return a + b; });
    check(Opcode::sub, 0.501, [](double a, double b) { return a - b; });
    check(Opcode::mul, 0.501, [](double a, double b) { return a * b; });
    check(Opcode::real_div, 0.501, [](double a, double b) { return a / b; });
    check(Opcode::maximum, 0, [](double a, double b) { return std::max(a, b); });
    check(Opcode::minimum, 0, [](double a, double b) { return std::min(a, b); });
    check(Opcode::pow, 1, [](double a, double b) { return std::pow(a, b); });
  });
}

TEST(Elementwise, FloorDivAndModTakeTheSignOfTheDivisor) {
  for_each_target([] {
    const std::vector<float> x{7, -7, 7, -7, 6, 7.5f};
    const std::vector<float> y{2, 2, -2, -2, 3, 2};
    EXPECT_THAT(apply(Opcode::floor_div, {x, y}), ElementsAre(3, -4, -4, 3, 2, 3));
    EXPECT_THAT(apply(Opcode::mod, {x, y}), ElementsAre(1, 1, -1, -1, 0, 1.5f));
  });
}

TEST(Elementwise, MaximumAndMinimumPropagateNaN) {
  for_each_target([] {
    for (Opcode opcode : {Opcode::maximum, Opcode::minimum}) {
      const std::vector<float> result = apply(opcode, {{kNaN, 1.0f, kNaN}, {1.0f, kNaN, kNaN}});
      for (float value : result) EXPECT_TRUE(std::isnan(value));
    }
    EXPECT_THAT(apply(Opcode::clip, {{-5, 0.5f, 5}}, -1, 2), ElementsAre(-1, 0.5f, 2));
    EXPECT_TRUE(std::isnan(apply(Opcode::clip, {{kNaN}}, -1, 2)[0]));
  });
}

TEST(Elementwise, EpsilonsAreAddedBeforeTheFunction) {
  for_each_target([] {
    EXPECT_THAT(apply(Opcode::rsqrt, {{0.0f, 3.0f}}, 1.0), ElementsAre(1.0f, 0.5f));
    EXPECT_THAT(apply(Opcode::inverse, {{0.0f, 3.0f}}, 1.0), ElementsAre(1.0f, 0.25f));
    EXPECT_THAT(apply(Opcode::log, {{0.0f}}, 1.0), ElementsAre(0.0f));
  });
}

TEST(Elementwise, ConstantPowersTakeTheirFastForms) {
  const std::vector<float> x{0.25f, 4.0f, 9.0f};
  const auto power = [&](double exponent) {
    ElementwiseProgram program;
    program.inputs = {Storage::float32};
    const int16_t constant = program.append(Opcode::constant, {}, LaneType::float32, exponent);
    program.outputs = {{program.append(Opcode::pow, {0, constant}), Storage::float32}};
    const ElementwiseKernel kernel(program);
    std::vector<float> y(3);
    const std::vector<ElementwiseInput> inputs{{x.data(), {1}}};
    const std::vector<ElementwiseOutput> outputs{{y.data(), {1}}};
    kernel.run({3}, inputs, outputs);
    for (size_t i = 0; i < 3; ++i) EXPECT_LE(ulp_distance(y[i], std::pow(static_cast<double>(x[i]), exponent)), 2);
    return kernel.steps()[0].opcode;
  };
  EXPECT_EQ(power(2.0), Opcode::square);
  EXPECT_EQ(power(0.5), Opcode::sqrt);
  EXPECT_EQ(power(-0.5), Opcode::rsqrt);
  EXPECT_EQ(power(-1.0), Opcode::inverse);
  EXPECT_EQ(power(1.7), Opcode::pow);
}

// One instruction on int32 operands, with a result of the given storage.
template <class Result>
std::vector<Result> apply_to_ints(Opcode opcode, const std::vector<int32_t>& x, const std::vector<int32_t>& y,
                                  Storage storage, LaneType type = LaneType::int32) {
  ElementwiseProgram program;
  program.inputs = {Storage::int32, Storage::int32};
  ElementwiseInstruction instruction;
  instruction.opcode = opcode;
  instruction.type = type;
  instruction.operands = {0, 1, -1};
  program.instructions = {instruction};
  program.outputs = {{2, storage}};
  std::vector<Result> result(x.size());
  const std::vector<ElementwiseInput> inputs{{x.data(), {1}}, {y.data(), {1}}};
  const std::vector<ElementwiseOutput> outputs{{result.data(), {1}}};
  ElementwiseKernel(program).run({static_cast<int64_t>(x.size())}, inputs, outputs);
  return result;
}

TEST(Elementwise, RoundsToHalfPrecision) {
  for_each_target([] {
    std::vector<float> x = interesting_floats(-70000, 70000);
    for (float value : interesting_floats(-0x1p-13f, 0x1p-13f)) x.push_back(value);
    const std::vector<float> half = apply(Opcode::round_half, {x});
    const std::vector<float> bfloat = apply(Opcode::round_bfloat, {x});
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(x[i])) {
        EXPECT_TRUE(std::isnan(half[i]) && std::isnan(bfloat[i]));
        continue;
      }
      ASSERT_EQ(half[i], half_bits_to_float(float_to_half_bits(x[i]))) << x[i];
      ASSERT_EQ(std::signbit(half[i]), std::signbit(x[i])) << x[i];
      ASSERT_EQ(bfloat[i], bfloat16_bits_to_float(float_to_bfloat16_bits(x[i]))) << x[i];
    }
  });
}

TEST(Elementwise, KeepsTheRangeOfAnEngine) {
  for_each_target([] {
    const std::vector<float> x{32752, 32768, -32768, 40000, kNaN, kInfinity, -kInfinity, -0.0f, 3};
    const std::vector<float> limited = apply(Opcode::engine_range, {x}, 32768, 7);
    EXPECT_THAT(limited, ElementsAre(32752, kInfinity, -kInfinity, kInfinity, 7, kInfinity, -kInfinity, -0.0f, 3));
    EXPECT_TRUE(std::signbit(limited[7]));
    const std::vector<float> unlimited = apply(Opcode::engine_range, {x}, kInfinity, 0);
    EXPECT_THAT(unlimited, ElementsAre(32752, 32768, -32768, 40000, 0, kInfinity, -kInfinity, -0.0f, 3));
  });
}

TEST(Elementwise, ComputesOnIntegers) {
  for_each_target([] {
    constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
    const std::vector<int32_t> x{7, -7, 7, -7, 5, kLeast};
    const std::vector<int32_t> y{2, 2, -2, -2, 0, -1};
    const auto ints = [&](Opcode opcode) { return apply_to_ints<int32_t>(opcode, x, y, Storage::int32); };
    const auto booleans = [&](Opcode opcode) { return apply_to_ints<uint8_t>(opcode, x, y, Storage::boolean); };
    EXPECT_THAT(ints(Opcode::add), ElementsAre(9, -5, 5, -9, 5, std::numeric_limits<int32_t>::max()));
    EXPECT_THAT(ints(Opcode::sub), ElementsAre(5, -9, 9, -5, 5, kLeast + 1));
    EXPECT_THAT(ints(Opcode::mul), ElementsAre(14, -14, -14, 14, 0, kLeast));
    EXPECT_THAT(ints(Opcode::floor_div), ElementsAre(3, -4, -4, 3, 0, kLeast));
    EXPECT_THAT(ints(Opcode::mod), ElementsAre(1, 1, -1, -1, 0, 0));
    EXPECT_THAT(ints(Opcode::maximum), ElementsAre(7, 2, 7, -2, 5, -1));
    EXPECT_THAT(ints(Opcode::minimum), ElementsAre(2, -7, -2, -7, 0, kLeast));
    EXPECT_THAT(booleans(Opcode::less), ElementsAre(0, 1, 0, 1, 0, 1));
    EXPECT_THAT(booleans(Opcode::less_equal), ElementsAre(0, 1, 0, 1, 0, 1));
    EXPECT_THAT(booleans(Opcode::greater), ElementsAre(1, 0, 1, 0, 1, 0));
    EXPECT_THAT(booleans(Opcode::greater_equal), ElementsAre(1, 0, 1, 0, 1, 0));
    EXPECT_THAT(apply_to_ints<uint8_t>(Opcode::equal, {1, 2}, {1, 3}, Storage::boolean), ElementsAre(1, 0));
    EXPECT_THAT(apply_to_ints<uint8_t>(Opcode::not_equal, {1, 2}, {1, 3}, Storage::boolean), ElementsAre(0, 1));
    const auto logical = [&](Opcode opcode) {
      return apply_to_ints<uint8_t>(opcode, {0, 0, 3, -1}, {0, 4, 0, 8}, Storage::boolean, LaneType::float32);
    };
    EXPECT_THAT(logical(Opcode::logical_and), ElementsAre(0, 0, 0, 1));
    EXPECT_THAT(logical(Opcode::logical_or), ElementsAre(0, 1, 1, 1));
    EXPECT_THAT(logical(Opcode::logical_xor), ElementsAre(0, 1, 1, 0));
    EXPECT_THAT(logical(Opcode::logical_not), ElementsAre(1, 1, 0, 0));
    EXPECT_THAT(ints(Opcode::neg), ElementsAre(-7, 7, -7, 7, -5, kLeast));
    EXPECT_THAT(ints(Opcode::sign), ElementsAre(1, -1, 1, -1, 1, -1));
    EXPECT_THAT(ints(Opcode::square), ElementsAre(49, 49, 49, 49, 25, 0));
  });
}

TEST(Elementwise, ConvertsBetweenFloatsIntegersAndBooleans) {
  for_each_target([] {
    const std::vector<float> x{1.9f, -1.9f, 3e9f, -3e9f, kNaN, 0.0f};
    ElementwiseProgram program;
    program.inputs = {Storage::float32};
    const int16_t as_int = program.append(Opcode::to_int, {0});
    const int16_t back = program.append(Opcode::to_float, {as_int});
    program.outputs = {{as_int, Storage::int32}, {back, Storage::float32}, {as_int, Storage::boolean}};
    std::vector<int32_t> ints(x.size());
    std::vector<float> floats(x.size());
    std::vector<uint8_t> booleans(x.size());
    const std::vector<ElementwiseInput> inputs{{x.data(), {1}}};
    const std::vector<ElementwiseOutput> outputs{{ints.data(), {1}}, {floats.data(), {1}}, {booleans.data(), {1}}};
    ElementwiseKernel(program).run({6}, inputs, outputs);
    EXPECT_THAT(ints,
                ElementsAre(1, -1, std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min(), 0, 0));
    EXPECT_THAT(floats, ElementsAre(1, -1, 2147483648.0f, -2147483648.0f, 0, 0));
    EXPECT_THAT(booleans, ElementsAre(1, 1, 1, 1, 0, 0));
  });
}

TEST(Elementwise, ReadsAndWritesHalfAndBFloat16) {
  for_each_target([] {
    RandomSource random(7);
    const int64_t count = 1037;
    std::vector<Half> x;
    std::vector<BFloat16> y;
    for (int64_t i = 0; i < count; ++i) {
      x.push_back(Half(random.uniform(-4, 4)));
      y.push_back(BFloat16(random.uniform(-4, 4)));
    }
    y[3] = BFloat16(kNaN);
    ElementwiseProgram program;
    program.inputs = {Storage::float16, Storage::bfloat16};
    const int16_t product = program.append(Opcode::mul, {0, 1});
    program.outputs = {{product, Storage::float16}, {product, Storage::bfloat16}};
    std::vector<Half> half(x.size());
    std::vector<BFloat16> brain(x.size());
    const std::vector<ElementwiseInput> inputs{{x.data(), {1}}, {y.data(), {1}}};
    const std::vector<ElementwiseOutput> outputs{{half.data(), {1}}, {brain.data(), {1}}};
    ElementwiseKernel(program).run({count}, inputs, outputs);
    for (size_t i = 0; i < x.size(); ++i) {
      const float exact = static_cast<float>(x[i]) * static_cast<float>(y[i]);
      if (std::isnan(exact)) {
        EXPECT_TRUE(std::isnan(static_cast<float>(half[i])) && std::isnan(static_cast<float>(brain[i])));
        continue;
      }
      ASSERT_EQ(half[i], Half(exact)) << exact;
      ASSERT_EQ(brain[i], BFloat16(exact)) << exact;
    }
  });
}

// An operand over `sizes` with some dimensions broadcast, others permuted in memory, with gaps.
struct StridedOperand {
  std::vector<float> values;
  Dims strides;
  int64_t offset_of(const Dims& index) const {
    int64_t offset = 0;
    for (int dim = 0; dim < index.rank(); ++dim) offset += index[dim] * strides[dim];
    return offset;
  }
};

StridedOperand make_operand(RandomSource& random, const Dims& sizes, bool broadcast) {
  StridedOperand operand;
  operand.strides = sizes;
  std::vector<int> order;
  for (int dim = 0; dim < sizes.rank(); ++dim) order.insert(order.begin() + random.integer(0, dim), dim);
  if (random.chance(0.5)) std::sort(order.begin(), order.end());
  int64_t span = random.chance(0.2) ? 2 : 1;
  for (size_t i = order.size(); i-- > 0;) {
    const int dim = order[i];
    if (broadcast && random.chance(0.35)) {
      operand.strides[dim] = 0;
      continue;
    }
    operand.strides[dim] = span;
    span = span * sizes[dim] + (random.chance(0.3) ? random.integer(1, 3) : 0);
  }
  operand.values = random.floats(span + 1);
  return operand;
}

template <class Body>
void for_each_index(const Dims& sizes, const Body& body) {
  const int64_t count = element_count(sizes);
  for (int64_t flat = 0; flat < count; ++flat) {
    Dims index = sizes;
    int64_t rest = flat;
    for (int dim = sizes.rank() - 1; dim >= 0; --dim) {
      index[dim] = rest % sizes[dim];
      rest /= sizes[dim];
    }
    body(index);
  }
}

TEST(Elementwise, WalksStridedAndBroadcastOperands) {
  ElementwiseProgram program;  // max(a, b) where c < 0, else a - 2 b; and the condition
  program.inputs = {Storage::float32, Storage::float32, Storage::float32};
  const int16_t zero = program.append(Opcode::constant, {}, LaneType::float32, 0.0);
  const int16_t minus_two = program.append(Opcode::constant, {}, LaneType::float32, -2.0);
  const int16_t condition = program.append(Opcode::less, {2, zero});
  const int16_t larger = program.append(Opcode::maximum, {0, 1});
  const int16_t unused = program.append(Opcode::exp, {0});
  (void)unused;
  const int16_t twice = program.append(Opcode::mul, {1, minus_two});
  const int16_t sum = program.append(Opcode::add, {0, twice});
  program.outputs = {{program.append(Opcode::select, {condition, larger, sum}), Storage::float32},
                     {condition, Storage::int32}};
  const ElementwiseKernel kernel(program);
  EXPECT_EQ(kernel.steps().size(), 5u) << "unused instructions are dropped, constants are not steps";
  for_each_target([&] {
    RandomSource random(11);
    for (int repetition = 0; repetition < 120; ++repetition) {
      Dims sizes;
      const int64_t rank = random.integer(0, 5);
      for (int64_t dim = 0; dim < rank; ++dim) sizes.push_back(random.integer(1, 6));
      if (rank > 0 && random.chance(0.4)) sizes[static_cast<int>(rank) - 1] = random.integer(100, 2500);
      std::vector<StridedOperand> operands;
      std::vector<ElementwiseInput> inputs;
      for (int i = 0; i < 3; ++i) operands.push_back(make_operand(random, sizes, true));
      for (const StridedOperand& operand : operands) inputs.push_back({operand.values.data(), operand.strides});
      StridedOperand y = make_operand(random, sizes, false);
      StridedOperand condition_out = make_operand(random, sizes, false);
      std::fill(y.values.begin(), y.values.end(), 99.0f);
      std::vector<float> expected = y.values;
      const std::vector<ElementwiseOutput> outputs{{y.values.data(), y.strides},
                                                   {condition_out.values.data(), condition_out.strides}};
      kernel.run(sizes, inputs, outputs);
      for_each_index(sizes, [&](const Dims& index) {
        const auto value = [&](size_t i) {
          return operands[i].values[static_cast<size_t>(operands[i].offset_of(index))];
        };
        const bool negative = value(2) < 0;
        expected[static_cast<size_t>(y.offset_of(index))] =
            negative ? std::max(value(0), value(1)) : value(0) + value(1) * -2.0f;
        const float stored = condition_out.values[static_cast<size_t>(condition_out.offset_of(index))];
        ASSERT_EQ(std::bit_cast<int32_t>(stored), negative ? 1 : 0);
      });
      ASSERT_TRUE(same_bits(y.values, expected)) << "repetition " << repetition;
    }
  });
}

TEST(Elementwise, MayOverwriteItsInputs) {
  // first = x + y, second = x * y, third = x: first takes x's memory and is computed while x is still needed.
  ElementwiseProgram program;
  program.inputs = {Storage::float32, Storage::float32};
  const int16_t sum = program.append(Opcode::add, {0, 1});
  const int16_t product = program.append(Opcode::mul, {0, 1});
  program.outputs = {{sum, Storage::float32}, {product, Storage::float32}, {0, Storage::float32}};
  const ElementwiseKernel kernel(program);
  RandomSource random(12);
  for (int64_t count : {1, 7, 1024, 70'000}) {
    const std::vector<float> x = random.floats(count);
    const std::vector<float> y = random.floats(count);
    std::vector<float> first = x, second = y, third(x.size());
    const std::vector<ElementwiseInput> inputs{{first.data(), {1}}, {second.data(), {1}}};
    const std::vector<ElementwiseOutput> outputs{{first.data(), {1}}, {second.data(), {1}}, {third.data(), {1}}};
    kernel.run({count}, inputs, outputs);
    EXPECT_EQ(third, x);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(first[i], x[i] + y[i]);
      ASSERT_EQ(second[i], x[i] * y[i]);
    }
  }
}

TEST(Elementwise, LongChainsReuseTheirRegisters) {
  ElementwiseProgram program;
  program.inputs = {Storage::float32};
  int16_t value = 0;
  for (int i = 0; i < 40; ++i) value = program.append(i % 2 == 0 ? Opcode::neg : Opcode::abs, {value});
  program.outputs = {{value, Storage::float32}};
  const ElementwiseKernel kernel(program);
  EXPECT_LE(kernel.slot_count(), 3) << "input, one temporary, output";
  const float x = -3.0f;
  float y = 0.0f;
  const std::vector<ElementwiseInput> inputs{{&x, {}}};
  const std::vector<ElementwiseOutput> outputs{{&y, {}}};
  kernel.run({}, inputs, outputs);
  EXPECT_EQ(y, 3.0f);
}

TEST(Elementwise, DoesNothingOnEmptySpaces) {
  ElementwiseProgram program;
  program.inputs = {Storage::float32};
  program.outputs = {{program.append(Opcode::neg, {0}), Storage::float32}};
  const std::vector<ElementwiseInput> inputs{{nullptr, {0, 1}}};
  const std::vector<ElementwiseOutput> outputs{{nullptr, {0, 1}}};
  ElementwiseKernel(program).run({3, 0}, inputs, outputs);
}

TEST(ElementwiseDeathTest, StopsOnAProgramOfWrongTypes) {
  ElementwiseProgram program;
  program.inputs = {Storage::int32};
  program.outputs = {{program.append(Opcode::exp, {0}), Storage::float32}};
  EXPECT_DEATH(ElementwiseKernel{program}, "operand 0 of exp has the wrong lane type");
}

}  // namespace
}  // namespace millwright::cpu
