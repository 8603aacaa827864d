// The study's probes on devices: that programs really run there, and that the emulated M4 gives the published picture.
#include "device/probe/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ane/cost_model.h"
#include "device/cpu/cpu_device.h"
#include "device/emulated_testing.h"

namespace millwright::device {
namespace {

using ::testing::HasSubstr;

// An emulated engine that meters, with a process of its own.
class Meter {
 public:
  explicit Meter(std::string_view chip = "m4", const std::function<void(ane::ChipProfile&)>& change = {})
      : Meter(profile_of(chip, change)) {}
  explicit Meter(const ane::ChipProfile& profile)
      : process_(std::make_shared<EngineProcess>(limits_of(profile))),
        device_({.profile = profile, .arithmetic = Arithmetic::skipped, .process = process_}) {}

  EmulatedDevice& device() { return device_; }
  EngineMeter counted() const { return process_->meter(); }

 private:
  std::shared_ptr<EngineProcess> process_;
  EmulatedDevice device_;
};

constexpr MeasureOptions kTwoRuns = {.runs = 2, .patience = 1e9};

std::vector<ane::ProbeSample> samples_of(const ane::Probe& probe, Device& device) {
  auto samples = measure_probe(device, probe, kTwoRuns);
  EXPECT_TRUE(samples.has_value()) << samples.error().message;
  return samples ? std::move(*samples) : std::vector<ane::ProbeSample>(probe.points.size());
}

double found(const ane::Probe& probe, const std::vector<ane::ProbeSample>& samples, std::string_view series, double x,
             ane::ProbeUnit unit) {
  for (size_t i = 0; i < samples.size(); ++i) {
    if (probe.points[i].series != series || probe.points[i].x != x) continue;
    const auto value = ane::in_unit(unit, probe.points[i], samples[i]);
    EXPECT_TRUE(value.has_value()) << series << " " << x;
    return value.value_or(0);
  }
  ADD_FAILURE() << "no point of " << series << " at " << x;
  return 0;
}

TEST(Measure, CompilesLoadsAndEvaluatesEveryProgram) {
  Meter engine;
  const ane::Probe probe = *ane::build_probe("conv-vs-matmul");
  samples_of(probe, engine.device());
  EXPECT_EQ(engine.counted().compiles, 8);
  EXPECT_EQ(engine.counted().loads, 8);
  EXPECT_EQ(engine.counted().evaluations, 8 * (2 + 2));  // two slow ones before
  EXPECT_EQ(engine.device().limits().compile_budget_left, 119 - 8);
}

// The device's clock against the cost model's own word for the same program, as it is before its weights are filled in.
TEST(Measure, GoesByTheDevicesClockAndMeter) {
  for (const char* chip : {"m1", "m3-pro", "m4", "m5"}) {
    Meter engine(chip);
    const ane::Probe probe = *ane::build_probe("depth");
    const std::vector<ane::ProbeSample> samples = samples_of(probe, engine.device());
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto cost = ane::predict_cost(*probe.points[i].function, *ane::find_profile(chip));
      ASSERT_TRUE(cost.has_value());
      EXPECT_NEAR(samples[i].seconds / cost->seconds, 1, 1e-6) << chip << " " << probe.points[i].label;
      EXPECT_NEAR(*samples[i].joules / cost->joules, 1, 1e-6) << chip << " " << probe.points[i].label;
    }
  }
}

// The chips of a generation have its rules.
TEST(Measure, RunsEveryProbeOnEveryGeneration) {
  for (const char* chip : {"m1", "m2", "m3", "m5"}) {
    for (const std::string& name : ane::probe_names()) {
      Meter engine(chip);
      const ane::Probe probe = *ane::build_probe(name);
      for (const ane::ProbeSample& sample : samples_of(probe, engine.device())) {
        EXPECT_EQ(sample.refusal, "") << chip << " " << name;
        EXPECT_GT(sample.seconds, 0) << chip << " " << name;
      }
    }
  }
}

// A published number of an M4, and how far the emulated one may be off.
struct Golden {
  const char* probe;
  const char* series;
  double x;
  ane::ProbeUnit unit;
  double published;
  double tolerance;
  const char* id;
};

TEST(Measure, GivesThePublishedPictureOfAnM4) {
  using enum ane::ProbeUnit;
  const char* const shared = "one shared weight, as published";
  const std::vector<Golden> table = {
      {"peak", shared, 128, tflops, 18.6, 0.03, "M0389"},
      {"peak", shared, 64, tflops, 18.4, 0.03, "M0390"},
      {"peak", shared, 32, tflops, 19, 0.05, "M0388"},
      {"peak", shared, 128, watts, 2.8, 0.03, "M0856"},
      {"peak", shared, 128, tflops_per_watt, 6.6, 0.03, "M0909"},
      {"peak", "a weight per layer", 128, tflops, 18.6, 0.03, "hidden behind 4,096 positions"},
      {"matmul", "matmul", 256, milliseconds, 0.101, 0.15, "M0624"},
      {"matmul", "matmul", 2048, tflops, 5.7, 0.03, "M0625"},
      {"matmul", "matmul", 4096, tflops, 4.0, 0.11, "M0626"},
      {"sram", "1x1 convolution", 2048, milliseconds, 0.237, 0.03, "M0369"},
      {"sram", "1x1 convolution", 3072, milliseconds, 0.421, 0.06, "M0371"},
      {"sram", "1x1 convolution", 4096, milliseconds, 1.012, 0.03, "M0373"},
      {"dispatch", "nothing", 1, milliseconds, 0.07, 0.07, "M0703"},
      {"dispatch", "nothing", 1, milliseconds, 0.095, 0.25, "M0696"},
      {"depth", shared, 32, milliseconds, 0.16, 0.05, "M0001"},
      {"depth", shared, 64, milliseconds, 0.223, 0.05, "M0005"},
      {"depth", shared, 128, milliseconds, 0.366, 0.05, "M0009"},
      {"int8", "int8 weights and activations", 64, tflops, 34.1, 0.03, "M0803"},
      {"int8", "int8 weights and activations", 128, tflops, 35.1, 0.03, "M0802"},
      {"int8", "int8 weights", 128, tflops, 18.6, 0.03, "M0811: no gain"},
      {"power", "arithmetic", 3, watts, 2.8, 0.03, "M0856"},
  };
  std::map<std::string, std::pair<ane::Probe, std::vector<ane::ProbeSample>>> runs;
  for (const Golden& golden : table) {
    if (!runs.contains(golden.probe)) {
      Meter engine;
      ane::Probe probe = *ane::build_probe(golden.probe);
      std::vector<ane::ProbeSample> samples = samples_of(probe, engine.device());
      runs.emplace(golden.probe, std::pair{std::move(probe), std::move(samples)});
    }
    const auto& [probe, samples] = runs.at(golden.probe);
    EXPECT_NEAR(found(probe, samples, golden.series, golden.x, golden.unit) / golden.published, 1, golden.tolerance)
        << golden.probe << " " << golden.x << " " << golden.id;
  }
}

TEST(Measure, LosesMatmulsBetween2048And4096ByStreamingOrByCapacity) {
  const ane::Probe probe = *ane::build_probe("matmul");
  for (const char* chip : {"m4", "m4+capacity32"}) {
    Meter engine(chip);
    const std::vector<ane::ProbeSample> samples = samples_of(probe, engine.device());
    const double before = found(probe, samples, "matmul", 2048, ane::ProbeUnit::tflops);
    const double after = found(probe, samples, "matmul", 4096, ane::ProbeUnit::tflops);
    EXPECT_NEAR(before / after, 5.7 / 4.0, 0.16) << chip;
    // Small ones are bound by dispatch: 256 cubed takes hardly longer than nothing.
    EXPECT_LT(found(probe, samples, "matmul", 256, ane::ProbeUnit::milliseconds), 1.25 * 0.074) << chip;
  }
}

// The two readings of the slow convolution differ behind it: 4,608 channels are fast again, or slower still.
TEST(Measure, TellsTheReadingsOfOnChipMemoryApart) {
  const auto rate = [](std::string_view chip, double channels) {
    Meter engine(chip);
    ane::Probe probe = *ane::build_probe("sram");
    std::erase_if(probe.points, [&](const ane::ProbePoint& point) { return point.x != channels; });
    const double ms =
        found(probe, samples_of(probe, engine.device()), "1x1 convolution", channels, ane::ProbeUnit::milliseconds);
    return channels * channels * 2 / ms;
  };
  EXPECT_GT(rate("m4", 4608), 1.3 * rate("m4", 4096));
  EXPECT_NEAR(rate("m4+capacity32", 4608) / rate("m4+capacity32", 4096), 1, 0.05);
}

TEST(Measure, HasConvolutionsAheadOfMatmuls) {
  Meter engine;
  const ane::Probe probe = *ane::build_probe("conv-vs-matmul");
  const std::vector<ane::ProbeSample> samples = samples_of(probe, engine.device());
  for (const double n : {256, 512, 1024, 2048}) {
    EXPECT_GT(found(probe, samples, "1x1 convolution", n, ane::ProbeUnit::tflops),
              1.05 * found(probe, samples, "matmul", n, ane::ProbeUnit::tflops))
        << n;
  }
}

TEST(Measure, TellsSharedWeightsFromDistinctOnes) {
  Meter engine;
  const ane::Probe probe = *ane::build_probe("depth");
  const std::vector<ane::ProbeSample> samples = samples_of(probe, engine.device());
  const double shared = found(probe, samples, "one shared weight, as published", 128, ane::ProbeUnit::milliseconds);
  EXPECT_GT(found(probe, samples, "a weight per layer", 128, ane::ProbeUnit::milliseconds), 3 * shared);
}

TEST(Measure, GivesClassesOfServiceTheirProfilesFactor) {
  const ane::Probe probe = *ane::build_probe("qos");
  Meter plain;
  for (const ane::ProbeSample& sample : samples_of(probe, plain.device())) {
    EXPECT_NEAR(sample.seconds, 7.6e-5, 1e-6);
  }
  EXPECT_EQ(plain.counted().compiles, 1);  // one identity, whatever the class
  Meter faster("m3-pro", [](ane::ChipProfile& profile) { profile.dispatch.background_factor.value = 0.7; });
  const std::vector<ane::ProbeSample> samples = samples_of(probe, faster.device());
  for (size_t i = 0; i < samples.size(); ++i) {
    const double factor = probe.points[i].label == "background" ? 0.7 : 1;
    EXPECT_NEAR(samples[i].seconds / samples[0].seconds, factor, 1e-9) << probe.points[i].label;
  }
}

TEST(Measure, ShowsWhatAnEngineRefusesAndGoesOn) {
  Meter engine("m4", [](ane::ChipProfile& profile) { profile.limits.conv_operations.value = 100; });
  const ane::Probe probe = *ane::build_probe("peak");
  const std::vector<ane::ProbeSample> samples = samples_of(probe, engine.device());
  EXPECT_TRUE(samples[3].ran());
  EXPECT_THAT(samples[4].refusal, HasSubstr("C19 error at compile: "));
  EXPECT_EQ(probe.points[4].label, "128 layers");
}

TEST(Measure, TakesTheCpusOwnTime) {
  CpuDevice cpu;
  const ane::Probe probe = ane::only_small_programs(*ane::build_probe("depth"));
  const auto samples = measure_probe(cpu, probe, {.runs = 1, .patience = 0});
  ASSERT_TRUE(samples.has_value()) << samples.error().message;
  for (const ane::ProbeSample& sample : *samples) {
    EXPECT_GT(sample.seconds, 0);
    EXPECT_FALSE(sample.joules.has_value());
  }
  const ane::ProbeSubject subject = subject_of(cpu);
  EXPECT_EQ(subject.device, "cpu");
  EXPECT_EQ(subject.verb(), "measured");
  EXPECT_EQ(subject.chip, nullptr);
}

TEST(Measure, RefusesProbesOfWhatADeviceHasNot) {
  CpuDevice cpu;
  EXPECT_EQ(measure_probe(cpu, *ane::build_probe("power"), {}).error().message,
            "probe power: device cpu measures no energy; use an engine, such as --device emulated");
  EXPECT_EQ(measure_probe(cpu, *ane::build_probe("qos"), {}).error().message,
            "probe qos: device cpu has no classes of service; use an engine, such as --device emulated");
}

TEST(Measure, CallsAnEmulatedEnginePredicted) {
  Meter engine("m4+macos26");
  const ane::ProbeSubject subject = subject_of(engine.device());
  EXPECT_EQ(subject.device, "emulated m4+macos26");
  EXPECT_EQ(subject.verb(), "predicted");
}

}  // namespace
}  // namespace millwright::device
