#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace millwright::generate {
namespace {

// What a sampler has to draw from, computed plainly: sort everything, cut, normalize.
std::vector<double> expected_distribution(const std::vector<float>& logits, const SamplingSettings& settings) {
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  if (settings.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(settings.top_k)));
  std::vector<double> weights;
  for (const size_t token : order) weights.push_back(std::exp(double{logits[token]} / settings.temperature));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double reached = 0;
  size_t kept = 0;
  while (kept < order.size() && reached < settings.top_p) reached += weights[kept++] / total;
  std::vector<double> distribution(logits.size(), 0.0);
  for (size_t i = 0; i < kept; ++i) distribution[order[i]] = weights[i] / total / reached;
  return distribution;
}

std::vector<int> counts(const std::vector<float>& logits, const SamplingSettings& settings, int draws) {
  Sampler sampler(settings);
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(*sampler.sample(logits))];
  return counts;
}

// Five standard deviations of a count: a correct sampler misses them once in 10^6 comparisons. Half a draw for the
// rounding of a certain one.
void expect_drawn_from(const std::vector<double>& expected, const std::vector<int>& found, int draws) {
  for (size_t token = 0; token < expected.size(); ++token) {
    const double p = expected[token];
    if (p == 0) {
      EXPECT_EQ(found[token], 0) << "token " << token << " was cut off and yet drawn";
    } else {
      const double deviation = std::sqrt(std::max(0.0, p * (1 - p) * draws));
      EXPECT_NEAR(found[token], p * draws, std::max(0.5, 5 * deviation)) << "token " << token;
    }
  }
}

constexpr int kDraws = 20000;
const std::vector<float> kLogits = {0.5F, -1.0F, 2.0F, 1.5F, -3.0F, 0.0F, 1.0F};

TEST(Sampler, TakesTheMostLikelyTokenAtTemperatureZero) {
  Sampler sampler({.temperature = 0, .top_k = 0, .top_p = 1, .seed = 3});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*sampler.sample(kLogits), 2);
}

TEST(Sampler, TakesTheFirstOfEquallyLikelyTokensAtTemperatureZero) {
  Sampler sampler({.temperature = 0});
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 7, 3, 7}), 1);
}

TEST(Sampler, DrawsFromTheSoftmaxOfLogitsOverTemperature) {
  for (const double temperature : {0.3, 1.0, 2.5}) {
    const SamplingSettings settings{.temperature = temperature, .top_k = 0, .top_p = 1, .seed = 11};
    expect_drawn_from(expected_distribution(kLogits, settings), counts(kLogits, settings, kDraws), kDraws);
  }
}

TEST(Sampler, TopKKeepsTheMostLikelyTokens) {
  for (const int64_t top_k : {1, 3, 6, 7, 100}) {
    const SamplingSettings settings{.temperature = 1.3, .top_k = top_k, .top_p = 1, .seed = 12};
    expect_drawn_from(expected_distribution(kLogits, settings), counts(kLogits, settings, kDraws), kDraws);
  }
}

TEST(Sampler, TopPKeepsTheFewestTokensThatReachIt) {
  for (const double top_p : {0.01, 0.5, 0.8, 0.99}) {
    const SamplingSettings settings{.temperature = 0.9, .top_k = 0, .top_p = top_p, .seed = 13};
    expect_drawn_from(expected_distribution(kLogits, settings), counts(kLogits, settings, kDraws), kDraws);
  }
}

TEST(Sampler, TopPCountsOnlyWhatTopKLeft) {
  const SamplingSettings settings{.temperature = 1, .top_k = 3, .top_p = 0.7, .seed = 14};
  const std::vector<double> expected = expected_distribution(kLogits, settings);
  // Of the three kept tokens 2, 3, 6 the first two reach 0.7: 51 % and 31 % of their sum.
  EXPECT_EQ(std::ranges::count_if(expected, [](double p) { return p > 0; }), 2);
  expect_drawn_from(expected, counts(kLogits, settings, kDraws), kDraws);
}

TEST(Sampler, CutsTiesInFavourOfSmallerTokens) {
  const std::vector<float> logits = {1, 2, 2, 2, 2, 0};
  const SamplingSettings settings{.temperature = 1, .top_k = 2, .top_p = 1, .seed = 15};
  const std::vector<int> found = counts(logits, settings, 2000);
  EXPECT_GT(found[1], 800);
  EXPECT_GT(found[2], 800);
  EXPECT_EQ(found[1] + found[2], 2000);
}

TEST(Sampler, SurvivesLogitsFarApart) {
  const std::vector<float> logits = {-30000.0F, 12.0F, 30000.0F, 29999.0F};
  Sampler cold({.temperature = 1e-6, .top_k = 0, .top_p = 1, .seed = 16});
  Sampler hot({.temperature = 1e9, .top_k = 0, .top_p = 0.5, .seed = 16});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(*cold.sample(logits), 2);
    EXPECT_NE(*hot.sample(logits), 0);
  }
}

TEST(Sampler, GivesTheSameTokensForTheSameSeed) {
  const auto draw = [](uint64_t seed) {
    Sampler sampler({.temperature = 1, .top_k = 0, .top_p = 0.9, .seed = seed});
    std::vector<int32_t> tokens;
    for (int i = 0; i < 50; ++i) tokens.push_back(*sampler.sample(kLogits));
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  for (const double temperature : {0.0, 1.0}) {
    Sampler sampler({.temperature = temperature});
    const auto token = sampler.sample(std::vector<float>{0, 1, std::numeric_limits<float>::quiet_NaN()});
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().kind, ErrorKind::numeric);
    EXPECT_EQ(token.error().message,
              "the model gives nan for token 2: its weights are damaged or it was trained into NaN; use an earlier "
              "checkpoint");
  }
}

TEST(SamplingSettings, RefusesValuesOutOfRange) {
  const auto message = [](SamplingSettings settings) {
    const Status status = validate(settings);
    return status ? std::string("valid") : status.error().message;
  };
  EXPECT_EQ(message({}), "valid");
  EXPECT_EQ(message({.temperature = -0.5}), "temperature -0.5: expected a number from 0 (greedy) up");
  EXPECT_EQ(message({.temperature = std::nan("")}), "temperature nan: expected a number from 0 (greedy) up");
  EXPECT_EQ(message({.top_k = -1}), "top-k -1: expected 0 (all tokens) or more");
  EXPECT_EQ(message({.top_p = 0}), "top-p 0: expected a probability above 0, at most 1 (all tokens)");
  EXPECT_EQ(message({.top_p = 1.5}), "top-p 1.5: expected a probability above 0, at most 1 (all tokens)");
}

}  // namespace
}  // namespace millwright::generate
