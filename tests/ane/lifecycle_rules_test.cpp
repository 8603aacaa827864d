// The rules of compiling, loading and evaluating: each limit, and one below it.
#include <gtest/gtest.h>

#include "ane/rule_testing.h"

namespace millwright::ane {
namespace {

using testing::chip;
using testing::texts;
using Kind = LifecycleEvent::Kind;
using Lines = std::vector<std::string>;

Lines check(const LifecycleEvent& event, std::string_view profile = "m4") {
  return texts(check_event(event, chip(profile)));
}

TEST(LifecycleRules, NothingIsWrongWithTheFirstOfEverything) {
  for (const Kind kind : {Kind::compile, Kind::load, Kind::seeded_load, Kind::evaluate}) {
    EXPECT_EQ(check({.kind = kind}), Lines{});
  }
}

// C20.
TEST(LifecycleRules, The128thProgramDoesNotLoad) {
  const std::string message =
      "C20 error at load: load: the process has 127 programs loaded, at most 127 fit; the load fails (code 6, "
      "0x50004); unload one, or put several functions into one program";
  EXPECT_EQ(check({.kind = Kind::load, .loaded_programs = 127}), Lines{message});
  EXPECT_EQ(check({.kind = Kind::seeded_load, .loaded_programs = 127}), Lines{message});
  EXPECT_EQ(check({.kind = Kind::load, .loaded_programs = 126}), Lines{});
  EXPECT_EQ(check({.kind = Kind::compile, .loaded_programs = 127}), Lines{});
}

// C21.
TEST(LifecycleRules, The120thCompileFailsExceptUnderMacOs26) {
  const LifecycleEvent over = {.kind = Kind::compile, .compiles = 119};
  EXPECT_EQ(check(over),
            Lines{"C21 error at compile: compile: the process has compiled 119 programs, its budget is 119; this and "
                  "every later compile fails; start a new process"});
  EXPECT_EQ(check({.kind = Kind::compile, .compiles = 118}), Lines{});
  EXPECT_EQ(check({.kind = Kind::compile, .compiles = 312}, "m1+macos26"), Lines{});
  EXPECT_EQ(check({.kind = Kind::load, .compiles = 119}), Lines{});
}

// C22.
TEST(LifecycleRules, ABudgetOfTheWholeMachineIsAnOption) {
  const std::string option = "m4 lifecycle.system_compile_budget=1000";
  EXPECT_EQ(check({.kind = Kind::compile, .system_compiles = 1000}, option),
            Lines{"C22 error at compile: compile: all processes have compiled 1000 programs, their budget is 1000; "
                  "every compile fails until the machine restarts; compile less often"});
  EXPECT_EQ(check({.kind = Kind::compile, .system_compiles = 999}, option), Lines{});
  EXPECT_EQ(check({.kind = Kind::compile, .system_compiles = 1000000}), Lines{});
}

// C23.
TEST(LifecycleRules, The128thEvaluationDoesNotWait) {
  EXPECT_EQ(check({.kind = Kind::evaluate, .waiting_evaluations = 127}),
            Lines{"C23 error at evaluate: evaluate: 127 evaluations of the program wait, at most 127 may; the "
                  "evaluation is refused; wait for one to end"});
  EXPECT_EQ(check({.kind = Kind::evaluate, .waiting_evaluations = 126}), Lines{});
}

// C24 (U3).
TEST(LifecycleRules, ReloadingDoesNotReadChangedFiles) {
  EXPECT_EQ(check({.kind = Kind::load, .files_changed = true}),
            Lines{"C24 warning silent: load: the weight files have changed since the program was compiled; the old "
                  "weights are used; compile again, or load a new identity seeded from this program"});
  EXPECT_EQ(check({.kind = Kind::seeded_load, .files_changed = true}), Lines{});
}

// C24 where the text alone is the identity.
TEST(LifecycleRules, OtherWeightsOfAKnownTextAreNotReadWhereIdentityIsByText) {
  const LifecycleEvent event = {.kind = Kind::compile, .known_text_with_other_weights = true};
  EXPECT_EQ(check(event, "m4+textkey"),
            Lines{"C24 warning silent: compile: a program of this text has been compiled with other weights; the old "
                  "weights are used; compile again, or load a new identity seeded from this program"});
  EXPECT_EQ(check(event), Lines{});
  EXPECT_EQ(check({.kind = Kind::compile}, "m4+textkey"), Lines{});
}

// C25.
TEST(LifecycleRules, ASeededLoadNeedsTheDonorsTextAndOneFile) {
  const std::string rest = "; the load fails; compile the program";
  EXPECT_EQ(check({.kind = Kind::seeded_load, .text_is_donors = false}),
            Lines{"C25 error at load: load: the text is not the donor's" + rest});
  EXPECT_EQ(check({.kind = Kind::seeded_load, .seeded_weight_files = 2}),
            Lines{"C25 error at load: load: the program has 2 weight files, expected 1" + rest});
  EXPECT_EQ(check({.kind = Kind::seeded_load}, "m4 lifecycle.seeded_load=false"),
            Lines{"C25 error at load: load: this engine loads only what it has compiled" + rest});
  EXPECT_EQ(check({.kind = Kind::load, .text_is_donors = false, .seeded_weight_files = 2}), Lines{});
}

// C26.
TEST(LifecycleRules, AnObjectCompilesOnce) {
  EXPECT_EQ(check({.kind = Kind::compile, .compiled_before = true}),
            Lines{"C26 error at compile: compile: the object has been compiled before; the compile fails (file access "
                  "failure); make a new descriptor"});
  EXPECT_EQ(check({.kind = Kind::load, .compiled_before = true}), Lines{});
}

// C27.
TEST(LifecycleRules, TheFolderIsThereBeforeTheCompile) {
  EXPECT_EQ(check({.kind = Kind::compile, .directory_is_ready = false}),
            Lines{"C27 error at compile: compile: the temporary folder lacks model.mil or a weight file; the compile "
                  "fails (ANECCompile() FAILED); write model.mil and every weight file first"});
  EXPECT_EQ(check({.kind = Kind::compile, .directory_is_ready = true}), Lines{});
  EXPECT_EQ(check({.kind = Kind::load, .directory_is_ready = false}), Lines{});
}

// C29.
TEST(LifecycleRules, AFailingFirstLoadIsAnOption) {
  const std::string option = "m4 lifecycle.load_retry=true";
  EXPECT_EQ(check({.kind = Kind::load, .slot_just_freed = true}, option),
            Lines{"C29 error at load: load: a program was unloaded just before; the load fails, a second one does not; "
                  "try again after 100 ms"});
  EXPECT_EQ(check({.kind = Kind::load}, option), Lines{});
  EXPECT_EQ(check({.kind = Kind::load, .slot_just_freed = true}), Lines{});
}

}  // namespace
}  // namespace millwright::ane
