#include "device/emulated/engine_process.h"

#include <string_view>
#include <utility>

#include "base/check.h"
#include "device/emulated/compiled_program.h"

namespace millwright::device {

bool EngineMachine::take_compile(std::optional<int64_t> limit) {
  const std::lock_guard lock(mutex_);
  if (limit && compiles_ >= *limit) return false;
  ++compiles_;
  return true;
}

void EngineMachine::give_back_compile() {
  const std::lock_guard lock(mutex_);
  --compiles_;
}

EngineProcess::EngineProcess(EngineLimits limits, std::shared_ptr<EngineMachine> machine)
    : limits_(limits), machine_(machine ? std::move(machine) : std::make_shared<EngineMachine>()) {}

bool EngineProcess::knows(const std::string& identity) const {
  const std::lock_guard lock(mutex_);
  return programs_.contains(identity);
}

std::shared_ptr<const CompiledProgram> EngineProcess::find(const std::string& identity) const {
  const std::lock_guard lock(mutex_);
  const auto found = programs_.find(identity);
  return found == programs_.end() ? nullptr : found->second.lock();
}

Status EngineProcess::begin_compile(const std::string& name) {
  constexpr std::string_view kRefused =
      "compile failed with com.apple.appleneuralengine.compiler code 1, ANECCompile() FAILED: err=()";
  const std::lock_guard lock(mutex_);
  if (limits_.compiles && compiles_ >= *limits_.compiles) {
    return fail(ErrorKind::exhausted,
                "program {}: {}: this process has used its {} compiles (C21); only a new process gets more", name,
                kRefused, *limits_.compiles);
  }
  if (!machine_->take_compile(limits_.system_compiles)) {
    return fail(ErrorKind::exhausted,
                "program {}: {}: all processes have used the machine's {} compiles (C22); only a restart of the "
                "machine gives more",
                name, kRefused, *limits_.system_compiles);
  }
  ++compiles_;
  ++running_compiles_;
  return {};
}

void EngineProcess::abandon_compile() {
  const std::lock_guard lock(mutex_);
  MW_CHECK(compiles_ > 0, "abandoning a compile that did not begin");
  --compiles_;
  --running_compiles_;
  machine_->give_back_compile();
}

void EngineProcess::note_failed_compile() {
  const std::lock_guard lock(mutex_);
  meter_.compile_seconds += pay_for_failures();
  failures_.push_back(meter_.seconds());
}

// What the failed compiles of the last seconds add to the next one.
double EngineProcess::pay_for_failures() {
  double penalty = 0;
  for (const double failed : failures_) {
    if (meter_.seconds() - failed < limits_.failure_pause_seconds) penalty += limits_.failure_penalty_seconds;
  }
  failures_.clear();
  return penalty;
}

void EngineProcess::keep(const std::string& identity, const std::string& text,
                         std::shared_ptr<const CompiledProgram> program) {
  const std::lock_guard lock(mutex_);
  MW_CHECK(running_compiles_ > 0, "keeping a compile that did not begin");
  --running_compiles_;
  const ane::ProgramCost& cost = program->cost();
  meter_.compile_seconds += pay_for_failures();
  meter_.compile_seconds += texts_.insert(text).second ? cost.compile_seconds : cost.recompile_seconds;
  ++meter_.compiles;
  programs_.insert_or_assign(identity, std::move(program));
}

void EngineProcess::keep_uncompiled(const std::string& identity, std::shared_ptr<const CompiledProgram> program) {
  const std::lock_guard lock(mutex_);
  programs_.insert_or_assign(identity, std::move(program));
}

void EngineProcess::hold(std::shared_ptr<const CompiledProgram> program) {
  const std::lock_guard lock(mutex_);
  held_.push_back(std::move(program));
}

Status EngineProcess::load(const std::string& name, double seconds) {
  const std::lock_guard lock(mutex_);
  if (limits_.resident_programs && resident_ >= *limits_.resident_programs) {
    return fail(ErrorKind::exhausted,
                "program {}: load failed with code 6, 0x50004 (GetANEFModel: must re-compile): {} programs are loaded, "
                "as many as one process may have (C20); unload one first",
                name, resident_);
  }
  if (std::exchange(slot_was_just_freed_, false) && limits_.load_fails_after_unload) {
    return fail(ErrorKind::exhausted,
                "program {}: load failed: a program was unloaded just before (C29); try again after 100 ms", name);
  }
  ++resident_;
  ++meter_.loads;
  meter_.load_seconds += seconds;
  return {};
}

void EngineProcess::unload(double seconds) {
  const std::lock_guard lock(mutex_);
  MW_CHECK(resident_ > 0, "unloading a program when none is loaded");
  --resident_;
  slot_was_just_freed_ = true;
  meter_.load_seconds += seconds;
}

void EngineProcess::evaluated(double seconds, double joules) {
  const std::lock_guard lock(mutex_);
  ++meter_.evaluations;
  meter_.evaluate_seconds += running_compiles_ > 0 ? limits_.compile_slowdown * seconds : seconds;
  meter_.joules += joules;
  last_evaluation_ = meter_.seconds();
}

void EngineProcess::pass_time(double seconds) {
  MW_CHECK(seconds >= 0, "time passes forwards, not by {} s", seconds);
  const std::lock_guard lock(mutex_);
  meter_.idle_seconds += seconds;
}

double EngineProcess::seconds_without_evaluation() const {
  const std::lock_guard lock(mutex_);
  return meter_.seconds() - last_evaluation_;
}

EngineMeter EngineProcess::meter() const {
  const std::lock_guard lock(mutex_);
  return meter_;
}

std::optional<int64_t> EngineProcess::compiles_left() const {
  const std::lock_guard lock(mutex_);
  if (!limits_.compiles) return std::nullopt;
  return *limits_.compiles - compiles_;
}

int64_t EngineProcess::resident_programs() const {
  const std::lock_guard lock(mutex_);
  return resident_;
}

}  // namespace millwright::device
