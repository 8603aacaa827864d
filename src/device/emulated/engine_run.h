// Runs one function once or several times on the emulated engine, on constants: what a person at a command line wants
// of it. Surfaces are made of the size that the engine wants and bound in its own order, so names alone decide.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cpu/function_run.h"
#include "device/emulated/engine_process.h"
#include "device/open_device.h"
#include "mil/ir.h"
#include "mil/literal.h"

namespace millwright::device {

struct EngineRun {
  cpu::FunctionRun run;               // time and memory are those of the emulation
  std::string chip;                   // "m4"
  EngineMeter predicted;              // what the engine would take, by the cost model of its profile
  std::vector<std::string> warnings;  // what the engine would do silently, one line each
};

// `inputs` in order, held inline and of the declared types; `weights`: the files of constants that are not inline.
Result<EngineRun> run_on_engine(const mil::Function& function, std::span<const mil::Literal> inputs, int64_t runs,
                                const DeviceOptions& options, std::span<const WeightFile> weights = {});

}  // namespace millwright::device
