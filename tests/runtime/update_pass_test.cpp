#include "runtime/update_pass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"

namespace millwright::runtime {
namespace {

// More than one chunk, and a last one that is not full.
constexpr int64_t kLarge = (int64_t{1} << 16) + 77;

ParameterStore filled_store(uint64_t seed) {
  const std::vector<ParameterSpecification> parameters = {{"matrix", {kLarge}, true}, {"norm", {19}, false}};
  ParameterStore store = *ParameterStore::create(parameters, StoreContents::training);
  RandomStream random(seed);
  for (size_t i = 0; i < 2; ++i) {
    for (float& value : store.master(i)) value = random.normal();
    for (float& value : store.gradient(i)) value = random.normal();
    for (float& value : store.first_moment(i)) value = 0.1f * random.normal();
    for (float& value : store.second_moment(i)) value = 0.1f * random.uniform();
  }
  return store;
}

UpdateSettings typical_settings() {
  return {.learning_rate = 0.01,
          .beta1 = 0.9,
          .beta2 = 0.95,
          .epsilon = 1e-8,
          .weight_decay = 0.1,
          .clip = 1.0,
          .update = 7};
}

// AdamW as the paper writes it (Loshchilov and Hutter, 2019, algorithm 2), in double.
struct Reference {
  std::vector<double> weights, first, second;
};
Reference reference_update(const ParameterStore& store, size_t entry, const UpdateSettings& s, double clip_factor) {
  Reference r;
  const double decay = store.entries()[entry].decay ? s.weight_decay : 0.0;
  for (size_t i = 0; i < store.entries()[entry].count; ++i) {
    const double g = clip_factor * store.gradient(entry)[i];
    const double m = s.beta1 * store.first_moment(entry)[i] + (1 - s.beta1) * g;
    const double v = s.beta2 * store.second_moment(entry)[i] + (1 - s.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(s.beta1, static_cast<double>(s.update)));
    const double v_hat = v / (1 - std::pow(s.beta2, static_cast<double>(s.update)));
    const double w = store.master(entry)[i];
    r.weights.push_back(w - s.learning_rate * (m_hat / (std::sqrt(v_hat) + s.epsilon) + decay * w));
    r.first.push_back(m);
    r.second.push_back(v);
  }
  return r;
}

double reference_norm(const ParameterStore& store) {
  long double sum = 0;
  for (size_t i = 0; i < store.entries().size(); ++i) {
    for (const float g : store.gradient(i)) sum += static_cast<long double>(g) * g;
  }
  return static_cast<double>(std::sqrt(sum));
}

// fp32 arithmetic of a handful of operations on numbers of about 1.
constexpr double kTolerance = 2e-6;

// As after a step whose loss was multiplied by 8: the same bits.
TEST(UpdatePass, DividesGradientsByTheLossScale) {
  ParameterStore plain = filled_store(5);
  ParameterStore scaled = filled_store(5);
  for (size_t i = 0; i < scaled.entries().size(); ++i) {
    for (float& value : scaled.gradient(i)) value *= 8;
  }
  UpdateSettings settings{.learning_rate = 0.01, .weight_decay = 0.1, .clip = 1.0};
  const auto expected = update_pass(plain, settings);
  settings.gradient_scale = 0.125;
  const auto report = update_pass(scaled, settings);
  EXPECT_EQ(report->gradient_norm, expected->gradient_norm);
  EXPECT_EQ(report->clip_factor, expected->clip_factor);
  for (size_t i = 0; i < plain.entries().size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(plain.master(i), scaled.master(i))) << plain.entries()[i].name;
  }
}

TEST(UpdatePass, IsAdamWWithDecoupledDecayAndClipping) {
  ParameterStore store = filled_store(1);
  const UpdateSettings settings = typical_settings();
  const double norm = reference_norm(store);
  const Reference matrix = reference_update(store, 0, settings, settings.clip / norm);
  const Reference vector = reference_update(store, 1, settings, settings.clip / norm);
  const auto report = update_pass(store, settings);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  // The kernel adds blocks of 64 squares in fp32 and the blocks in fp64.
  EXPECT_NEAR(report->gradient_norm, norm, 1e-7 * norm);
  EXPECT_NEAR(report->clip_factor, settings.clip / norm, 1e-7 * settings.clip / norm);
  for (const auto& [entry, expected] : {std::pair{0, &matrix}, std::pair{1, &vector}}) {
    const auto e = static_cast<size_t>(entry);
    for (size_t i = 0; i < store.entries()[e].count; ++i) {
      ASSERT_NEAR(store.master(e)[i], expected->weights[i], kTolerance * (1 + std::abs(expected->weights[i])));
      ASSERT_NEAR(store.first_moment(e)[i], expected->first[i], kTolerance);
      ASSERT_NEAR(store.second_moment(e)[i], expected->second[i], kTolerance);
    }
  }
}

TEST(UpdatePass, DoesNotClipASmallNorm) {
  ParameterStore store = filled_store(2);
  UpdateSettings settings = typical_settings();
  settings.clip = 1e6;
  EXPECT_EQ(update_pass(store, settings)->clip_factor, 1.0);
}

TEST(UpdatePass, ClearsGradientsWhenStepsAddToThem) {
  ParameterStore store = filled_store(3);
  UpdateSettings settings = typical_settings();
  ASSERT_TRUE(update_pass(store, settings).has_value());
  EXPECT_NE(store.gradient(0)[0], 0.0f);
  settings.clear_gradients = true;
  ASSERT_TRUE(update_pass(store, settings).has_value());
  for (size_t i = 0; i < 2; ++i) {
    for (const float value : store.gradient(i)) ASSERT_EQ(value, 0.0f);
  }
}

TEST(UpdatePass, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int before = thread_count();
  std::vector<ParameterStore> stores;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    stores.push_back(filled_store(4));
    ASSERT_TRUE(update_pass(stores.back(), typical_settings()).has_value());
  }
  set_thread_count(before);
  for (size_t other : {1u, 2u}) {
    for (size_t i = 0; i < 2; ++i) {
      const size_t bytes = stores[0].master(i).size_bytes();
      EXPECT_EQ(std::memcmp(stores[0].master(i).data(), stores[other].master(i).data(), bytes), 0);
      EXPECT_EQ(std::memcmp(stores[0].second_moment(i).data(), stores[other].second_moment(i).data(), bytes), 0);
    }
  }
}

TEST(UpdatePass, StopsAtANaNGradientAndChangesNothing) {
  ParameterStore store = filled_store(5);
  store.gradient(1)[3] = std::numeric_limits<float>::quiet_NaN();
  const float weight = store.master(0)[0];
  const auto report = update_pass(store, typical_settings());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().kind, ErrorKind::numeric);
  EXPECT_EQ(report.error().message,
            "update 7: the gradient of norm is NaN; try a lower learning rate or a smaller clip");
  EXPECT_EQ(store.master(0)[0], weight);
}

TEST(UpdatePass, StopsAtAnInfiniteGradient) {
  ParameterStore store = filled_store(6);
  store.gradient(0)[0] = std::numeric_limits<float>::infinity();
  const auto report = update_pass(store, typical_settings());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().message,
            "update 7: the gradient of matrix is infinite; try a lower learning rate or a smaller clip");
}

}  // namespace
}  // namespace millwright::runtime
