// Compile, load, evaluate, unload: the catalogue's C20 to C2C.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "device/emulated/emulated_executable.h"
#include "device/emulated_testing.h"

namespace millwright::device {
namespace {

using ::testing::HasSubstr;

const mil::Shape kShape = {1, 2, 1, 32};

// main(x) → (y = x · weight), one program per weight.
std::unique_ptr<mil::Function> scaled(double weight) {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  const mil::Type type = mil::Type::tensor(mil::ElementType::fp16, kShape);
  mil::Value* x = b.input("x", type);
  mil::Value* w = b.constant(mil::Literal::splat(type, weight), "w");
  function->block().set_results({b.mul(x, w, "y")});
  return function;
}

float result_of(Executable& executable) {
  const Surface x = filled_halves(kShape, 2);
  Surface y = filled_halves(kShape, 0);
  const Status status = evaluate(executable, {&x}, {&y});
  EXPECT_TRUE(status.has_value()) << status.error().message;
  return half_at(y, 0);
}

// Everything but the arithmetic: rules, surfaces, budget, clock and meter.
TEST(EmulatedLifecycle, MetersWithoutComputingWhereAsked) {
  const ane::ChipProfile m4 = profile_of("m4");
  const auto process = std::make_shared<EngineProcess>(limits_of(m4));
  EmulatedDevice meter({.profile = m4, .arithmetic = Arithmetic::skipped, .process = process});
  EmulatedDevice engine({.profile = m4, .process = process});
  auto metered = meter.compile(program_of(scaled(3)), {});
  ASSERT_TRUE(metered.has_value()) << metered.error().message;
  const Surface x = filled_halves(kShape, 2);
  Surface y = filled_halves(kShape, 0);
  EXPECT_EQ((*metered)->bind({}, {}).error().message, "program main: not loaded; call load() before bind()");
  ASSERT_TRUE((*metered)->load().has_value());
  ASSERT_TRUE(evaluate(**metered, {&x}, {&y}).has_value());
  for (size_t i = 0; i < y.bytes() / 2; ++i) EXPECT_TRUE(std::isnan(half_at(y, i))) << i;
  // A surface that is too small is refused as ever (C30).
  Surface small = *Surface::allocate_bytes(64);
  EXPECT_THAT(evaluate(**metered, {&x}, {&small}).error().message, HasSubstr("status=0x1d"));
  const DeviceClock before = meter.clock();
  EXPECT_TRUE(before.is_predicted);

  // A device that computes does not get the program that cannot.
  const auto computed = engine.compile(program_of(scaled(3)), {});
  ASSERT_TRUE(computed.has_value());
  EXPECT_EQ(engine.limits().compile_budget_left, 117);
  ASSERT_TRUE((*computed)->load().has_value());
  EXPECT_EQ(result_of(**computed), 6);
  const auto* executable = dynamic_cast<const EmulatedExecutable*>(metered->get());
  EXPECT_EQ(executable->cost().seconds, dynamic_cast<const EmulatedExecutable*>(computed->get())->cost().seconds);
}

TEST(EmulatedLifecycle, ShowsItsVirtualClockAndEnergy) {
  Engine engine;
  EXPECT_EQ(engine.device().clock().seconds, 0);
  const auto executable = engine.loaded(scaled(3));
  const DeviceClock loaded = engine.device().clock();
  EXPECT_GT(loaded.seconds, 0.02);  // the compile
  EXPECT_EQ(loaded.joules, 0);
  result_of(*executable);
  const ane::ProgramCost& cost = dynamic_cast<const EmulatedExecutable&>(*executable).cost();
  EXPECT_NEAR(engine.device().clock().seconds - loaded.seconds, cost.seconds, 1e-12);
  EXPECT_NEAR(*engine.device().clock().joules, cost.joules, 1e-12);
  EXPECT_EQ(engine.device().chip()->name, "m4");
}

TEST(EmulatedLifecycle, RefusesTheCompileAfterTheLastOfTheBudget) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.compile_budget.value = 3; });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine.compiled(scaled(i)).has_value());
  EXPECT_EQ(engine.device().limits().compile_budget_left, 0);
  const auto refused = engine.compiled(scaled(3));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(refused.error().message,
            "program main: compile failed with com.apple.appleneuralengine.compiler code 1, ANECCompile() FAILED: "
            "err=(): this process has used its 3 compiles (C21); only a new process gets more");
}

// The number that eight sources name.
TEST(EmulatedLifecycle, HasAHundredAndNineteenCompilesOnAnM4) {
  Engine engine;
  EXPECT_EQ(engine.device().limits().compile_budget_left, 119);
}

TEST(EmulatedLifecycle, HasNoBudgetOnMacOs26) {
  Engine engine({}, "m4+macos26");
  EXPECT_EQ(engine.device().limits().compile_budget_left, std::nullopt);
}

// Equal text and equal weights are one identity (C2B); other weights are another (C24).
TEST(EmulatedLifecycle, CompilesAKnownIdentityForNothing) {
  Engine engine;
  const auto first = engine.loaded(scaled(3));
  const auto again = engine.loaded(scaled(3));
  EXPECT_EQ(engine.device().limits().compile_budget_left, 118);
  const auto other = engine.loaded(scaled(5));
  EXPECT_EQ(engine.device().limits().compile_budget_left, 117);
  EXPECT_EQ(result_of(*first), 6);
  EXPECT_EQ(result_of(*again), 6);
  EXPECT_EQ(result_of(*other), 10);
}

// Writing other numbers where the weights came from changes nothing (C24).
TEST(EmulatedLifecycle, KeepsTheWeightsItCompiled) {
  Engine engine;
  mil::Program program = program_of(scaled(3));
  auto executable = engine.device().compile(program, {});
  ASSERT_TRUE(executable.has_value());
  mil::Function& function = *program.functions()[0];
  mil::Operation& weight = *function.block().operations().front();
  weight.set_attribute("val", mil::Literal::splat(mil::Type::tensor(mil::ElementType::fp16, kShape), 7));
  ASSERT_TRUE((*executable)->load().has_value());
  EXPECT_EQ(result_of(**executable), 6);
  ASSERT_TRUE((*executable)->unload().has_value());
  ASSERT_TRUE((*executable)->load().has_value());
  EXPECT_EQ(result_of(**executable), 6);
}

TEST(EmulatedLifecycle, DoesNotCountACompileThatFails) {
  Engine engine;
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  const mil::Type type = mil::Type::tensor(mil::ElementType::fp16, kShape);
  mil::Value* x = b.input("x", type);
  mil::Value* total = b.input("total", type);
  mil::Value* sum = b.add(x, total, "sum");
  function->block().set_results({sum});
  function->alias(sum, total);
  const auto refused = engine.compiled(std::move(function));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message,
            "program main: result sum is stored into the memory of input total; the engine has no such results");
  EXPECT_EQ(engine.device().limits().compile_budget_left, 119);
}

TEST(EmulatedLifecycle, LoadsAsManyProgramsAsAProcessMayHave) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.loaded_programs.value = 2; });
  const auto first = engine.loaded(scaled(1));
  const auto second = engine.loaded(scaled(2));
  auto third = engine.compiled(scaled(3));
  ASSERT_TRUE(third.has_value());
  const Status refused = (*third)->load();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(refused.error().message,
            "program main: load failed with code 6, 0x50004 (GetANEFModel: must re-compile): 2 programs are loaded, as "
            "many as one process may have (C20); unload one first");
  ASSERT_TRUE(first->unload().has_value());
  EXPECT_TRUE((*third)->load().has_value());
}

TEST(EmulatedLifecycle, GivesUpThePlaceOfAProgramThatGoes) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.loaded_programs.value = 1; });
  { const auto first = engine.loaded(scaled(1)); }
  EXPECT_EQ(engine.process().resident_programs(), 0);
  EXPECT_EQ(result_of(*engine.loaded(scaled(2))), 4);
}

TEST(EmulatedLifecycle, RefusesToLoadMoreWeightsThanTheBankHolds) {
  const auto bank = [](int64_t bytes) {
    return [bytes](ane::ChipProfile& profile) { profile.memory.weight_bank_bytes.value = bytes; };
  };
  Engine exact(bank(128));
  EXPECT_EQ(result_of(*exact.loaded(scaled(2))), 4);
  Engine small(bank(127));
  auto executable = small.compiled(scaled(2));
  ASSERT_TRUE(executable.has_value()) << executable.error().message;
  const Status refused = (*executable)->load();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("load failed on m4: C2A"));
  EXPECT_THAT(refused.error().message, HasSubstr("0x20004"));
}

TEST(EmulatedLifecycle, RefusesToEvaluateAProgramThatWasUnloaded) {
  Engine engine;
  const auto executable = engine.loaded(scaled(3));
  Surface x = filled_halves(kShape, 2);
  Surface y = filled_halves(kShape, 0);
  const auto request = executable->bind(std::vector<Surface*>{&x}, std::vector<Surface*>{&y});
  ASSERT_TRUE(request.has_value());
  ASSERT_TRUE(executable->unload().has_value());
  const Status refused = (*request)->evaluate();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "program main: evaluate failed: the program is not loaded");
}

TEST(EmulatedLifecycle, LoadsNewWeightsUnderANewIdentityWithoutACompile) {
  Engine engine;
  const auto donor = engine.loaded(scaled(3));
  const auto seeded = engine.device().compile_seeded(*donor, program_of(scaled(5)), {});
  ASSERT_TRUE(seeded.has_value()) << seeded.error().message;
  ASSERT_TRUE((*seeded)->load().has_value());
  EXPECT_EQ(result_of(**seeded), 10);
  EXPECT_EQ(result_of(*donor), 6);
  EXPECT_EQ(engine.device().limits().compile_budget_left, 118);
}

TEST(EmulatedLifecycle, SeedsNoProgramOfAnotherText) {
  Engine engine;
  const auto donor = engine.loaded(scaled(3));
  auto other = scaled(5);
  mil::Builder b(*other);
  other->block().set_results({b.unary("relu", other->results()[0], "z")});
  const auto refused = engine.device().compile_seeded(*donor, program_of(std::move(other)), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message,
            "seeded load: the text of program main differs from the donor's; only its weights may (C25)");
}

TEST(EmulatedLifecycle, SeedsNothingWhereTheProfileSaysThatItDoesNotWork) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.seeded_load.value = false; });
  const auto donor = engine.loaded(scaled(3));
  const auto refused = engine.device().compile_seeded(*donor, program_of(scaled(5)), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("does not load new weights without compiling (C25)"));
}

TEST(EmulatedLifecycle, RunsOneProgramAtATimeWhicheverThreadAsks) {
  Engine engine;
  const auto executable = engine.loaded(scaled(3));
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (size_t i = 0; i < right.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 50; ++n) right[i] += result_of(*executable) == 6 ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, ::testing::Each(50));
  EXPECT_EQ(engine.device().meter().evaluations, 200);
}

// Virtual time: a compile, a quicker one of the same text with other weights (C2C), a load and two evaluations.
TEST(EmulatedLifecycle, AddsUpWhatEverythingIsPredictedToTake) {
  Engine engine;
  const auto first = engine.loaded(scaled(3));
  const ane::ProgramCost cost = dynamic_cast<EmulatedExecutable&>(*first).cost();
  EXPECT_GT(cost.seconds, 0);
  EXPECT_GT(cost.joules, 0);
  EXPECT_LT(cost.recompile_seconds, cost.compile_seconds);
  EXPECT_DOUBLE_EQ(engine.device().meter().compile_seconds, cost.compile_seconds);
  const auto second = engine.compiled(scaled(5));
  result_of(*first);
  result_of(*first);
  const EngineMeter meter = engine.device().meter();
  EXPECT_DOUBLE_EQ(meter.compile_seconds, cost.compile_seconds + cost.recompile_seconds);
  EXPECT_DOUBLE_EQ(meter.load_seconds, cost.load_seconds);
  EXPECT_DOUBLE_EQ(meter.evaluate_seconds, 2 * cost.seconds);
  EXPECT_DOUBLE_EQ(meter.joules, 2 * cost.joules);
  EXPECT_EQ(meter.compiles, 2);
}

TEST(EmulatedLifecycle, RefusesWeightsThatAreNotThere) {
  Engine engine;
  auto function = scaled(3);
  function->block().operations().front()->set_attribute(
      "val", mil::Literal::blob(mil::Type::tensor(mil::ElementType::fp16, kShape), {"@model_path/weights/w.bin", 64}));
  const auto refused = engine.compiled(std::move(function));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("val is in @model_path/weights/w.bin; load the weights"));
}

}  // namespace
}  // namespace millwright::device
