// The Neural Engine, emulated: its rules, surfaces, life cycle, numerics and compile budget on any CPU, with a virtual
// clock and energy meter. Nothing here was measured on hardware: behaviour follows the fact base, cited by rule ids.
#pragma once

#include <memory>
#include <string>

#include "ane/chip_profile.h"
#include "device/device.h"
#include "device/emulated/engine_faults.h"
#include "device/emulated/engine_process.h"
#include "device/emulated/numerics.h"

namespace millwright::device {

struct EmulatedOptions {
  ane::ChipProfile profile = {};
  Numerics numerics = Numerics::fast;
  // What the engine silently gets wrong is an error, not a warning: at compile time where the program tells, else when
  // it is evaluated.
  bool strict = false;
  Arithmetic arithmetic = Arithmetic::done;
  EngineFaults faults = {};
  // What the stack remembers; nothing: that of this operating-system process for this profile.
  std::shared_ptr<EngineProcess> process = nullptr;
};

class EmulatedDevice final : public Device {
 public:
  static constexpr std::string_view kName = "emulated";

  explicit EmulatedDevice(EmulatedOptions options);

  std::string_view name() const override { return kName; }
  // Weights are inline or in files of the options. They are fixed from here on: only a new identity gets new ones
  // (C24).
  Result<std::unique_ptr<Executable>> compile(const mil::Program& program, const CompileOptions& options) override;
  // Allowed where the profile says so, with one weight file at most (C25).
  Result<std::unique_ptr<Executable>> compile_seeded(const Executable& donor, const mil::Program& program,
                                                     const CompileOptions& options) override;
  Limits limits() const override;
  // Virtual: what the engine's process has taken, by the cost model of the profile.
  DeviceClock clock() const override;
  const ane::ChipProfile* chip() const override { return &options_.profile; }
  bool has_qos() const override { return true; }

  EngineMeter meter() const { return options_.process->meter(); }
  const ane::ChipProfile& profile() const { return options_.profile; }

 private:
  struct Prepared;
  Result<Prepared> prepare(const mil::Program& program, const CompileOptions& options) const;
  Result<std::shared_ptr<const CompiledProgram>> build(const Prepared& prepared, bool profiled) const;
  Status report_stale_weights(Prepared& prepared) const;
  std::unique_ptr<Executable> executable_of(Prepared prepared, std::shared_ptr<const CompiledProgram> program,
                                            ane::Qos qos) const;

  EmulatedOptions options_;
};

// The same for every device of one profile and equal limits in this process.
std::shared_ptr<EngineProcess> process_of(const ane::ChipProfile& profile, const EngineFaults& faults = {});

}  // namespace millwright::device
