#include "ane/probe_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millwright::ane {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Probe two_programs() {
  Probe probe{.name = "p", .title = "a title", .axis = "size", .disputes = {"a doubt"}};
  ProbePoint first{.series = "one", .x = 1, .label = "first", .function = nullptr, .flops = 2e9};
  first.published = {{1, ProbeUnit::milliseconds, "M0001", "me", true}, {0.5, ProbeUnit::watts, "", "you", false}};
  probe.points.push_back(std::move(first));
  probe.points.push_back({.series = "two", .x = 2, .label = "second program", .function = nullptr});
  probe.parts = {CostPart::compile};
  return probe;
}

TEST(ProbeReport, PutsThePublishedBesideThePredicted) {
  const ChipProfile m4 = *find_profile("m4");
  EXPECT_EQ(
      probe_table(two_programs(), {{.seconds = 0.0011, .joules = 0.00055}, {.refusal = "too large"}},
                  {"emulated m4", &m4, true}),
      "p: a title\n"
      "on emulated m4\n"
      "\n"
      "                     predicted\n"
      "                            ms     TFLOPS          W   TFLOPS/W  published\n"
      "one  first                 1.1      1.818        0.5      3.636  1 ms (+10 %), 0.5 W (0 %)\n"
      "two  second program          -          -          -          -\n"
      "\n"
      "refused\n"
      " - second program: too large\n"
      "\n"
      "published\n"
      " - me (M0001); the model was calibrated on it\n"
      " - you; the model never saw it\n"
      "\n"
      "disputed\n"
      " - a doubt\n"
      "\n"
      "predicted from\n"
      " - cost.compile_ms, cost.compile_operation_ms, cost.compile_megabyte_ms: fitted to published measurements\n"
      "   (profile m4)\n");
}

TEST(ProbeReport, CallsTheTimesOfARealClockMeasured) {
  const std::string table =
      probe_table(two_programs(), {{.seconds = 0.001}, {.seconds = 0.002}}, {"cpu", nullptr, false});
  EXPECT_EQ(table,
            "p: a title\n"
            "on cpu\n"
            "\n"
            "                      measured\n"
            "                            ms     TFLOPS          W   TFLOPS/W\n"
            "one  first                   1          2          -          -\n"
            "two  second program          2      0.000          -          -\n");
}

TEST(ProbeReport, ShowsNothingPublishedOfOtherChips) {
  for (const char* name : {"m1", "m4-max", "m4-pro"}) {
    const ChipProfile chip = *find_profile(name);
    EXPECT_THAT(probe_table(two_programs(), {{.seconds = 1}, {.seconds = 1}}, {"emulated", &chip, true}),
                Not(HasSubstr("published\n")))
        << name;
  }
  const ChipProfile variant = *find_profile("m4+capacity32");
  EXPECT_THAT(probe_table(two_programs(), {{.seconds = 1}, {.seconds = 1}}, {"emulated", &variant, true}),
              HasSubstr("1 ms ("));
}

TEST(ProbeReport, ShowsNothingPublishedOfAProfileThatOnlyHasTheName) {
  const ChipProfile same = *parse_profile(R"({"name": "m4", "base": "m4"})", "p.json");
  EXPECT_TRUE((ProbeSubject{"emulated m4", &same, true}).is_published());
  const ChipProfile other = *parse_profile(R"({"name": "m4", "base": "m1"})", "p.json");
  EXPECT_FALSE((ProbeSubject{"emulated m4", &other, true}).is_published());
}

TEST(ProbeReport, DrawsALinePerSeriesAndThePublishedPoints) {
  const Probe probe = *build_probe("depth");
  const std::vector<ProbeSample> samples(probe.points.size(), ProbeSample{.seconds = 1e-4});
  const ChipProfile m4 = *find_profile("m4");
  const std::string figure = probe_figure(probe, samples, {"emulated m4", &m4, true});
  EXPECT_THAT(figure, HasSubstr(">depth on emulated m4, predicted</text>"));
  EXPECT_THAT(figure, HasSubstr(">one shared weight, as published</text>"));
  EXPECT_THAT(figure, HasSubstr(">a weight per layer</text>"));
  EXPECT_THAT(figure, HasSubstr(">published</text>"));
  const std::string measured = probe_figure(probe, samples, {"cpu", nullptr, false});
  EXPECT_THAT(measured, HasSubstr(">depth on cpu, measured</text>"));
  EXPECT_THAT(measured, Not(HasSubstr(">published</text>")));
}

// By hand: 2 ms and 1 ms are a factor of 2.
TEST(ProbeReport, ConcludesFromTheSamples) {
  Probe probe = *build_probe("conv-vs-matmul");
  std::vector<ProbeSample> samples;
  for (const ProbePoint& point : probe.points) {
    samples.push_back({.seconds = point.series == "matmul" ? 0.002 : 0.001});
  }
  EXPECT_EQ(probe.conclude(probe, samples),
            "the convolution is faster 2 times at 256, 2 times at 512, 2 times at 1024, 2 times at 2048");
  samples.back().refusal = "no";
  EXPECT_EQ(probe.conclude(probe, samples), "");
}

}  // namespace
}  // namespace millwright::ane
