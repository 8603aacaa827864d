// The optimizer's sweep against the textbook formula in double, and the sum of squares.
#include "cpu/kernels/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

TEST(AdamW, FollowsTheFormulaOverSeveralUpdates) {
  for_each_target([] {
    RandomSource random(61);
    const int64_t count = 70'001;
    std::vector<float> w = random.floats(count), m(w.size(), 0.0f), v(w.size(), 0.0f);
    std::vector<double> exact_w(w.begin(), w.end()), exact_m(w.size(), 0.0), exact_v(w.size(), 0.0);
    AdamWStep step;
    step.learning_rate = 0.01;
    step.beta1 = 0.9;
    step.beta2 = 0.95;
    step.epsilon = 1e-8;
    step.weight_decay = 0.1;
    step.gradient_scale = 0.5;
    for (int64_t t = 1; t <= 5; ++t) {
      const std::vector<float> g = random.floats(count);
      adamw_update(with_bias_corrections(step, t), g.data(), w.data(), m.data(), v.data(), count);
      const double beta1 = step.beta1, beta2 = step.beta2, rate = step.learning_rate;
      for (size_t i = 0; i < w.size(); ++i) {
        const double gradient = 0.5 * g[i];
        exact_m[i] = beta1 * exact_m[i] + (1 - beta1) * gradient;
        exact_v[i] = beta2 * exact_v[i] + (1 - beta2) * gradient * gradient;
        exact_w[i] -= rate * step.weight_decay * exact_w[i];
        const double denominator =
            std::sqrt(exact_v[i]) / std::sqrt(1 - std::pow(beta2, static_cast<double>(t))) + step.epsilon;
        exact_w[i] -= rate / (1 - std::pow(beta1, static_cast<double>(t))) * exact_m[i] / denominator;
      }
    }
    for (size_t i = 0; i < w.size(); ++i) {
      // Each update moves a weight by at most about the rate, with float rounding; moments are short float sums.
      ASSERT_NEAR(w[i], exact_w[i], 2e-6) << i;
      ASSERT_NEAR(m[i], exact_m[i], 1e-7) << i;
      ASSERT_NEAR(v[i], exact_v[i], 1e-7) << i;
    }
  });
}

TEST(AdamW, FirstUpdateMovesByTheLearningRate) {
  // With no decay and t = 1 the ratio m̂/√v̂ is the gradient's sign.
  AdamWStep step;
  step.learning_rate = 0.25;
  std::vector<float> w{1.0f, 1.0f}, m(2), v(2);
  const std::vector<float> g{3.0f, -0.5f};
  adamw_update(with_bias_corrections(step, 1), g.data(), w.data(), m.data(), v.data(), 2);
  EXPECT_NEAR(w[0], 0.75f, 1e-5);
  EXPECT_NEAR(w[1], 1.25f, 1e-5);
}

TEST(AdamW, GivesTheSameBitsAtAnyThreadCount) {
  RandomSource random(62);
  const std::vector<float> start = random.floats(200'000), g = random.floats(200'000);
  const auto run = [&](int threads) {
    const ThreadCountScope scope(threads);
    std::vector<float> w = start, m(w.size()), v(w.size());
    AdamWStep step;
    step.learning_rate = 0.1;
    adamw_update(with_bias_corrections(step, 1), g.data(), w.data(), m.data(), v.data(), 200'000);
    return w;
  };
  EXPECT_TRUE(same_bits(run(2), run(1)));
}

TEST(SumOfSquares, IsAccurateAndIndependentOfThreads) {
  for_each_target([] {
    RandomSource random(63);
    for (int64_t count : {0, 1, 17, 1000, 65536, 300'007}) {
      const std::vector<float> x = random.floats(count, -3, 3);
      double exact = 0;
      for (float value : x) exact += static_cast<double>(value) * value;
      const double result = sum_of_squares(x.data(), count);
      EXPECT_NEAR(result, exact, 1e-6 * exact);
      const ThreadCountScope scope(1);
      EXPECT_EQ(sum_of_squares(x.data(), count), result);
    }
  });
}

}  // namespace
}  // namespace millwright::cpu
