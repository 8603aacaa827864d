#include "device/emulated/engine_faults.h"

namespace millwright::device {
namespace {

std::optional<int64_t> limit_of(const ane::Fact<int64_t>& fact) {
  return !fact.known() || *fact == ane::kNoLimit ? std::nullopt : fact.value;
}

}  // namespace

EngineLimits limits_of(const ane::ChipProfile& profile, const EngineFaults& faults) {
  const ane::Lifecycle& facts = profile.lifecycle;
  EngineLimits limits;
  limits.compiles = limit_of(facts.compile_budget);
  limits.system_compiles = faults.system_compiles ? faults.system_compiles : limit_of(facts.system_compile_budget);
  limits.resident_programs = limit_of(facts.loaded_programs);
  limits.load_fails_after_unload = faults.load_fails_after_unload || facts.load_retry.value_or(false);
  limits.compile_slowdown = facts.background_compile_slowdown.value_or(1);
  limits.failure_pause_seconds = facts.failure_pause_seconds.value_or(0);
  limits.failure_penalty_seconds = facts.failure_penalty_ms.value_or(0) / 1000;
  return limits;
}

}  // namespace millwright::device
