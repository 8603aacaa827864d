// What the engine makes of numbers: the catalogue's C50 to C61, for fast and faithful numerics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "device/emulated/activation_table.h"
#include "device/emulated/faithful_sum.h"
#include "device/emulated_testing.h"

namespace millwright::device {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr SumRounding kM1{ane::Ties::to_even, true};

float sum_of(const std::vector<float>& terms, SumRounding rounding) {
  const std::vector<float> ones(terms.size(), 1.0f);
  float sum = 0;
  faithful_products(terms.data(), ones.data(), 1, 1, static_cast<int64_t>(terms.size()), rounding, &sum);
  return sum;
}

// The two sums that were measured (C56, C57).
TEST(FaithfulSum, LosesSmallTermsBesideALargeOneInTheirTileOnly) {
  std::vector<float> terms(1025, 1.0f);
  terms[0] = 4096;
  EXPECT_EQ(sum_of(terms, kM1), 5116);
}
TEST(FaithfulSum, TellsChipsApartByHalfWaySums) {
  const std::vector<float> ones(2049, 1.0f);
  EXPECT_EQ(sum_of(ones, {ane::Ties::to_even, false}), 2048);
  EXPECT_EQ(sum_of(ones, {ane::Ties::away, false}), 2050);
}

// Sums on the way have fp16's digits and fp32's range, unless partial sums are limited too (C52 as an option).
TEST(FaithfulSum, LimitsPartialSumsWhereAsked) {
  const std::vector<float> there_and_back = {60000, 60000, -60000, -60000, 1};
  EXPECT_EQ(sum_of(there_and_back, {ane::Ties::to_even, false}), 1);
  EXPECT_EQ(sum_of(there_and_back, {ane::Ties::to_even, false, 32768}), kInfinity);
  EXPECT_EQ(sum_of({32752, -1}, {ane::Ties::to_even, false, 32768}), 32752);
  EXPECT_EQ(sum_of({-32768, 1}, {ane::Ties::to_even, false, 32768}), -kInfinity);
  EXPECT_EQ(round_to_fp16_digits(131072 + 64, ane::Ties::to_even), 131072);
  EXPECT_EQ(round_to_fp16_digits(131072 + 65, ane::Ties::to_even), 131072 + 128);
  EXPECT_EQ(round_to_fp16_digits(-65519, ane::Ties::away), -65504);
}

TEST(FaithfulSum, KeepsOrFlushesDenormalProducts) {
  const std::vector<float> denormals(8, 0x1p-20f);
  EXPECT_EQ(sum_of(denormals, {ane::Ties::to_even, false}), 0x1p-17f);
  EXPECT_EQ(sum_of(denormals, {ane::Ties::to_even, true}), 0);
}

TEST(FaithfulSum, GivesTheSameBitsAtAnyThreadCount) {
  RandomStream random(5);
  std::vector<float> a(40 * 70);
  std::vector<float> b(30 * 70);
  for (auto* numbers : {&a, &b}) {
    for (float& number : *numbers) {
      number = round_to_fp16(static_cast<float>(random.uniform() - 0.5), ane::Ties::to_even);
    }
  }
  std::vector<std::vector<float>> results;
  const int threads = thread_count();
  for (const int count : {1, 2, 3, 5}) {
    set_thread_count(count);
    std::vector<float> c(40 * 30);
    faithful_products(a.data(), b.data(), 40, 30, 70, kM1, c.data());
    results.push_back(c);
  }
  set_thread_count(threads);
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

TEST(RoundToFp16, SendsHalvesToEvenOrAway) {
  EXPECT_EQ(round_to_fp16(2049, ane::Ties::to_even), 2048);
  EXPECT_EQ(round_to_fp16(2049, ane::Ties::away), 2050);
  EXPECT_EQ(round_to_fp16(-2049, ane::Ties::away), -2050);
  EXPECT_EQ(round_to_fp16(65519, ane::Ties::away), 65504);
  EXPECT_EQ(round_to_fp16(65520, ane::Ties::away), kInfinity);
  EXPECT_EQ(round_to_fp16(0x1p-25f, ane::Ties::away), 0x1p-24f);
  EXPECT_EQ(round_to_fp16(0x1p-25f, ane::Ties::to_even), 0);
}

// Largest errors as published (C5B), and the published values at 0.
TEST(ActivationTable, IsAsFarFromTheFunctionAsPublished) {
  const auto largest_error = [&](std::string_view kind, double (*function)(double)) {
    double error = 0;
    for (int i = -12000; i <= 12000; ++i) {
      const double x = i / 1000.0;
      error = std::max(error, std::abs(activation_from_table(kind, x) - function(x)));
    }
    return error;
  };
  EXPECT_NEAR(largest_error("tanh", [](double x) { return std::tanh(x); }), 0.0017, 0.0001);
  EXPECT_NEAR(largest_error("gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }), 0.0059,
              0.0003);
  EXPECT_NEAR(largest_error("sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }), 0.0034, 0.0006);
  EXPECT_NEAR(largest_error("sin", [](double x) { return std::sin(x); }), 0.04, 0.002);
  EXPECT_NEAR(largest_error("cos", [](double x) { return std::cos(x); }), 0.04, 0.002);
  EXPECT_NEAR(largest_error("atan", [](double x) { return std::atan(x); }), 0.12, 0.002);
  EXPECT_DOUBLE_EQ(activation_from_table("gelu", 0), -0.000543);
  EXPECT_DOUBLE_EQ(activation_from_table("silu", 0), -0.001259);
  EXPECT_EQ(activation_from_table("tanh", -1), -activation_from_table("tanh", 1));
}

// The errors of sin and cos are those of the seams, where the argument turns from π to −π (C5B): elsewhere they are
// those of 33 knots over one turn.
TEST(ActivationTable, TurnsTheArgumentsOfSinAndCos) {
  constexpr double kTurn = 2 * std::numbers::pi;
  for (const std::string_view kind : {"sin", "cos"}) {
    double error = 0;
    for (int i = -2500; i <= 2500; ++i) {
      const double x = i / 1000.0;
      const double at = kind == "sin" ? x : x - kTurn / 4;
      error = std::max(error, std::abs(activation_from_table(kind, at) - std::sin(x)));
      EXPECT_NEAR(activation_from_table(kind, at + 7 * kTurn), activation_from_table(kind, at), 1e-6) << kind << at;
    }
    EXPECT_NEAR(error, 0.0047, 0.0003) << kind;  // (6.2 / 32)² / 8
    EXPECT_TRUE(std::isnan(activation_from_table(kind, std::numeric_limits<double>::infinity())));
  }
  EXPECT_EQ(activation_from_table("atan", std::numeric_limits<double>::infinity()), std::numbers::pi / 2);
}

TEST(FaithfulSum, IsNeededWherePartialSumsAreLimited) {
  const auto limited = [](ane::ChipProfile& profile) { profile.numerics.partial_product_limit.value = true; };
  const auto relu = [] {
    auto function = std::make_unique<mil::Function>("main", "ios18");
    mil::Builder b(*function);
    mil::Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp16, {1, 4, 1, 32}));
    function->block().set_results({b.unary("relu", x, "y")});
    return function;
  };
  Engine fast(limited);
  const auto refused = fast.compiled(relu());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(
      refused.error().message,
      "main: the profile m4 limits partial sums (numerics.partial_product_limit); only faithful numerics do that");
  Engine faithful(limited, "m4", Numerics::faithful);
  EXPECT_TRUE(faithful.compiled(relu()).has_value());
}

// Functions of one input x [1, 4, 1, 32], on both numerics.
class EngineNumerics : public ::testing::TestWithParam<Numerics> {
 protected:
  using Build = std::function<mil::Value*(mil::Builder&, mil::Value* x)>;

  float first_of(const Build& build, float x, std::string_view chip = "m1",
                 const std::function<void(ane::ChipProfile&)>& change = {}) {
    const mil::Shape shape = {1, 4, 1, 32};
    auto function = std::make_unique<mil::Function>("main", "ios18");
    mil::Builder b(*function);
    mil::Value* input = b.input("x", mil::Type::tensor(mil::ElementType::fp16, shape));
    mil::Value* result = build(b, input);
    const mil::Shape result_shape = result->shape();
    function->block().set_results({result});
    Engine engine(change, chip, GetParam());
    const auto executable = engine.loaded(std::move(function));
    const Surface in = filled_halves(shape, x);
    Surface out = *Surface::allocate_bytes(executable->surface_bytes(executable->outputs()[0]));
    const Status status = evaluate(*executable, {&in}, {&out});
    EXPECT_TRUE(status.has_value()) << status.error().message;
    return half_at(out, 0);
  }

  // A 1×1 convolution of `channels` inputs, every weight the same.
  static Build conv(double weight, int64_t channels = 4) {
    return [=](mil::Builder& b, mil::Value* x) {
      if (channels != 4) x = b.slice(x, std::vector<int64_t>{0, 0, 0, 0}, std::vector<int64_t>{1, channels, 1, 32});
      const mil::Type type = mil::Type::tensor(mil::ElementType::fp16, {4, channels, 1, 1});
      mil::Value* weights = b.constant(mil::Literal::splat(type, weight));
      return b.emit("conv", {mil::operand("x", x), mil::operand("weight", weights)}, "y");
    };
  }
};

TEST_P(EngineNumerics, LimitProductsOfTwoTermsOrMore) {
  EXPECT_EQ(first_of(conv(1), 8188), 32752);  // passes (C52)
  EXPECT_EQ(first_of(conv(1), 8192), kInfinity);
  EXPECT_EQ(first_of(conv(-1), 8192), -kInfinity);
  EXPECT_EQ(first_of(conv(1, 1), 60000), 60000);  // one input channel
}

TEST_P(EngineNumerics, LetElementwiseResultsGoToTheEndOfFp16) {
  const auto doubled = [](mil::Builder& b, mil::Value* x) { return b.add(x, x, "y"); };
  EXPECT_EQ(first_of(doubled, 32752), 65504);
  EXPECT_EQ(first_of(doubled, 32768), kInfinity);
}

// No NaN goes in or comes out (C59).
TEST_P(EngineNumerics, HideNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto identity = [](mil::Builder& b, mil::Value* x) { return b.add(x, b.scalar_like(x, 0), "y"); };
  const auto difference = [](mil::Builder& b, mil::Value* x) { return b.sub(x, x, "y"); };
  const auto times_zero = [](mil::Builder& b, mil::Value* x) { return b.mul(x, b.scalar_like(x, 0), "y"); };
  const auto root = [](mil::Builder& b, mil::Value* x) { return b.unary("sqrt", x, "y"); };
  EXPECT_EQ(first_of(identity, nan), kInfinity);
  EXPECT_EQ(first_of(difference, kInfinity), 0);
  EXPECT_EQ(first_of(times_zero, kInfinity), 0);
  EXPECT_EQ(first_of(root, -1), 0);
  const auto visible = [](ane::ChipProfile& profile) { profile.numerics.hides_nan.value = false; };
  EXPECT_TRUE(std::isnan(first_of(root, -1, "m1", visible)));
}

// C59 and C55 as published; exp overflows fp16 between 11.0859 and 11.0938, the neighbours of the published 11.094
// (C5C).
TEST_P(EngineNumerics, EndFunctionsWhereTheEngineDoes) {
  const auto with_epsilon = [](mil::Builder& b, mil::Value* x) {
    return b.emit("log", {mil::operand("x", x), mil::operand("epsilon", b.scalar(mil::ElementType::fp16, 0))}, "y");
  };
  const auto function = [](std::string_view kind) {
    return [kind](mil::Builder& b, mil::Value* x) { return b.unary(kind, x, "y"); };
  };
  EXPECT_EQ(first_of(with_epsilon, 0), -45440);
  EXPECT_EQ(first_of(with_epsilon, -1), 0);
  EXPECT_EQ(first_of(with_epsilon, 1), 0);
  EXPECT_EQ(first_of(with_epsilon, 0, "m1", [](auto& profile) { profile.numerics.log_of_zero.value.reset(); }),
            -kInfinity);
  EXPECT_EQ(first_of(function("exp"), 11.0859375f), 65248);
  EXPECT_EQ(first_of(function("exp"), 11.09375f), kInfinity);
  EXPECT_EQ(first_of(function("exp"), 10, "m1", [](auto& profile) { profile.numerics.exp_limit.value = 9; }),
            kInfinity);
  EXPECT_EQ(first_of(function("softplus"), kInfinity), 0);
  // "Wrong above about 10.4": it stays where it is there, in both.
  for (const float x : {10.3984375f, 10.40625f, 12.0f, 300.0f, 65504.0f}) {
    EXPECT_EQ(first_of(function("softplus"), x, "m5"), 10.3984375f) << x;
  }
  EXPECT_EQ(first_of(function("softplus"), 10, "m5"), 10);
  EXPECT_EQ(first_of(function("softplus"), 12, "m5", [](auto& profile) { profile.numerics.softplus_limit.value = 14; }),
            12);
  EXPECT_EQ(first_of(function("softsign"), kInfinity), 0);
  EXPECT_EQ(first_of(function("softsign"), 3), 0.75f);
}

// "Garbage" is all that is published of uint8 weights (C44); int8 ones are read as they are.
TEST_P(EngineNumerics, ReadBytesOfCompressedWeightsWithASign) {
  const auto scaled_by = [](mil::ElementType element, double number) {
    return [=](mil::Builder& b, mil::Value* x) {
      mil::Value* data = b.constant(mil::Literal::splat(mil::Type::tensor(element, {1, 4, 1, 32}), number));
      mil::Value* scale = b.constant(mil::Literal::splat(mil::Type::tensor(mil::ElementType::fp16, {1, 1, 1, 1}), 0.5));
      mil::Value* weight =
          b.emit("constexpr_blockwise_shift_scale", {mil::operand("data", data), mil::operand("scale", scale)});
      return b.mul(x, weight, "y");
    };
  };
  EXPECT_EQ(first_of(scaled_by(mil::ElementType::uint8, 100), 2), 100);
  EXPECT_EQ(first_of(scaled_by(mil::ElementType::uint8, 200), 2), -56);
  EXPECT_EQ(first_of(scaled_by(mil::ElementType::uint8, 200), 2, "m1+e5"), 200);
  EXPECT_EQ(first_of(scaled_by(mil::ElementType::int8, -100), 2), -100);
}

TEST_P(EngineNumerics, DivideByZerosWithoutASign) {
  const auto one_over = [](mil::Builder& b, mil::Value* x) { return b.real_div(b.scalar_like(x, 1), x, "y"); };
  EXPECT_EQ(first_of(one_over, -0.0f), kInfinity);  // C5A
  EXPECT_EQ(first_of(one_over, -4), -0.25f);
}

// fp32 is a type of the border: 10^30 is infinite inside, 10^-30 is zero (C3F).
TEST_P(EngineNumerics, ComputeOnFp32AsOnFp16) {
  const auto quotient_of = [&](float number, std::optional<double> divisor) {
    auto built = std::make_unique<mil::Function>("main", "ios18");
    mil::Builder b(*built);
    const mil::Type type = mil::Type::tensor(mil::ElementType::fp32, {1, 4, 1, 32});
    mil::Value* x = b.input("x", type);
    mil::Value* y = divisor ? b.constant(mil::Literal::splat(type, *divisor)) : x;
    built->block().set_results({b.real_div(x, y, "y")});
    Engine engine({}, "m4", GetParam());
    const auto executable = engine.loaded(std::move(built));
    Surface in = *Surface::allocate(type);
    Surface out = *Surface::allocate(type);
    std::ranges::fill(in.as<float>(), number);
    EXPECT_TRUE(evaluate(*executable, {&in}, {&out}).has_value());
    return out.as<float>()[0];
  };
  EXPECT_EQ(quotient_of(3, {}), 1);
  EXPECT_EQ(quotient_of(1e30f, {}), 0);  // ∞ / ∞ is no number, so 0 (C59)
  EXPECT_EQ(quotient_of(3, 1e-30), kInfinity);
}

// On M1 and M2 a slice of the last axis behind its start multiplies by 16 inside (C51).
TEST_P(EngineNumerics, LimitSlicesOfTheLastAxisBehindItsStart) {
  const auto slice = [](int64_t channel, int64_t column) {
    return [=](mil::Builder& b, mil::Value* x) {
      return b.slice(x, std::vector<int64_t>{0, channel, 0, column}, std::vector<int64_t>{1, 2, 1, 16}, "y");
    };
  };
  EXPECT_EQ(first_of(slice(0, 4), 4094), 4094);
  EXPECT_EQ(first_of(slice(0, 4), 4096), kInfinity);
  EXPECT_EQ(first_of(slice(0, 4), -4096), -kInfinity);
  EXPECT_EQ(first_of(slice(1, 0), 4096), 4096);
  EXPECT_EQ(first_of(slice(0, 4), 4096, "m5"), 4096);
}

TEST_P(EngineNumerics, AreWrongWhereAMachineWasSeenToBe) {
  const auto power = [](mil::Builder& b, mil::Value* x) { return b.binary("pow", x, b.scalar_like(x, 2), "y"); };
  EXPECT_EQ(first_of(power, 3), 9);
  EXPECT_EQ(first_of(power, 3, "m1", [](ane::ChipProfile& profile) { profile.numerics.pow_broken.value = true; }),
            kInfinity);
  const auto quotient = [](mil::Builder& b, mil::Value* x) { return b.real_div(b.unary("sqrt", x), x, "y"); };
  EXPECT_EQ(first_of(quotient, 4), 0.5f);
  EXPECT_EQ(first_of(quotient, 4, "m1",
                     [](ane::ChipProfile& profile) { profile.numerics.sqrt_broadcast_broken.value = true; }),
            0);
}

INSTANTIATE_TEST_SUITE_P(Both, EngineNumerics, ::testing::Values(Numerics::fast, Numerics::faithful),
                         [](const auto& info) { return std::string(numerics_name(info.param)); });

}  // namespace
}  // namespace millwright::device
