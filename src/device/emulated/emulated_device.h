// The Neural Engine, emulated: its rules, surfaces, life cycle, numerics and compile budget on any CPU, with a virtual
// clock and energy meter. Nothing here was measured on hardware: behaviour follows the fact base, cited by rule ids.
#pragma once

#include <memory>
#include <string>

#include "ane/chip_profile.h"
#include "device/device.h"
#include "device/emulated/compiled_program.h"
#include "device/emulated/engine_process.h"
#include "device/emulated/numerics.h"

namespace millwright::device {

struct EmulatedOptions {
  ane::ChipProfile profile;
  Numerics numerics = Numerics::fast;
  // What the engine silently gets wrong is an error at compile time, not a warning.
  bool strict = false;
  Arithmetic arithmetic = Arithmetic::done;
  // What the stack remembers; nothing: that of this operating-system process for this profile.
  std::shared_ptr<EngineProcess> process;
};

class EmulatedDevice final : public Device {
 public:
  static constexpr std::string_view kName = "emulated";

  explicit EmulatedDevice(EmulatedOptions options);

  std::string_view name() const override { return kName; }
  // Weights must be inline (mil::load_blobs). They are fixed from here on: only a new identity gets new ones (C24).
  Result<std::unique_ptr<Executable>> compile(const mil::Program& program, const CompileOptions& options) override;
  // A program with the text of the donor's and other weights, loaded without being compiled (C25): allowed where the
  // profile says so, with one weight file at most.
  Result<std::unique_ptr<Executable>> compile_seeded(const Executable& donor, const mil::Program& program,
                                                     const CompileOptions& options);
  Limits limits() const override;
  // Virtual: what the engine's process has taken, by the cost model of the profile.
  DeviceClock clock() const override;
  const ane::ChipProfile* chip() const override { return &options_.profile; }
  bool has_qos() const override { return true; }

  EngineMeter meter() const { return options_.process->meter(); }
  const ane::ChipProfile& profile() const { return options_.profile; }

 private:
  EmulatedOptions options_;
};

// The limits of a process on this engine.
EngineLimits limits_of(const ane::ChipProfile& profile);
// The same for every device of one profile in this process.
std::shared_ptr<EngineProcess> process_of(const ane::ChipProfile& profile);

}  // namespace millwright::device
