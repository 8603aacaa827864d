#include "ane/probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::ane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<ProbeSample> predicted(const Probe& probe, std::string_view chip) {
  const auto samples = predict_probe(probe, *find_profile(chip));
  EXPECT_TRUE(samples.has_value()) << samples.error().message;
  return *samples;
}

double tflops(const Probe& probe, const std::vector<ProbeSample>& samples, std::string_view series, double x) {
  for (size_t i = 0; i < samples.size(); ++i) {
    if (probe.points[i].series != series || probe.points[i].x != x) continue;
    const auto cost = predict_cost(*probe.points[i].function, *find_profile("m4"));
    return cost->flops / samples[i].seconds * 1e-12;
  }
  ADD_FAILURE() << "no point of " << series << " at " << x;
  return 0;
}

TEST(Probes, AreThoseOfThePublishedStudy) {
  EXPECT_THAT(probe_names(),
              ElementsAre("peak", "matmul", "sram", "dispatch", "conv-vs-matmul", "depth", "int8", "power"));
  EXPECT_EQ(
      build_probe("speed").error().message,
      "there is no probe \"speed\"; the probes are peak, matmul, sram, dispatch, conv-vs-matmul, depth, int8, power");
}

TEST(Probes, BuildValidProgramsAndPredictThemOnEveryChip) {
  for (const std::string& name : probe_names()) {
    const Result<Probe> probe = build_probe(name);
    ASSERT_TRUE(probe.has_value());
    EXPECT_EQ(probe->name, name);
    for (const ProbePoint& point : probe->points) {
      const Status valid = mil::verify(*point.function);
      EXPECT_TRUE(valid.has_value()) << name << " " << point.label << ": " << valid.error().message;
    }
    for (const std::string& chip : profile_names()) {
      for (const ProbeSample& sample : predicted(*probe, chip)) {
        EXPECT_GT(sample.seconds, 0) << name << " " << chip;
        EXPECT_GT(sample.joules, 0) << name << " " << chip;
      }
    }
  }
}

TEST(Probes, ShowThePublishedPeakWithAColumnOfDistinctWeights) {
  const Probe probe = *build_probe("peak");
  const std::vector<ProbeSample> samples = predicted(probe, "m4");
  EXPECT_NEAR(tflops(probe, samples, "one shared weight, as published", 128), 18.6, 1);
  EXPECT_NEAR(tflops(probe, samples, "a weight per layer", 128), 18.6, 1);
  const std::string table = probe_table(probe, samples, true);
  EXPECT_THAT(table, HasSubstr("published TFLOPS"));
  EXPECT_THAT(table, HasSubstr("Disputed: The published chains name one weight in all layers."));
  EXPECT_THAT(probe_table(probe, samples, false), Not(HasSubstr("ublished TFLOPS")));
}

TEST(Probes, StayWithinAFifthOfEveryPublishedNumberOnM4) {
  for (const std::string& name : probe_names()) {
    const Probe probe = *build_probe(name);
    const std::vector<ProbeSample> samples = predicted(probe, "m4");
    for (size_t i = 0; i < samples.size(); ++i) {
      const ProbePoint& point = probe.points[i];
      if (point.published == 0 || point.label == "256 channels, 0.1 MiB" || name == "dispatch") continue;
      const double flops = predict_cost(*point.function, *find_profile("m4"))->flops;
      const double value = probe.unit == ProbeUnit::milliseconds ? samples[i].seconds * 1e3
                           : probe.unit == ProbeUnit::tflops     ? flops / samples[i].seconds * 1e-12
                                                                 : samples[i].joules / samples[i].seconds;
      EXPECT_NEAR(value / point.published, 1, 0.2) << name << " " << point.series << " " << point.label;
    }
  }
}

TEST(Probes, PrintATableWithDashesForWhatNobodyMeasured) {
  Probe probe;
  probe.title = "Title";
  probe.source = "me";
  probe.points.push_back({"one", 1, "first", dispatch_program(), 0.5});
  probe.points.push_back({"two", 2, "second program", dispatch_program(), 0});
  EXPECT_EQ(probe_table(probe, {{0.001, 0.002}, {0.002, 0}}, true),
            "Title\n"
            "                            ms    TFLOPS       W  TFLOPS/W  published ms\n"
            "one  first                   1     0.000       2     0.000           0.5\n"
            "two  second program          2     0.000       -         -             -\n"
            "Published: me.\n");
}

TEST(Probes, DrawALinePerSeriesAndThePublishedPoints) {
  const Probe probe = *build_probe("depth");
  const std::string figure = probe_figure(probe, predicted(probe, "m4"), true);
  EXPECT_THAT(figure, HasSubstr(">one shared weight, as published</text>"));
  EXPECT_THAT(figure, HasSubstr(">a weight per layer</text>"));
  EXPECT_THAT(figure, HasSubstr(">published</text>"));
  EXPECT_THAT(probe_figure(probe, predicted(probe, "m1"), false), Not(HasSubstr(">published</text>")));
}

TEST(Probes, SayWhichProgramFailed) {
  const Probe probe = *build_probe("matmul");
  const auto samples = run_probe(probe, [](const mil::Function& function) -> Result<ProbeSample> {
    if (function.inputs()[0]->shape()[0] == 512) return fail("no room");
    return ProbeSample{1, 1};
  });
  ASSERT_FALSE(samples.has_value());
  EXPECT_EQ(samples.error().message, "matmul, 512 x 512 x 512: no room");
}

TEST(Probes, CompileAThousandDifferentSmallPrograms) {
  std::set<std::string> texts;
  for (int64_t i = 0; i < 1500; ++i) {
    mil::Program program;
    program.add_function(small_program(i));
    texts.insert(mil::print(program));
  }
  EXPECT_EQ(texts.size(), 1500u);
}

}  // namespace
}  // namespace millwright::ane
