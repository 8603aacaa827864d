// Softmax, its gradient and log-sum-exp against plain loops in double.
#include "cpu/kernels/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Shape {
  int64_t outer, axis, inner;
  int64_t count() const { return outer * axis * inner; }
};

const std::vector<Shape> kShapes{{1, 1, 1}, {3, 7, 1},    {5, 256, 1},   {2, 1000, 1},
                                 {2, 5, 3}, {1, 300, 70}, {2, 1100, 20}, {3, 16, 64}};

// body(offset of the first element of each line, offset of its result in [outer, inner])
template <class Body>
void for_each_line(const Shape& shape, const Body& body) {
  for (int64_t o = 0; o < shape.outer; ++o) {
    for (int64_t j = 0; j < shape.inner; ++j) body(o * shape.axis * shape.inner + j, o * shape.inner + j);
  }
}

std::vector<double> exact_softmax(const Shape& shape, const std::vector<double>& z) {
  std::vector<double> p(z.size());
  for_each_line(shape, [&](int64_t first, int64_t) {
    double largest = -kInfinity, sum = 0;
    for (int64_t k = 0; k < shape.axis; ++k)
      largest = std::max(largest, z[static_cast<size_t>(first + k * shape.inner)]);
    for (int64_t k = 0; k < shape.axis; ++k) sum += std::exp(z[static_cast<size_t>(first + k * shape.inner)] - largest);
    for (int64_t k = 0; k < shape.axis; ++k) {
      const auto at = static_cast<size_t>(first + k * shape.inner);
      p[at] = std::exp(z[at] - largest) / sum;
    }
  });
  return p;
}

// The exponent carries the rounding of the scaled score (up to 20 here), the sum a few roundings more.
constexpr double kRelative = 4e-6;

void expect_close(const std::vector<float>& actual, const std::vector<double>& exact, double relative,
                  double absolute) {
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], exact[i], relative * std::abs(exact[i]) + absolute) << "element " << i;
  }
}

TEST(Softmax, AgreesWithPlainLoopsAlongAnyAxis) {
  for_each_target([] {
    RandomSource random(31);
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(testing::Message() << shape.outer << "x" << shape.axis << "x" << shape.inner);
      const std::vector<float> x = random.floats(shape.count(), -10, 10);
      std::vector<double> z(x.begin(), x.end());
      for (double& value : z) value *= 1.5;
      std::vector<float> y(x.size());
      softmax(x.data(), y.data(), shape.outer, shape.axis, shape.inner, {1.5f, nullptr, 0});
      expect_close(y, exact_softmax(shape, z), kRelative, 1e-38);
      std::vector<float> in_place = x;
      softmax(in_place.data(), in_place.data(), shape.outer, shape.axis, shape.inner, {1.5f, nullptr, 0});
      EXPECT_TRUE(same_bits(in_place, y));
    }
  });
}

TEST(Softmax, AddsTheMaskRowByRow) {
  for_each_target([] {
    RandomSource random(32);
    const Shape shape{12, 37, 1};
    const int64_t mask_rows = 4;
    const std::vector<float> x = random.floats(shape.count(), -5, 5);
    std::vector<float> mask = random.floats(mask_rows * shape.axis);
    for (float& value : mask) value = random.chance(0.3) ? -kInfinity : value;
    for (int64_t row = 0; row < mask_rows; ++row) mask[static_cast<size_t>(row * shape.axis)] = 0;  // one is visible
    std::vector<double> z(x.size());
    for (size_t i = 0; i < x.size(); ++i) z[i] = 0.25 * x[i] + mask[i % mask.size()];
    std::vector<float> y(x.size());
    softmax(x.data(), y.data(), shape.outer, shape.axis, 1, {0.25f, mask.data(), mask_rows});
    expect_close(y, exact_softmax(shape, z), kRelative, 1e-38);
  });
}

TEST(Softmax, SurvivesLargeScores) {
  for_each_target([] {
    std::vector<float> y(3);
    const std::vector<float> x{1e30f, 1e30f, -1e30f};
    softmax(x.data(), y.data(), 1, 3, 1);
    EXPECT_EQ(y, (std::vector<float>{0.5f, 0.5f, 0.0f}));
    const std::vector<float> hidden{-kInfinity, -kInfinity, -kInfinity};
    softmax(hidden.data(), y.data(), 1, 3, 1);
    for (float value : y) EXPECT_TRUE(std::isnan(value));
  });
}

TEST(SoftmaxBackward, AgreesWithPlainLoopsAlongAnyAxis) {
  for_each_target([] {
    RandomSource random(33);
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(testing::Message() << shape.outer << "x" << shape.axis << "x" << shape.inner);
      const std::vector<float> x = random.floats(shape.count(), -3, 3);
      std::vector<float> p(x.size());
      softmax(x.data(), p.data(), shape.outer, shape.axis, shape.inner);
      const std::vector<float> dp = random.floats(shape.count());
      std::vector<double> exact(x.size());
      for_each_line(shape, [&](int64_t first, int64_t) {
        double dot = 0;
        for (int64_t k = 0; k < shape.axis; ++k) {
          const auto at = static_cast<size_t>(first + k * shape.inner);
          dot += static_cast<double>(p[at]) * dp[at];
        }
        for (int64_t k = 0; k < shape.axis; ++k) {
          const auto at = static_cast<size_t>(first + k * shape.inner);
          exact[at] = 0.125 * p[at] * (dp[at] - dot);
        }
      });
      std::vector<float> dx(x.size());
      softmax_backward(p.data(), dp.data(), dx.data(), shape.outer, shape.axis, shape.inner, 0.125f);
      // Terms of the dot product are at most 1 in sum; its rounding is a few units of 6e-8 times p.
      for (size_t i = 0; i < dx.size(); ++i) ASSERT_NEAR(dx[i], exact[i], 0.125 * p[i] * 2e-6 + 1e-38);
      std::vector<float> in_place = dp;
      softmax_backward(p.data(), in_place.data(), in_place.data(), shape.outer, shape.axis, shape.inner, 0.125f);
      EXPECT_TRUE(same_bits(in_place, dx));
    }
  });
}

TEST(LogSumExp, AgreesWithPlainLoopsAlongAnyAxis) {
  for_each_target([] {
    RandomSource random(34);
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(testing::Message() << shape.outer << "x" << shape.axis << "x" << shape.inner);
      const std::vector<float> x = random.floats(shape.count(), -10, 10);
      std::vector<double> exact(static_cast<size_t>(shape.outer * shape.inner));
      for_each_line(shape, [&](int64_t first, int64_t result) {
        double sum = 0;
        for (int64_t k = 0; k < shape.axis; ++k) sum += std::exp(x[static_cast<size_t>(first + k * shape.inner)]);
        exact[static_cast<size_t>(result)] = std::log(sum);
      });
      std::vector<float> y(exact.size());
      log_sum_exp(x.data(), y.data(), shape.outer, shape.axis, shape.inner);
      expect_close(y, exact, 3e-7, 1e-6);
    }
  });
}

TEST(LogSumExp, KeepsInfinitiesAndLargeScores) {
  for_each_target([] {
    for (int64_t inner : {1, 2}) {
      // Axis of 1200: two chunks, the first of -inf only.
      std::vector<float> x(static_cast<size_t>(1200 * inner), -kInfinity);
      std::vector<float> y(static_cast<size_t>(inner));
      log_sum_exp(x.data(), y.data(), 1, 1200, inner);
      EXPECT_EQ(y[0], -kInfinity);
      x[static_cast<size_t>(1199 * inner)] = 1e30f;
      log_sum_exp(x.data(), y.data(), 1, 1200, inner);
      EXPECT_EQ(y[0], 1e30f);
      for (const size_t place : {size_t{3}, size_t{900}}) {
        x[place * static_cast<size_t>(inner)] = kInfinity;
        log_sum_exp(x.data(), y.data(), 1, 1200, inner);
        EXPECT_EQ(y[0], kInfinity);
      }
    }
  });
}

TEST(Softmax, GivesTheSameBitsAtAnyThreadCount) {
  RandomSource random(35);
  for (const Shape& shape : {Shape{700, 200, 1}, Shape{2, 1300, 150}}) {
    const std::vector<float> x = random.floats(shape.count(), -5, 5);
    const auto run = [&](int threads) {
      const ThreadCountScope scope(threads);
      std::vector<float> y(x.size());
      softmax(x.data(), y.data(), shape.outer, shape.axis, shape.inner);
      softmax_backward(y.data(), x.data(), y.data(), shape.outer, shape.axis, shape.inner);
      std::vector<float> lse(static_cast<size_t>(shape.outer * shape.inner));
      log_sum_exp(x.data(), lse.data(), shape.outer, shape.axis, shape.inner);
      y.insert(y.end(), lse.begin(), lse.end());
      return y;
    };
    EXPECT_TRUE(same_bits(run(2), run(1)));
  }
}

}  // namespace
}  // namespace millwright::cpu
