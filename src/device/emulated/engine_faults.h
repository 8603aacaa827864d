// Transient failures and slow moments of the engine's stack that some reports have and most do not. Off unless asked
// for; where a chip profile has one, it happens without being asked for.
#pragma once

#include <cstdint>
#include <optional>

#include "ane/chip_profile.h"
#include "device/emulated/engine_process.h"

namespace millwright::device {

struct EngineFaults {
  // All processes of the machine together may compile so many programs, then none (C22).
  std::optional<int64_t> system_compiles = {};
  // The first load after an unload fails, the next one does not (C29).
  bool load_fails_after_unload = false;
  // The first two evaluations after a load are slow, and so is the one after some idle seconds (C68).
  bool cold_starts = false;
};

// The limits of a process on this engine.
EngineLimits limits_of(const ane::ChipProfile& profile, const EngineFaults& faults = {});

}  // namespace millwright::device
