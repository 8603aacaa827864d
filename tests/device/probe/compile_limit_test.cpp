#include "device/probe/compile_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/cpu/cpu_device.h"
#include "device/emulated_testing.h"
#include "device/probe/measure.h"

namespace millwright::device {
namespace {

using ::testing::HasSubstr;

CompileLimit limit_of(Device& device, int64_t most) {
  auto limit = probe_compile_limit(device, most);
  EXPECT_TRUE(limit.has_value()) << limit.error().message;
  return limit ? std::move(*limit) : CompileLimit{};
}

// C21: eight sources name 119.
TEST(CompileLimit, RunsIntoTheBudgetOfAnM4) {
  Engine engine;
  const CompileLimit limit = limit_of(engine.device(), 512);
  EXPECT_EQ(limit.accepted(), 119);
  EXPECT_EQ(engine.device().limits().compile_budget_left, 0);
  EXPECT_EQ(limit.refusal,
            "program main: compile failed with com.apple.appleneuralengine.compiler code 1, ANECCompile() FAILED: "
            "err=(): this process has used its 119 compiles (C21); only a new process gets more");
  EXPECT_TRUE(limit.takes_known_program);  // C2B
  for (const double seconds : limit.seconds) EXPECT_NEAR(seconds, 0.03, 0.01);
}

TEST(CompileLimit, CountsWhatIsLeftOfTheProcess) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.compile_budget.value = 5; });
  ASSERT_TRUE(engine.compiled(ane::small_program(1000)).has_value());
  EXPECT_EQ(limit_of(engine.device(), 512).accepted(), 4);
  const CompileLimit again = limit_of(engine.device(), 512);
  EXPECT_EQ(again.accepted(), 4);  // those are known by now
  EXPECT_TRUE(again.refusal.has_value());
}

TEST(CompileLimit, EndsWhereNothingIsLimited) {
  Engine engine({}, "m4+macos26");
  EXPECT_EQ(limit_of(engine.device(), 150).accepted(), 150);
  EXPECT_EQ(limit_of(engine.device(), 150).refusal, std::nullopt);
  CpuDevice cpu;
  EXPECT_EQ(limit_of(cpu, 7).accepted(), 7);
}

TEST(CompileLimit, FailsWhereAProgramIsRefusedForAnotherReason) {
  Engine engine([](ane::ChipProfile& profile) { profile.limits.operations.value = {"mul"}; });
  const auto limit = probe_compile_limit(engine.device(), 10);
  ASSERT_FALSE(limit.has_value());
  EXPECT_THAT(limit.error().message, HasSubstr("C09 error at compile: "));
}

TEST(CompileLimit, IsShownWithWhatIsPublished) {
  Engine engine;
  const CompileLimit limit = limit_of(engine.device(), 512);
  const ane::ProbeSubject subject = subject_of(engine.device());
  EXPECT_EQ(compile_limit_table(limit, subject),
            "compile-limit: programs that one process may compile\n"
            "on emulated m4\n"
            "\n"
            "accepted         119, program 120 was refused\n"
            "a known program  accepted, still\n"
            "one compile      29.8 ms, from 29.8 to 29.8 ms (predicted)\n"
            "\n"
            "refused\n"
            " - program 120: program main: compile failed with com.apple.appleneuralengine.compiler code 1, "
            "ANECCompile()\n"
            "   FAILED: err=(): this process has used its 119 compiles (C21); only a new process gets more\n"
            "\n"
            "published\n"
            " - 119 (mxP2; or #5): reported on M1 to M5 under macOS 15; the variant macos26 has no limit\n"
            "\n"
            "disputed\n"
            " - 132 (mx#23)\n"
            " - none (mx#24)\n"
            "\n"
            "predicted from\n"
            " - lifecycle.compile_budget of the profile, 119: the probe runs into the budget that a source reports, "
            "and\n"
            "   tells nothing new of the chip\n"
            " - cost.compile_ms, cost.compile_operation_ms, cost.compile_megabyte_ms: fitted to published "
            "measurements\n"
            "   (profile m4)\n");
  const std::string figure = compile_limit_figure(limit, subject);
  EXPECT_THAT(figure, HasSubstr(">compile-limit on emulated m4</text>"));
  EXPECT_THAT(figure, HasSubstr(">published limits</text>"));
}

}  // namespace
}  // namespace millwright::device
