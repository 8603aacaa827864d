#include "ane/probe_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millwright::ane {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
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
  EXPECT_EQ((ProbeSubject{"emulated m4", &same, true}).published_chip(), "m4");
  const ChipProfile other = *parse_profile(R"({"name": "m4", "base": "m1"})", "p.json");
  EXPECT_EQ((ProbeSubject{"emulated m4", &other, true}).published_chip(), "");
  EXPECT_EQ((ProbeSubject{"cpu", nullptr, false}).published_chip(), "");
  const ChipProfile variant = *find_profile("m4-max+capacity32");
  EXPECT_EQ((ProbeSubject{"emulated", &variant, true}).published_chip(), "m4-max");
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

std::vector<std::string> ids_of(std::string_view name, std::string_view series, double x, std::string_view chip) {
  const Probe probe = *build_probe(name);
  for (const ProbePoint& point : probe.points) {
    if (point.series != series || point.x != x) continue;
    std::vector<std::string> ids;
    for (const PublishedValue& value : published_of(point, chip)) ids.push_back(value.id);
    return ids;
  }
  return {"no such point"};
}

// Which rows of the collection are of which program, read off the collection by eye.
TEST(PublishedOf, FindsTheRowsOfEachProgram) {
  const char* const shared = "one shared weight, as published";
  EXPECT_THAT(ids_of("peak", shared, 32, "m4"), ElementsAre("M0388"));
  EXPECT_THAT(ids_of("peak", shared, 64, "m4"), ElementsAre("M0390", "M0805"));
  EXPECT_THAT(ids_of("peak", shared, 128, "m4"), ElementsAre("M0389", "M0804", "M0856", "M0909"));
  EXPECT_THAT(ids_of("matmul", "matmul", 256, "m4"), ElementsAre("M0624"));
  EXPECT_THAT(ids_of("matmul", "matmul", 2048, "m4"), ElementsAre("M0625", ""));
  EXPECT_THAT(ids_of("matmul", "matmul", 4096, "m4"), ElementsAre("M0626", ""));
  EXPECT_THAT(ids_of("matmul", "matmul", 4096, "m4-pro"), ElementsAre());
  EXPECT_THAT(ids_of("sram", "1x1 convolution", 4096, "m4"), ElementsAre("M0373"));
  EXPECT_THAT(ids_of("sram", "1x1 convolution", 1024, "m4"), ElementsAre("M0367", "M0457", "M0486"));
  EXPECT_EQ(ids_of("sram", "1x1 convolution", 4608, "m4-max").size(), 4u);  // four runs
  EXPECT_THAT(ids_of("dispatch", "nothing", 1, "m4"), ElementsAre("M0696", "M0703"));
  EXPECT_THAT(ids_of("dispatch", "1x1 convolution", 128, "m4"), ElementsAre("M0701"));
  EXPECT_THAT(ids_of("depth", shared, 32, "m4"), ElementsAre("M0001", "M0057"));
  EXPECT_THAT(ids_of("depth", shared, 64, "m4"), ElementsAre("M0005", "M0055", "M0059"));
  EXPECT_THAT(ids_of("depth", shared, 96, "m3-ultra"), ElementsAre("M0027", "M0035"));
  EXPECT_THAT(ids_of("depth", "a weight per layer", 32, "m4"), ElementsAre());
  EXPECT_THAT(ids_of("int8", "int8 weights and activations", 128, "m4"), ElementsAre("M0806"));
  EXPECT_THAT(ids_of("qos", "1x1 convolution", 9, "m4"), ElementsAre("M0718"));
  EXPECT_THAT(ids_of("qos", "1x1 convolution", 33, "m4"), ElementsAre("M0720"));
  EXPECT_THAT(ids_of("qos", "1x1 convolution", 0, "m4"), ElementsAre());
  EXPECT_THAT(ids_of("power", "arithmetic", 3, "m4"), Contains("M0856"));
}

TEST(PublishedOf, GivesUnitsThatProbesHave) {
  const Probe probe = *build_probe("int8");
  const std::vector<PublishedValue> values = published_of(probe.points[5], "m4");
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0].value, 7.8);
  EXPECT_EQ(values[0].unit, ProbeUnit::milliseconds);
  EXPECT_EQ(values[0].source, "maderix README.md");
  EXPECT_FALSE(values[0].is_calibration);
}

// More than two values of a unit are shown as their range.
TEST(ProbeReport, ShowsManyPublishedValuesAsARange) {
  Probe probe = two_programs();
  for (const double ms : {4.0, 2.0}) {
    probe.points[0].published.push_back({ms, ProbeUnit::milliseconds, "M0002", "them", true});
  }
  const ChipProfile m4 = *find_profile("m4");
  EXPECT_THAT(probe_table(probe, {{.seconds = 0.002}, {.seconds = 0.002}}, {"emulated m4", &m4, true}),
              HasSubstr("  1 to 4 ms, 3 times (+100 % to -50 %), 0.5 W\n"));
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
