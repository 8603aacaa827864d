// Section 3 of the catalogue: what compiling, loading and evaluating a program depends on besides the program.
#include "ane/rules/rule.h"
#include "mil/statistics.h"

namespace millwright::ane {

namespace {

using Kind = LifecycleEvent::Kind;

bool is_load(const LifecycleEvent& event) { return event.kind == Kind::load || event.kind == Kind::seeded_load; }

// C20.
void loaded_programs(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.lifecycle.loaded_programs;
  if (is_load(event) && event.loaded_programs >= limit) {
    report.add("load", fmt::format("the process has {} programs loaded, at most {} fit", event.loaded_programs, limit));
  }
}

// C21.
void compile_budget(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.lifecycle.compile_budget;
  if (event.kind == Kind::compile && event.compiles >= limit) {
    report.add("compile", fmt::format("the process has compiled {} programs, its budget is {}", event.compiles, limit));
  }
}

// C22.
void system_compile_budget(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.lifecycle.system_compile_budget;
  if (event.kind == Kind::compile && event.system_compiles >= limit) {
    report.add("compile", fmt::format("all processes have compiled {} programs, their budget is {}",
                                      event.system_compiles, limit));
  }
}

// C23.
void waiting_evaluations(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.lifecycle.in_flight;
  if (event.kind == Kind::evaluate && event.waiting_evaluations >= limit) {
    report.add("evaluate",
               fmt::format("{} evaluations of the program wait, at most {} may", event.waiting_evaluations, limit));
  }
}

// C24. A program is known by the hash of its text, options and weights (U3), or by that of its text: what is known is
// not read again.
void changed_files(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  if (event.kind == Kind::load && event.files_changed) {
    report.add("load", "the weight files have changed since the program was compiled");
  } else if (event.kind == Kind::compile && event.known_text_with_other_weights &&
             *profile.lifecycle.identity == Identity::text) {
    report.add("compile", "a program of this text has been compiled with other weights");
  }
}

// C25.
void seeded_load(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  if (event.kind != Kind::seeded_load) return;
  if (!*profile.lifecycle.seeded_load) report.add("load", "this engine loads only what it has compiled");
  if (!event.text_is_donors) report.add("load", "the text is not the donor's");
  if (event.seeded_weight_files != 1) {
    report.add("load", fmt::format("the program has {} weight files, expected 1", event.seeded_weight_files));
  }
}

// C26.
void second_compile(const LifecycleEvent& event, const ChipProfile&, Report& report) {
  if (event.kind == Kind::compile && event.compiled_before)
    report.add("compile", "the object has been compiled before");
}

// C27.
void directory(const LifecycleEvent& event, const ChipProfile&, Report& report) {
  if (event.kind == Kind::compile && !event.directory_is_ready) {
    report.add("compile", "the temporary folder lacks model.mil or a weight file");
  }
}

// C29.
void freed_slot(const LifecycleEvent& event, const ChipProfile& profile, Report& report) {
  if (is_load(event) && *profile.lifecycle.load_retry && event.slot_just_freed) {
    report.add("load", "a program was unloaded just before");
  }
}

// C2A.
void weight_bank(const mil::Program& program, const ChipProfile& profile, Report& report) {
  if (!profile.memory.weight_bank_bytes.known()) return;
  const int64_t limit = *profile.memory.weight_bank_bytes;
  int64_t bytes = 0;
  for (const mil::FunctionStatistics& function : mil::statistics(program)) bytes += function.constant_bytes;
  if (bytes > limit) report.add("program", fmt::format("has {} bytes of weights, at most {} fit", bytes, limit));
}

}  // namespace

std::span<const Rule> lifecycle_rules() {
  static const Rule rules[] = {
      {"C20", Stage::load, Verdict::error, "a process has at most this many programs loaded",
       "lifecycle.loaded_programs", "m5doc; guide ch14", "the load fails (code 6, 0x50004)",
       "unload one, or put several functions into one program", loaded_programs},
      {"C21", Stage::compile, Verdict::error, "a process compiles at most this many programs",
       "lifecycle.compile_budget", "mxP2; or #5; mx#23 against mx#24", "this and every later compile fails",
       "start a new process", compile_budget},
      {"C22", Stage::compile, Verdict::error, "all processes compile at most this many programs",
       "lifecycle.system_compile_budget", "sl", "every compile fails until the machine restarts", "compile less often",
       system_compile_budget},
      {"C23", Stage::evaluate, Verdict::error, "at most this many evaluations of a program wait", "lifecycle.in_flight",
       "apidoc; guide ch2, ch14", "the evaluation is refused", "wait for one to end", waiting_evaluations},
      {"C24", Stage::silent, Verdict::warning, "weights are part of the compiled program", "lifecycle.identity",
       "mx; de; mx#23; aa; apidoc", "the old weights are used",
       "compile again, or load a new identity seeded from this program", changed_files},
      {"C25", Stage::load, Verdict::error, "a seeded load needs the donor's text and one weight file",
       "lifecycle.seeded_load", "or; fs; omlx", "the load fails", "compile the program", seeded_load},
      {"C26", Stage::compile, Verdict::error, "an object compiles once", "", "aa E17",
       "the compile fails (file access failure)", "make a new descriptor", second_compile},
      {"C27", Stage::compile, Verdict::error, "the temporary folder is ready before the compile", "", "mx; or",
       "the compile fails (ANECCompile() FAILED)", "write model.mil and every weight file first", directory},
      {"C29", Stage::load, Verdict::error, "the first load after an unload may fail", "lifecycle.load_retry", "mx",
       "the load fails, a second one does not", "try again after 100 ms", freed_slot},
      {"C2A", Stage::load, Verdict::error, "a loaded program has at most this many bytes of weights",
       "memory.weight_bank_bytes", "omlx", "the load fails (code 6, 0x20004)", "split the program", weight_bank},
  };
  return rules;
}

}  // namespace millwright::ane
