// The two ways of computing what the engine computes. Range behaviour is the same in both; rounding and tables differ.
//   fast      fp16 storage, products summed in fp32, exact functions rounded once: the CPU executor.
//   faithful  sums of four products rounded to fp16 before they are added (C56), denormal products and ties as the
//             profile says (C57, C58), activations from 33-knot tables (C5B): slow, for study and comparison.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ane/chip_profile.h"
#include "base/result.h"
#include "cpu/executor.h"
#include "mil/ir.h"

namespace millwright::device {

enum class Numerics : uint8_t { fast, faithful };

// Whether an evaluation computes its results. With `skipped` it goes through everything else (rules, budget, load,
// surfaces, clock and energy meter) and fills the results with 0xFF, which is NaN in every floating-point type: for
// programs whose arithmetic would take an emulation too long, and whose numbers nobody wants.
enum class Arithmetic : uint8_t { done, skipped };

std::string_view numerics_name(Numerics numerics);
Result<Numerics> numerics_from_name(std::string_view name);

// Computes one function on dense arrays. One run at a time.
class EngineRunner {
 public:
  virtual ~EngineRunner() = default;
  // Row-major arrays in the order of the function's inputs and results, aligned to 64 bytes, none overlapping a result.
  virtual Status run(std::span<void* const> inputs, std::span<void* const> outputs) = 0;
  virtual cpu::MemoryReport memory() const = 0;
  virtual std::vector<cpu::ProfileEntry> profile() const = 0;
};

// `function` as engine_function() gives it.
Result<std::unique_ptr<EngineRunner>> make_runner(const mil::Function& function, const ane::ChipProfile& profile,
                                                  Numerics numerics, bool profiled);

}  // namespace millwright::device
