#include "device/emulated/emulated_device.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "ane/profile_text.h"
#include "ane/rules/check.h"
#include "ane/rules/weight_record.h"
#include "device/emulated/emulated_executable.h"
#include "device/emulated/engine_weights.h"
#include "device/emulated/program_identity.h"
#include "mil/verifier.h"

namespace millwright::device {
namespace {

// What the engine's compiler says of the first finding that it refuses.
Status check_compiles(const std::string& name, const std::vector<ane::Finding>& findings, std::string_view chip) {
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
  if (first.empty()) return {};
  return fail("program {}: compile failed on {}: {}{}", name, chip, first,
              more == 0 ? "" : fmt::format(" (and {} more)", more));
}

int64_t weight_file_count(const mil::Program& program) {
  std::set<std::string> paths;
  for (const ane::WeightUse& use : ane::weight_uses(program)) paths.insert(use.path());
  return static_cast<int64_t>(paths.size());
}

}  // namespace

// A program as the stack looks at it before it compiles or loads it.
struct EmulatedDevice::Prepared {
  mil::Program alone;  // the function and nothing else, its weights inline
  std::vector<ane::Finding> findings;
  ProgramIdentity identity;
  int64_t weight_files = 0;

  const mil::Function& function() const { return *alone.functions()[0]; }
};

std::shared_ptr<EngineProcess> process_of(const ane::ChipProfile& profile, const EngineFaults& faults) {
  static std::mutex mutex;
  static const auto machine = std::make_shared<EngineMachine>();
  static std::map<std::string, std::shared_ptr<EngineProcess>> processes;
  // By all facts: two profiles of one name may differ in what a program costs.
  const std::string key = fmt::format("{} {} {}", ane::profile_json(profile), faults.system_compiles.value_or(-1),
                                      faults.load_fails_after_unload);
  const std::lock_guard lock(mutex);
  std::shared_ptr<EngineProcess>& process = processes[key];
  if (!process) process = std::make_shared<EngineProcess>(limits_of(profile, faults), machine);
  return process;
}

EmulatedDevice::EmulatedDevice(EmulatedOptions options) : options_(std::move(options)) {
  if (!options_.process) options_.process = process_of(options_.profile, options_.faults);
}

Result<EmulatedDevice::Prepared> EmulatedDevice::prepare(const mil::Program& program,
                                                         const CompileOptions& options) const {
  MW_ASSIGN(const mil::Function* function, find_function(program, options.function));
  MW_TRY(mil::verify(*function));
  const std::string& name = function->name();
  const ane::ChipProfile& profile = options_.profile;
  Prepared prepared;
  prepared.alone.add_function(mil::clone(*function));
  prepared.weight_files = weight_file_count(prepared.alone);
  mil::WeightFiles files = weight_files(options);
  prepared.findings = ane::check_program(prepared.alone, profile, &files);
  if (options_.strict) ane::make_strict(prepared.findings);
  MW_TRY(check_compiles(name, prepared.findings, profile.name));
  mil::Program written;  // shares everything with the other one but what is replaced there
  written.add_function(mil::clone(prepared.function()));
  Status loaded = load_engine_weights(prepared.alone, files, profile);
  if (!loaded) {
    const std::string where = fmt::format("program {}: compile failed on {}", name, profile.name);
    return tl::unexpected(with_context(std::move(loaded.error()), where));
  }
  prepared.identity = identity_of(written, prepared.function(), options_.numerics, options_.arithmetic);
  return prepared;
}

Result<std::shared_ptr<const CompiledProgram>> EmulatedDevice::build(const Prepared& prepared, bool profiled) const {
  MW_ASSIGN(std::shared_ptr<const CompiledProgram> built,
            CompiledProgram::build(prepared.function(), prepared.identity.weights, options_.profile, options_.numerics,
                                   options_.arithmetic, profiled));
  return built;
}

// Where identity is by text alone, a program with other weights is taken for the one that is known (C24).
Status EmulatedDevice::report_stale_weights(Prepared& prepared) const {
  const ane::LifecycleEvent event = {.kind = ane::LifecycleEvent::Kind::compile, .known_text_with_other_weights = true};
  std::vector<ane::Finding> stale = ane::check_event(event, options_.profile);
  if (options_.strict) ane::make_strict(stale);
  MW_TRY(check_compiles(prepared.function().name(), stale, options_.profile.name));
  std::ranges::move(stale, std::back_inserter(prepared.findings));
  return {};
}

std::unique_ptr<Executable> EmulatedDevice::executable_of(Prepared prepared,
                                                          std::shared_ptr<const CompiledProgram> program,
                                                          ane::Qos qos) const {
  return std::make_unique<EmulatedExecutable>(std::move(program), std::move(prepared.identity),
                                              std::move(prepared.findings), options_, qos);
}

Result<std::unique_ptr<Executable>> EmulatedDevice::compile(const mil::Program& program,
                                                            const CompileOptions& options) {
  EngineProcess& process = *options_.process;
  auto checked = prepare(program, options);
  if (!checked) {
    process.note_failed_compile();
    return tl::unexpected(std::move(checked.error()));
  }
  Prepared prepared = std::move(*checked);
  const ane::Identity identity = options_.profile.lifecycle.identity.value_or(ane::Identity::content);
  const std::string key = prepared.identity.key(identity);
  std::shared_ptr<const CompiledProgram> known = process.find(key);
  if (known && known->weights_hash() != prepared.identity.weights) MW_TRY(report_stale_weights(prepared));
  if (known && !options.profile) return executable_of(std::move(prepared), std::move(known), options.qos);
  if (process.knows(key)) {  // compiled before; the daemon still has it, we do it again
    MW_ASSIGN(std::shared_ptr<const CompiledProgram> again, build(prepared, options.profile));
    process.keep_uncompiled(key, again);
    return executable_of(std::move(prepared), std::move(again), options.qos);
  }
  MW_TRY(process.begin_compile(prepared.function().name()));
  auto built = build(prepared, options.profile);
  if (!built) {
    process.abandon_compile();
    process.note_failed_compile();
    return tl::unexpected(std::move(built.error()));
  }
  process.keep(key, prepared.identity.text, *built);
  if (identity == ane::Identity::text) process.hold(*built);
  return executable_of(std::move(prepared), std::move(*built), options.qos);
}

Result<std::unique_ptr<Executable>> EmulatedDevice::compile_seeded(const Executable& donor, const mil::Program& program,
                                                                   const CompileOptions& options) {
  const auto* emulated = dynamic_cast<const EmulatedExecutable*>(&donor);
  if (emulated == nullptr) return fail("seeded load: the donor is an executable of another device");
  MW_ASSIGN(Prepared prepared, prepare(program, options));
  const ane::LifecycleEvent event = {.kind = ane::LifecycleEvent::Kind::seeded_load,
                                     .text_is_donors = prepared.identity.text == emulated->identity().text,
                                     .seeded_weight_files = std::max<int64_t>(prepared.weight_files, 1)};
  for (const ane::Finding& finding : ane::check_event(event, options_.profile)) {
    return fail("program {}: load failed on {}: {}", prepared.function().name(), options_.profile.name,
                ane::finding_text(finding));
  }
  const std::string key = prepared.identity.key(ane::Identity::content);
  std::shared_ptr<const CompiledProgram> seeded = options_.process->find(key);
  if (!seeded) {
    MW_ASSIGN(seeded, build(prepared, options.profile));
    options_.process->keep_uncompiled(key, seeded);
  }
  return executable_of(std::move(prepared), std::move(seeded), options.qos);
}

DeviceClock EmulatedDevice::clock() const {
  const EngineMeter counted = meter();
  return {counted.seconds(), counted.joules, true};
}

Limits EmulatedDevice::limits() const {
  return {options_.process->compiles_left(), options_.process->limits().resident_programs};
}

}  // namespace millwright::device
