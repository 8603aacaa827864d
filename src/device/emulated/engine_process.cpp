#include "device/emulated/engine_process.h"

#include <utility>

#include "base/check.h"
#include "device/emulated/compiled_program.h"

namespace millwright::device {

std::shared_ptr<const CompiledProgram> EngineProcess::find(const std::string& identity) const {
  const std::lock_guard lock(mutex_);
  const auto found = programs_.find(identity);
  return found == programs_.end() ? nullptr : found->second;
}

Status EngineProcess::begin_compile(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (limits_.compiles && compiles_ >= *limits_.compiles) {
    return fail(ErrorKind::exhausted,
                "program {}: compile failed with com.apple.appleneuralengine.compiler code 1, ANECCompile() FAILED: "
                "err=(): this process has used its {} compiles (C21); only a new process gets more",
                name, *limits_.compiles);
  }
  ++compiles_;
  return {};
}

void EngineProcess::abandon_compile() {
  const std::lock_guard lock(mutex_);
  MW_CHECK(compiles_ > 0, "abandoning a compile that did not begin");
  --compiles_;
}

void EngineProcess::keep(const std::string& identity, const std::string& text,
                         std::shared_ptr<const CompiledProgram> program) {
  const std::lock_guard lock(mutex_);
  const ane::ProgramCost& cost = program->cost();
  meter_.compile_seconds += texts_.insert(text).second ? cost.compile_seconds : cost.recompile_seconds;
  ++meter_.compiles;
  programs_.insert_or_assign(identity, std::move(program));
}

void EngineProcess::keep_seeded(const std::string& identity, std::shared_ptr<const CompiledProgram> program) {
  const std::lock_guard lock(mutex_);
  programs_.insert_or_assign(identity, std::move(program));
}

Status EngineProcess::load(const std::string& name, double seconds) {
  const std::lock_guard lock(mutex_);
  if (limits_.resident_programs && resident_ >= *limits_.resident_programs) {
    return fail(ErrorKind::exhausted,
                "program {}: load failed with code 6, 0x50004 (GetANEFModel: must re-compile): {} programs are loaded, "
                "as many as one process may have (C20); unload one first",
                name, resident_);
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
  meter_.load_seconds += seconds;
}

void EngineProcess::evaluated(double seconds, double joules) {
  const std::lock_guard lock(mutex_);
  ++meter_.evaluations;
  meter_.evaluate_seconds += seconds;
  meter_.joules += joules;
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
