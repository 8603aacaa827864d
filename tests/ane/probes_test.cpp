// The probes of the published study: their programs, their published numbers, and how samples are shown.
#include "ane/probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::ane {
namespace {

using ::testing::ElementsAre;

TEST(Probes, AreThoseOfThePublishedStudy) {
  EXPECT_THAT(probe_names(),
              ElementsAre("peak", "matmul", "sram", "dispatch", "conv-vs-matmul", "depth", "int8", "qos", "power"));
  EXPECT_EQ(build_probe("speed").error().message,
            "there is no probe \"speed\"; the probes are peak, matmul, sram, dispatch, conv-vs-matmul, depth, int8, "
            "qos, power");
}

TEST(Probes, BuildValidProgramsOfTheFlopsTheyClaim) {
  for (const std::string& name : probe_names()) {
    const Result<Probe> probe = build_probe(name);
    ASSERT_TRUE(probe.has_value());
    EXPECT_EQ(probe->name, name);
    for (const ProbePoint& point : probe->points) {
      const Status valid = mil::verify(*point.function);
      EXPECT_TRUE(valid.has_value()) << name << " " << point.label << ": " << valid.error().message;
    }
  }
  // 2 flops per multiply-add, by hand.
  EXPECT_EQ(build_probe("matmul")->points[3].flops, 2.0 * 2048 * 2048 * 2048);
  EXPECT_EQ(build_probe("peak")->points[4].flops, 2.0 * 512 * 512 * 4096 * 128);
  EXPECT_EQ(build_probe("sram")->points[0].flops, 2.0 * 256 * 256 * 64);
}

TEST(Probes, KeepOnlySmallProgramsForSlowDevices) {
  const Probe matmul = only_small_programs(*build_probe("matmul"));
  ASSERT_EQ(matmul.points.size(), 3u);
  EXPECT_EQ(matmul.points.back().label, "1024 x 1024 x 1024");  // 2.1 GFLOP; 2048 would be 17
  const Probe sram = only_small_programs(*build_probe("sram"));
  EXPECT_EQ(sram.points.back().label, "2560 channels, 12.5 MiB");  // 13 MB; 3072 would be 19
  EXPECT_TRUE(only_small_programs(*build_probe("int8")).points.empty());
}

Result<std::vector<ProbeSample>> run_matmuls(const std::function<Result<ProbeSample>(const ProbePoint&)>& runner) {
  return run_probe(*build_probe("matmul"), runner);
}

TEST(Probes, KeepWhatADeviceRefuses) {
  const auto samples = run_matmuls([](const ProbePoint& point) -> Result<ProbeSample> {
    if (point.x == 512) return fail("no room");
    return ProbeSample{1, 1};
  });
  ASSERT_TRUE(samples.has_value());
  EXPECT_TRUE((*samples)[0].ran());
  EXPECT_EQ((*samples)[1].refusal, "no room");
  EXPECT_EQ(in_unit(ProbeUnit::milliseconds, build_probe("matmul")->points[1], (*samples)[1]), std::nullopt);
}

TEST(Probes, FailWhereADeviceRefusesEveryProgram) {
  const auto samples = run_matmuls([](const ProbePoint&) -> Result<ProbeSample> { return fail("no room"); });
  ASSERT_FALSE(samples.has_value());
  EXPECT_EQ(samples.error().message, "matmul, 6144 x 6144 x 6144: no room");
}

TEST(Probes, FailWhereTheOperatingSystemFails) {
  const auto samples =
      run_matmuls([](const ProbePoint&) -> Result<ProbeSample> { return fail(ErrorKind::io, "disk full"); });
  ASSERT_FALSE(samples.has_value());
  EXPECT_EQ(samples.error().message, "matmul, 256 x 256 x 256: disk full");
}

TEST(Probes, ConvertASampleToEveryUnit) {
  ProbePoint point;
  point.flops = 3e12;
  const ProbeSample sample{.seconds = 2, .joules = 6};
  EXPECT_EQ(in_unit(ProbeUnit::milliseconds, point, sample), 2000);
  EXPECT_EQ(in_unit(ProbeUnit::tflops, point, sample), 1.5);
  EXPECT_EQ(in_unit(ProbeUnit::watts, point, sample), 3);
  EXPECT_EQ(in_unit(ProbeUnit::tflops_per_watt, point, sample), 0.5);
  EXPECT_EQ(in_unit(ProbeUnit::watts, point, {.seconds = 2}), std::nullopt);
  EXPECT_EQ(in_unit(ProbeUnit::tflops_per_watt, point, {.seconds = 2}), std::nullopt);
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
