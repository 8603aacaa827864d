// Training on the emulated engine by a pipeline: the model is the one that the CPU trains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "ane/chip_profile.h"
#include "base/random.h"
#include "device/cpu/cpu_device.h"
#include "device/emulated/emulated_device.h"
#include "train/training_session.h"

namespace millwright::train {
namespace {

constexpr int64_t kVocabulary = 64;

model::LlamaConfig small_model(int64_t kv_heads) {
  model::LlamaConfig config;
  config.vocabulary_size = kVocabulary;
  config.dim = 32;
  config.hidden_dim = 64;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = kv_heads;
  config.head_dim = 8;
  config.sequence_length = 32;
  return config;
}

// An engine with a process of its own, as a fresh one finds it.
device::EmulatedDevice engine(std::string_view chip) {
  device::EmulatedOptions options;
  options.profile = *ane::find_profile(chip);
  options.process = std::make_shared<device::EngineProcess>(device::limits_of(options.profile));
  return device::EmulatedDevice(std::move(options));
}

constexpr SessionOptions kOnCpu{.batch = 2, .sequence = 32, .accumulate = 2, .validation = false};

SessionOptions on_engine(std::string_view pipeline = "static") {
  SessionOptions options = kOnCpu;
  options.pipeline = pipeline;
  return options;
}

std::unique_ptr<TrainingSession> session_on(device::Device& device, const SessionOptions& options,
                                            const model::LlamaConfig& config) {
  auto session = TrainingSession::create(config, options, device);
  EXPECT_TRUE(session.has_value()) << session.error().message;
  (*session)->initialize(3);
  return std::move(*session);
}

Result<UpdateResult> update(TrainingSession& session, int64_t number) {
  const runtime::UpdateSettings settings{.learning_rate = 1e-3, .weight_decay = 0.1, .clip = 1.0, .update = number};
  return session.update(settings, [&](int64_t step, std::span<int32_t> tokens, std::span<int32_t> targets) {
    RandomStream random(static_cast<uint64_t>(number), static_cast<uint64_t>(step));
    for (auto part : {tokens, targets}) {
      for (int32_t& id : part) id = static_cast<int32_t>(random.below(kVocabulary));
    }
  });
}

void copy_state(runtime::ParameterStore& from, runtime::ParameterStore& to) {
  for (size_t i = 0; i < from.entries().size(); ++i) {
    std::ranges::copy(from.master(i), to.master(i).begin());
    std::ranges::copy(from.first_moment(i), to.first_moment(i).begin());
    std::ranges::copy(from.second_moment(i), to.second_moment(i).begin());
  }
}

bool same_masters(runtime::ParameterStore& a, runtime::ParameterStore& b) {
  for (size_t i = 0; i < a.entries().size(); ++i) {
    if (std::memcmp(a.master(i).data(), b.master(i).data(), a.master(i).size_bytes()) != 0) return false;
  }
  return true;
}

using PipelineCase = std::tuple<const char*, plan::Attention, int64_t>;
class Pipelines : public ::testing::TestWithParam<PipelineCase> {};

SessionOptions on_engine(const PipelineCase& chosen) {
  SessionOptions options = on_engine(std::get<0>(chosen));
  options.attention = std::get<1>(chosen);
  return options;
}

// Twenty updates of four sequences each. fp16 rounds at 5e-4; the loss averages over 128 tokens.
TEST_P(Pipelines, TrainTheModelThatTheCpuTrains) {
  const model::LlamaConfig config = small_model(std::get<2>(GetParam()));
  device::CpuDevice cpu;
  device::EmulatedDevice ane = engine("m4+macos26");
  auto expected = session_on(cpu, kOnCpu, config);
  auto session = session_on(ane, on_engine(GetParam()), config);
  for (int64_t number = 1; number <= 20; ++number) {
    const auto a = update(*expected, number);
    const auto b = update(*session, number);
    ASSERT_TRUE(a.has_value() && b.has_value()) << (b ? a.error().message : b.error().message);
    EXPECT_NEAR(b->loss, a->loss, 2e-3) << number;
    EXPECT_NEAR(b->gradient_norm, a->gradient_norm, 0.02 * a->gradient_norm) << number;
  }
}

// Without grouped-query attention, with it, and with one key head for all queries.
INSTANTIATE_TEST_SUITE_P(KeyHeads, Pipelines,
                         ::testing::Combine(::testing::Values("static", "static-offload", "dynamic"),
                                            ::testing::Values(plan::Attention::fused, plan::Attention::split),
                                            ::testing::Values(4, 2, 1)));

TEST_P(Pipelines, PointGradientsWhereTheCpusPoint) {
  const model::LlamaConfig config = small_model(std::get<2>(GetParam()));
  device::CpuDevice cpu;
  device::EmulatedDevice ane = engine("m4");
  auto expected = session_on(cpu, kOnCpu, config);
  auto session = session_on(ane, on_engine(GetParam()), config);
  ASSERT_TRUE(update(*expected, 1).has_value());
  ASSERT_TRUE(update(*session, 1).has_value());
  // After the first update the first moment is a tenth of the clipped gradient.
  for (size_t i = 0; i < expected->store().entries().size(); ++i) {
    double product = 0, of_cpu = 0, of_engine = 0;
    const auto a = expected->store().first_moment(i);
    const auto b = session->store().first_moment(i);
    for (size_t k = 0; k < a.size(); ++k) {
      product += double{a[k]} * b[k];
      of_cpu += double{a[k]} * a[k];
      of_engine += double{b[k]} * b[k];
    }
    EXPECT_GT(product / std::sqrt(of_cpu * of_engine), 0.9999) << expected->store().entries()[i].name;
  }
}

// m4 compiles 119 programs per process (C21): two layers cost 12 and then 10 for each update.
TEST(Pipeline, StopsBeforeAnUpdateThatTheCompileBudgetCannotPay) {
  const model::LlamaConfig config = small_model(4);
  device::EmulatedDevice ane = engine("m4");
  auto session = session_on(ane, on_engine(), config);
  int64_t done = 0;
  Result<UpdateResult> last;
  while ((last = update(*session, done + 1))) ++done;
  EXPECT_EQ(done, 11);  // 12 + 10 · 10 = 112; 122 would be too many
  EXPECT_EQ(last.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(last.error().message,
            "the programs of this update need 10 compiles, but this process has 7 left (C21); a new process can resume "
            "from here");
  EXPECT_EQ(ane.limits().compile_budget_left, 7);
}

// A scale at which gradients overflow at once: nothing of that reaches the weights.
TEST(Pipeline, RecoversFromOverflowAndStaysCloseToTheCpu) {
  const model::LlamaConfig config = small_model(4);
  device::CpuDevice cpu;
  device::EmulatedDevice ane = engine("m4");
  auto expected = session_on(cpu, kOnCpu, config);
  auto session = session_on(ane, on_engine("dynamic"), config);
  session->set_loss_scale(1e12, 0);
  for (int64_t number = 1; number <= 5; ++number) {
    const auto a = update(*expected, number);
    const auto b = update(*session, number);
    ASSERT_TRUE(a.has_value() && b.has_value()) << (b ? a.error().message : b.error().message);
    EXPECT_NEAR(b->loss, a->loss, 2e-3);
    EXPECT_NEAR(b->gradient_norm, a->gradient_norm, 0.02 * a->gradient_norm);
  }
  EXPECT_LT(session->loss_scale().scale, 1e12);
}

TEST(Pipeline, SaysSoWhereAFixedScaleOverflows) {
  device::EmulatedDevice ane = engine("m4");
  SessionOptions options = on_engine("dynamic");
  options.loss_scale = 1e12;
  auto session = session_on(ane, options, small_model(4));
  const auto result = update(*session, 1);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::numeric);
  EXPECT_THAT(result.error().message, ::testing::HasSubstr("try a smaller --loss-scale"));
}

TEST(Pipeline, NeedsNoCompilesBehindTheFirstUpdateWhereWeightsAreInputs) {
  const model::LlamaConfig config = small_model(4);
  device::EmulatedDevice ane = engine("m4");
  auto session = session_on(ane, on_engine("dynamic"), config);
  ASSERT_TRUE(update(*session, 1).has_value());
  EXPECT_EQ(ane.meter().compiles, 6);
  for (int64_t number = 2; number <= 30; ++number) ASSERT_TRUE(update(*session, number).has_value());
  EXPECT_EQ(ane.meter().compiles, 6);
}

TEST(Pipeline, GoesOnInANewProcessWithTheSameBits) {
  const model::LlamaConfig config = small_model(4);
  device::EmulatedDevice unlimited = engine("m4+macos26");
  auto whole = session_on(unlimited, on_engine(), config);
  for (int64_t number = 1; number <= 4; ++number) ASSERT_TRUE(update(*whole, number).has_value());

  device::EmulatedDevice first_process = engine("m4");
  auto first = session_on(first_process, on_engine(), config);
  for (int64_t number = 1; number <= 2; ++number) ASSERT_TRUE(update(*first, number).has_value());
  device::EmulatedDevice second_process = engine("m4");
  auto second = session_on(second_process, on_engine(), config);
  copy_state(first->store(), second->store());
  for (int64_t number = 3; number <= 4; ++number) ASSERT_TRUE(update(*second, number).has_value());
  EXPECT_TRUE(same_masters(whole->store(), second->store()));
}

TEST(Pipeline, RefusesASequenceThatTheEngineCannotTake) {
  model::LlamaConfig config = small_model(4);
  device::EmulatedDevice ane = engine("m4");
  SessionOptions options = on_engine();
  options.sequence = 20;
  const auto session = TrainingSession::create(config, options, ane);
  ASSERT_FALSE(session.has_value());
  EXPECT_THAT(session.error().message, ::testing::HasSubstr("use a sequence whose length is a multiple of 32"));
}

}  // namespace
}  // namespace millwright::train
