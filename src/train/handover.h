// Handover: where a process that has used up the engine's compile budget leaves the run for the one that replaces it by
// exec. It lives in memory: checkpoints, which survive the machine, keep their own rhythm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "runtime/parameter_store.h"
#include "train/checkpoint.h"

namespace millwright::train {

// A timeline that is not complete yet. Its clock goes on through an exec.
struct TraceHandover {
  std::string spans;  // runtime::trace_json
  double origin = 0;  // seconds of std::chrono::steady_clock
  double left = 0;    // likewise: when the process ended
};

struct Handover {
  CheckpointState state;
  Path checkpoint;                // the newest; empty: none yet
  int64_t checkpoint_update = 0;  // of it
  int64_t first_update = 0;       // that this training, whatever process did it, began behind
  double seconds = 0;             // that it has taken
  std::optional<TraceHandover> trace = {};
};

// Writes it, with masters and moments, to memory behind the returned descriptor, which stays open across exec.
Result<int> write_handover(const Handover& handover, const runtime::ParameterStore& store);

// Reads it and closes the descriptor. The store must have the entries of the one that was written.
Result<Handover> read_handover(int descriptor, runtime::ParameterStore& store);

}  // namespace millwright::train
