#include "train/training_session.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "base/random.h"
#include "device/cpu/cpu_device.h"
#include "device/interpreter_device.h"
#include "golden/golden_file.h"
#include "train/tiny_model.h"

namespace millwright::train {
namespace {

constexpr SessionOptions kOptions{.batch = 2, .sequence = 6, .accumulate = 1};

std::unique_ptr<TrainingSession> session_on(device::Device& device, const SessionOptions& options = kOptions) {
  auto session = TrainingSession::create(tiny_model(), options, device);
  EXPECT_TRUE(session.has_value()) << session.error().message;
  (*session)->initialize(3);
  return std::move(*session);
}

// Random batches, a pure function of update and step.
auto random_batches(int64_t update) {
  return [update](int64_t step, std::span<int32_t> tokens, std::span<int32_t> targets) {
    RandomStream random(static_cast<uint64_t>(update), static_cast<uint64_t>(step));
    for (auto part : {tokens, targets}) {
      for (int32_t& id : part) id = static_cast<int32_t>(random.below(11));
    }
  };
}

runtime::UpdateSettings settings_of(int64_t update) {
  return {.learning_rate = 0.01, .weight_decay = 0.1, .clip = 1.0, .update = update};
}

std::vector<double> losses_of(TrainingSession& session, int64_t updates) {
  std::vector<double> losses;
  for (int64_t update = 1; update <= updates; ++update) {
    const auto result = session.update(settings_of(update), random_batches(update));
    EXPECT_TRUE(result.has_value()) << result.error().message;
    losses.push_back(result ? result->loss : 0);
  }
  return losses;
}

void expect_same_bits(runtime::ParameterStore& a, runtime::ParameterStore& b) {
  for (size_t i = 0; i < a.entries().size(); ++i) {
    const size_t bytes = a.master(i).size_bytes();
    EXPECT_EQ(std::memcmp(a.master(i).data(), b.master(i).data(), bytes), 0) << a.entries()[i].name;
    EXPECT_EQ(std::memcmp(a.first_moment(i).data(), b.first_moment(i).data(), bytes), 0) << a.entries()[i].name;
    EXPECT_EQ(std::memcmp(a.second_moment(i).data(), b.second_moment(i).data(), bytes), 0) << a.entries()[i].name;
  }
}

// 20 updates of two steps each, against PyTorch in fp64: losses, gradient norms and the weights at the end.
TEST(TrainingSession, FollowsThePyTorchTrajectory) {
  const golden::GoldenFile golden("trajectory");
  const model::LlamaConfig config = golden::config(golden.text("configuration"));
  const golden::GoldenFile start(golden.text("configuration"));
  const mil::Shape& shape = golden.shape("tokens");  // [U, A, B, S]
  device::CpuDevice device;
  auto session = TrainingSession::create(
      config, {.batch = shape[2], .sequence = shape[3], .accumulate = shape[1], .validation = false}, device);
  ASSERT_TRUE(session.has_value()) << session.error().message;
  runtime::ParameterStore& store = (*session)->store();
  for (size_t i = 0; i < store.entries().size(); ++i) {
    const auto values = start.tensor("parameters." + store.entries()[i].name);
    std::copy(values.begin(), values.end(), store.master(i).begin());
  }
  const auto tokens = golden.ids("tokens");
  const auto targets = golden.ids("targets");
  const auto rates = golden.tensor("learning_rates");
  std::vector<float> losses, norms;
  for (int64_t update = 0; update < shape[0]; ++update) {
    const auto result = (*session)->update(
        {.learning_rate = rates[static_cast<size_t>(update)],
         .beta1 = golden.number("beta1"),
         .beta2 = golden.number("beta2"),
         .epsilon = golden.number("epsilon"),
         .weight_decay = golden.number("weight_decay"),
         .clip = golden.number("clip"),
         .update = update + 1},
        [&](int64_t step, std::span<int32_t> to_tokens, std::span<int32_t> to_targets) {
          const size_t begin = static_cast<size_t>(update * shape[1] + step) * to_tokens.size();
          std::copy_n(tokens.begin() + static_cast<std::ptrdiff_t>(begin), to_tokens.size(), to_tokens.begin());
          std::copy_n(targets.begin() + static_cast<std::ptrdiff_t>(begin), to_targets.size(), to_targets.begin());
        });
    ASSERT_TRUE(result.has_value()) << result.error().message;
    losses.push_back(static_cast<float>(result->loss));
    norms.push_back(static_cast<float>(result->gradient_norm));
  }
  golden::expect_close(losses, golden.tensor("losses"), "losses");
  golden::expect_close(norms, golden.tensor("gradient_norms"), "gradient norms");
  for (size_t i = 0; i < store.entries().size(); ++i) {
    golden::expect_close(store.master(i), golden.tensor("final." + store.entries()[i].name), store.entries()[i].name);
  }
}

TEST(TrainingSession, LearnsTheSameOnTheInterpreter) {
  device::CpuDevice cpu;
  device::InterpreterDevice interpreter;
  const auto fast = session_on(cpu);
  const auto slow = session_on(interpreter);
  const auto fast_losses = losses_of(*fast, 3);
  const auto slow_losses = losses_of(*slow, 3);
  // fp32 sums of at most 12 terms on both sides; three updates amplify a last bit a little.
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(fast_losses[i], slow_losses[i], 1e-5 * slow_losses[i]);
  const auto fast_validation = fast->validate(2, random_batches(50));
  const auto slow_validation = slow->validate(2, random_batches(50));
  ASSERT_TRUE(fast_validation.has_value() && slow_validation.has_value());
  EXPECT_NEAR(*fast_validation, *slow_validation, 1e-5 * *slow_validation);
}

TEST(TrainingSession, RepeatsItsBits) {
  device::CpuDevice device;
  const auto a = session_on(device);
  const auto b = session_on(device);
  EXPECT_EQ(losses_of(*a, 5), losses_of(*b, 5));
  expect_same_bits(a->store(), b->store());
}

// No tolerance: chunks and their order depend on shapes only.
TEST(TrainingSession, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int before = thread_count();
  device::CpuDevice device;
  set_thread_count(1);
  const auto one = session_on(device);
  losses_of(*one, 5);
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    const auto more = session_on(device);
    losses_of(*more, 5);
    expect_same_bits(one->store(), more->store());
  }
  set_thread_count(before);
}

// Two steps of one sequence each are one step of both: the loss is a mean over as many tokens.
TEST(TrainingSession, AccumulatesToTheGradientOfTheWholeBatch) {
  device::CpuDevice device;
  const auto whole = session_on(device, {.batch = 2, .sequence = 6, .accumulate = 1});
  const auto halves = session_on(device, {.batch = 1, .sequence = 6, .accumulate = 2});
  std::vector<int32_t> tokens(12), targets(12);
  random_batches(1)(0, tokens, targets);
  const auto fill = [&](int64_t step, std::span<int32_t> to_tokens, std::span<int32_t> to_targets) {
    const auto begin = static_cast<std::ptrdiff_t>(static_cast<size_t>(step) * to_tokens.size());
    std::copy_n(tokens.begin() + begin, to_tokens.size(), to_tokens.begin());
    std::copy_n(targets.begin() + begin, to_targets.size(), to_targets.begin());
  };
  for (int64_t update = 1; update <= 3; ++update) {
    const auto a = whole->update(settings_of(update), fill);
    const auto b = halves->update(settings_of(update), fill);
    ASSERT_TRUE(a.has_value() && b.has_value());
    EXPECT_NEAR(a->loss, b->loss, 1e-5 * a->loss);
    EXPECT_NEAR(a->gradient_norm, b->gradient_norm, 1e-4 * a->gradient_norm);
  }
}

TEST(TrainingSession, StopsWhenTheLossIsNaNAndKeepsTheWeights) {
  device::CpuDevice device;
  const auto session = session_on(device);
  session->store().master(0)[0] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> before(session->store().master(2).begin(), session->store().master(2).end());
  const auto all_zero = [](int64_t, std::span<int32_t> tokens, std::span<int32_t> targets) {
    std::fill(tokens.begin(), tokens.end(), 0);
    std::fill(targets.begin(), targets.end(), 0);
  };
  const auto result = session->update(settings_of(17), all_zero);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::numeric);
  EXPECT_EQ(result.error().message, "update 17: the loss is NaN; try a lower learning rate or a smaller clip");
  EXPECT_TRUE(std::equal(before.begin(), before.end(), session->store().master(2).begin()));
}

TEST(TrainingSession, ValidatesWithoutTrainingState) {
  device::CpuDevice device;
  const auto training = session_on(device);
  const auto validating = session_on(device, {.batch = 2, .sequence = 6, .training = false});
  EXPECT_LT(validating->store().bytes(), training->store().bytes());
  EXPECT_EQ(*validating->validate(3, random_batches(1)), *training->validate(3, random_batches(1)));
}

TEST(TrainingSession, BeginsAnewFromItsSeed) {
  device::CpuDevice device;
  const auto session = session_on(device);
  const auto first = losses_of(*session, 2);
  session->initialize(3);
  EXPECT_EQ(losses_of(*session, 2), first);
  session->initialize(4);
  EXPECT_NE(losses_of(*session, 2), first);
}

}  // namespace
}  // namespace millwright::train
