#include "device/emulated/emulated_device.h"

#include <map>
#include <mutex>
#include <utility>

#include "ane/profile_text.h"
#include "ane/rules/check.h"
#include "base/hash.h"
#include "device/emulated/emulated_executable.h"
#include "mil/blob/program_blobs.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::device {
namespace {

std::optional<int64_t> limit_of(const ane::Fact<int64_t>& fact) {
  return !fact.known() || *fact == ane::kNoLimit ? std::nullopt : fact.value;
}

// The text without numbers that stand in weight files, and the numbers.
ProgramIdentity identity_of(const mil::Function& function, const EmulatedOptions& options) {
  Hasher text;
  Hasher weights;
  text.update(numerics_name(options.numerics));
  // A program that cannot compute must not be found by a device that does.
  if (options.arithmetic == Arithmetic::skipped) text.update("meter only");
  mil::Program bare;
  bare.add_function(mil::clone(function));
  for (const auto& operation : function.block().operations()) {
    const mil::Literal* value = operation->is_const() ? operation->attribute("val") : nullptr;
    if (value == nullptr || !value->has_elements() || value->type().count() <= mil::kStrippedElements) continue;
    weights.update(value->elements());
  }
  mil::strip_weights(bare);
  text.update(mil::print(bare));
  return {text.digest(), weights.digest()};
}

// The findings of the rules, or what the engine's compiler says of the first that it refuses.
Result<std::vector<ane::Finding>> checked(const mil::Function& function, const EmulatedOptions& options) {
  mil::Program alone;
  alone.add_function(mil::clone(function));
  std::vector<ane::Finding> findings = ane::check_program(alone, options.profile);
  if (options.strict) ane::make_strict(findings);
  std::string first;
  size_t more = 0;
  for (const ane::Finding& finding : findings) {
    const bool is_refused = finding.verdict == ane::Verdict::error &&
                            (finding.stage == ane::Stage::compile || finding.stage == ane::Stage::silent);
    if (!is_refused) continue;
    if (first.empty()) {
      first = ane::finding_text(finding);
    } else {
      ++more;
    }
  }
  if (first.empty()) return findings;
  return fail("program {}: compile failed on {}: {}{}", function.name(), options.profile.name, first,
              more == 0 ? "" : fmt::format(" (and {} more)", more));
}

Status check_weights_are_inline(const mil::Function& function) {
  for (const auto& operation : function.block().operations()) {
    for (const mil::Attribute& attribute : operation->attributes()) {
      if (!attribute.value.is_blob()) continue;
      return fail("{}: {} is in {}; load the weights before compiling", mil::describe(*operation), attribute.name,
                  attribute.value.blob_reference().path);
    }
  }
  return {};
}

}  // namespace

EngineLimits limits_of(const ane::ChipProfile& profile) {
  return {limit_of(profile.lifecycle.compile_budget), limit_of(profile.lifecycle.loaded_programs)};
}

std::shared_ptr<EngineProcess> process_of(const ane::ChipProfile& profile) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<EngineProcess>> processes;
  const std::lock_guard lock(mutex);
  // By all facts: two profiles of one name may differ in what a program costs.
  std::shared_ptr<EngineProcess>& process = processes[ane::profile_json(profile)];
  if (!process) process = std::make_shared<EngineProcess>(limits_of(profile));
  return process;
}

EmulatedDevice::EmulatedDevice(EmulatedOptions options) : options_(std::move(options)) {
  if (!options_.process) options_.process = process_of(options_.profile);
}

Result<std::unique_ptr<Executable>> EmulatedDevice::compile(const mil::Program& program,
                                                            const CompileOptions& options) {
  MW_ASSIGN(const mil::Function* function, find_function(program, options.function));
  MW_TRY(mil::verify(*function));
  MW_TRY(check_weights_are_inline(*function));
  MW_ASSIGN(std::vector<ane::Finding> findings, checked(*function, options_));
  ProgramIdentity identity = identity_of(*function, options_);
  EngineProcess& process = *options_.process;
  std::shared_ptr<const CompiledProgram> compiled = options.profile ? nullptr : process.find(identity.key());
  if (!compiled) {
    MW_TRY(process.begin_compile(function->name()));
    auto built =
        CompiledProgram::build(*function, options_.profile, options_.numerics, options_.arithmetic, options.profile);
    if (!built) {
      process.abandon_compile();
      return tl::unexpected(std::move(built.error()));
    }
    compiled = std::move(*built);
    process.keep(identity.key(), identity.text, compiled);
  }
  return std::make_unique<EmulatedExecutable>(std::move(compiled), std::move(identity), std::move(findings),
                                              options_.profile, options_.process, options.qos);
}

Result<std::unique_ptr<Executable>> EmulatedDevice::compile_seeded(const Executable& donor, const mil::Program& program,
                                                                   const CompileOptions& options) {
  const auto* emulated = dynamic_cast<const EmulatedExecutable*>(&donor);
  if (emulated == nullptr) return fail("seeded load: the donor is an executable of another device");
  if (!options_.profile.lifecycle.seeded_load.value_or(false)) {
    return fail("seeded load: {} does not load new weights without compiling (C25)", options_.profile.name);
  }
  MW_ASSIGN(const mil::Function* function, find_function(program, options.function));
  MW_TRY(mil::verify(*function));
  MW_TRY(check_weights_are_inline(*function));
  MW_ASSIGN(std::vector<ane::Finding> findings, checked(*function, options_));
  ProgramIdentity identity = identity_of(*function, options_);
  if (identity.text != emulated->identity().text) {
    return fail("seeded load: the text of program {} differs from the donor's; only its weights may (C25)",
                function->name());
  }
  std::shared_ptr<const CompiledProgram> seeded = options_.process->find(identity.key());
  if (!seeded) {
    MW_ASSIGN(seeded, CompiledProgram::build(*function, options_.profile, options_.numerics, options_.arithmetic,
                                             options.profile));
    options_.process->keep_seeded(identity.key(), seeded);
  }
  return std::make_unique<EmulatedExecutable>(std::move(seeded), std::move(identity), std::move(findings),
                                              options_.profile, options_.process, options.qos);
}

DeviceClock EmulatedDevice::clock() const {
  const EngineMeter counted = meter();
  return {counted.seconds(), counted.joules, true};
}

Limits EmulatedDevice::limits() const {
  return {options_.process->compiles_left(), options_.process->limits().resident_programs};
}

}  // namespace millwright::device
