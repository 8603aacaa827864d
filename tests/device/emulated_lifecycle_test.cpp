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

// C6B: 13 % slower, and neither before nor after.
TEST(EmulatedLifecycle, EvaluatesSlowerWhileSomethingCompiles) {
  const auto process = std::make_shared<EngineProcess>(limits_of(profile_of("m4")));
  const auto seconds_of_one = [&] {
    const double before = process->meter().evaluate_seconds;
    process->evaluated(1, 0);
    return process->meter().evaluate_seconds - before;
  };
  EXPECT_DOUBLE_EQ(seconds_of_one(), 1);
  ASSERT_TRUE(process->begin_compile("main").has_value());
  EXPECT_NEAR(seconds_of_one(), 1.13, 1e-12);
  process->abandon_compile();
  EXPECT_NEAR(seconds_of_one(), 1, 1e-12);

  EmulatedDevice engine({.profile = profile_of("m4"), .process = process});
  ASSERT_TRUE(engine.compile(program_of(scaled(3)), {}).has_value());
  EXPECT_NEAR(seconds_of_one(), 1, 1e-12);
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
            "program main: load failed on m4: C25 error at load: load: the text is not the donor's; the load fails; "
            "compile the program");
}

TEST(EmulatedLifecycle, SeedsNothingWhereTheProfileSaysThatItDoesNotWork) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.seeded_load.value = false; });
  const auto donor = engine.loaded(scaled(3));
  const auto refused = engine.device().compile_seeded(*donor, program_of(scaled(5)), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message,
              HasSubstr("C25 error at load: load: this engine loads only what it has compiled"));
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

// C22: a process after the other on one machine.
TEST(EmulatedLifecycle, RefusesEveryCompileOnceTheMachineHasDoneItsOwn) {
  const auto machine = std::make_shared<EngineMachine>();
  const EmulatedOptions options = {.profile = profile_of("m4"), .faults = {.system_compiles = 2}};
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Engine(options, machine).compiled(scaled(i)).has_value());
  Engine third(options, machine);
  const auto refused = third.compiled(scaled(2));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(refused.error().message,
            "program main: compile failed with com.apple.appleneuralengine.compiler code 1, ANECCompile() FAILED: "
            "err=(): all processes have used the machine's 2 compiles (C22); only a restart of the machine gives more");
  EXPECT_TRUE(Engine(options).compiled(scaled(2)).has_value());  // another machine
}

// C28: two seconds for each failure of the last fifteen.
TEST(EmulatedLifecycle, CompilesSlowlySoonAfterAFailure) {
  const auto refused = [] {
    auto function = scaled(1);
    mil::Builder b(*function);
    function->block().set_results({b.unary("tan", function->results()[0], "z")});
    return function;
  };
  const auto seconds_of_compile = [&](double pause) {
    Engine engine;
    EXPECT_FALSE(engine.compiled(refused()).has_value());
    engine.process().pass_time(pause);
    const double before = engine.device().meter().compile_seconds;
    EXPECT_TRUE(engine.compiled(scaled(3)).has_value());
    return engine.device().meter().compile_seconds - before;
  };
  EXPECT_NEAR(seconds_of_compile(14.9) - seconds_of_compile(15), 2, 1e-9);
}

// C29.
TEST(EmulatedLifecycle, FailsTheFirstLoadAfterAnUnloadWhereAsked) {
  Engine engine(EmulatedOptions{.profile = profile_of("m4"), .faults = {.load_fails_after_unload = true}});
  const auto first = engine.loaded(scaled(1));
  const auto second = engine.loaded(scaled(2));  // nothing was unloaded yet
  ASSERT_TRUE(first->unload().has_value());
  const Status refused = first->load();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message,
            "program main: load failed: a program was unloaded just before (C29); try again after 100 ms");
  EXPECT_TRUE(first->load().has_value());

  Engine usual;
  const auto executable = usual.loaded(scaled(1));
  ASSERT_TRUE(executable->unload().has_value());
  EXPECT_TRUE(executable->load().has_value());
}

// C68: 3.6 and 2.2 times the third evaluation; 260 ms more after five seconds without work.
TEST(EmulatedLifecycle, WarmsUpWhereAsked) {
  const auto seconds_of = [](Engine& engine, Executable& executable) {
    const double before = engine.device().meter().evaluate_seconds;
    result_of(executable);
    return engine.device().meter().evaluate_seconds - before;
  };
  Engine engine(EmulatedOptions{.profile = profile_of("m1"), .faults = {.cold_starts = true}});
  const auto executable = engine.loaded(scaled(3));
  const double warm = dynamic_cast<EmulatedExecutable&>(*executable).cost().seconds;
  EXPECT_NEAR(seconds_of(engine, *executable), 3.6 * warm, 1e-12);
  EXPECT_NEAR(seconds_of(engine, *executable), 2.2 * warm, 1e-12);
  EXPECT_NEAR(seconds_of(engine, *executable), warm, 1e-12);
  engine.process().pass_time(4.9);
  EXPECT_NEAR(seconds_of(engine, *executable), warm, 1e-12);
  engine.process().pass_time(5);
  EXPECT_NEAR(seconds_of(engine, *executable), warm + 0.26, 1e-9);

  Engine usual({}, "m1");
  const auto other = usual.loaded(scaled(3));
  EXPECT_NEAR(seconds_of(usual, *other), warm, 1e-12);
}

// C23: one evaluation waits while the queue is held, the next one finds no place.
TEST(EmulatedLifecycle, LetsOnlySoManyEvaluationsWait) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.in_flight.value = 1; });
  const auto executable = engine.loaded(scaled(3));
  Surface x = filled_halves(kShape, 2);
  Surface y = filled_halves(kShape, 0);
  const auto request = executable->bind(std::vector<Surface*>{&x}, std::vector<Surface*>{&y});
  ASSERT_TRUE(request.has_value());
  Status waited;
  std::thread waiting;
  Status refused;
  {
    const std::lock_guard queue(engine.process().queue());
    waiting = std::thread([&] { waited = (*request)->evaluate(); });
    while (dynamic_cast<EmulatedExecutable&>(*executable).waiting_evaluations() == 0) std::this_thread::yield();
    refused = (*request)->evaluate();
  }
  waiting.join();
  EXPECT_TRUE(waited.has_value());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message,
            "program main: evaluate failed: C23 error at evaluate: evaluate: 1 evaluations of the program wait, at "
            "most 1 may; the evaluation is refused; wait for one to end");
  EXPECT_TRUE((*request)->evaluate().has_value());
}

// U3 read the other way: the text alone is the identity, so other weights are not looked at (C24).
TEST(EmulatedLifecycle, TakesAProgramOfAKnownTextForTheKnownOneWhereIdentityIsByText) {
  Engine engine({}, "m4+textkey");
  EXPECT_EQ(result_of(*engine.loaded(scaled(3))), 6);
  const auto other = engine.loaded(scaled(5));
  EXPECT_EQ(result_of(*other), 6);
  EXPECT_THAT(other->warnings(),
              ::testing::ElementsAre("C24 warning silent: compile: a program of this text has been compiled with other "
                                     "weights; the old weights are used; compile again, or load a new identity seeded "
                                     "from this program"));
  EXPECT_EQ(engine.device().limits().compile_budget_left, 118);

  Engine strict(EmulatedOptions{.profile = profile_of("m4+textkey"), .strict = true});
  EXPECT_TRUE(strict.compiled(scaled(3)).has_value());
  EXPECT_TRUE(strict.compiled(scaled(3)).has_value());
  const auto refused = strict.compiled(scaled(5));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("compile failed on m4+textkey: C24 error silent: compile: "));
}

// The daemon knows a program that nobody holds any more; compiling it again costs nothing (C2B).
TEST(EmulatedLifecycle, RemembersProgramsThatAreGone) {
  Engine engine;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(result_of(*engine.loaded(scaled(3))), 6);
  EXPECT_EQ(engine.device().limits().compile_budget_left, 118);
  EXPECT_EQ(engine.device().meter().compiles, 1);
}

TEST(EmulatedLifecycle, RefusesToEvaluateAProgramThatIsGone) {
  Engine engine;
  auto executable = engine.loaded(scaled(3));
  Surface x = filled_halves(kShape, 2);
  Surface y = filled_halves(kShape, 0);
  const auto request = executable->bind(std::vector<Surface*>{&x}, std::vector<Surface*>{&y});
  ASSERT_TRUE(request.has_value());
  executable.reset();
  const Status refused = (*request)->evaluate();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "program main: evaluate failed: the program is not loaded");
}

// Every step of several programs from several threads; the thread sanitizer watches.
TEST(EmulatedLifecycle, BearsManyThreads) {
  Engine engine([](ane::ChipProfile& profile) { profile.lifecycle.loaded_programs.value = 16; });
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (size_t i = 0; i < right.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        const auto executable = engine.loaded(scaled(static_cast<double>(n % 3 + 1)));
        if (result_of(*executable) == static_cast<float>(2 * (n % 3 + 1))) ++right[i];
        EXPECT_TRUE(executable->unload().has_value());
        (void)engine.device().limits();
        (void)engine.device().meter();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, ::testing::Each(10));
  EXPECT_EQ(engine.process().resident_programs(), 0);
}

}  // namespace
}  // namespace millwright::device
