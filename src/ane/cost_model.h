// Predicts what evaluating, compiling and loading a program costs on a chip: virtual seconds and joules of the engine.
// Everything here is a prediction, calibrated on published microbenchmarks; docs/cost-model.md shows the model, what it
// was fitted to, and how far it misses.
#pragma once

#include <string_view>
#include <vector>

#include "ane/cost_parameters.h"
#include "ane/operation_work.h"
#include "base/result.h"
#include "mil/ir.h"

namespace millwright::ane {

// What an operation spends most of its time on.
enum class Bound : uint8_t { arithmetic, weights, activations, on_chip };
std::string_view bound_name(Bound bound);

struct OperationCost {
  OperationWork work;
  Bound bound = Bound::arithmetic;
  // That each would take alone.
  double arithmetic_seconds = 0;
  double weight_seconds = 0;
  double activation_seconds = 0;
  double on_chip_seconds = 0;
  double seconds = 0;
  double joules = 0;
};

struct ProgramCost {
  double dispatch_seconds = 0;  // the part that even an empty program costs
  double seconds = 0;           // of one evaluation, in all
  double joules = 0;
  double flops = 0;

  double compile_seconds = 0;
  double recompile_seconds = 0;  // the same topology with other weights
  double load_seconds = 0;
  double reload_seconds = 0;
  double unload_seconds = 0;

  std::vector<OperationCost> operations;

  double watts() const { return seconds > 0 ? joules / seconds : 0; }
};

struct CostOptions {
  // The best evaluation, or the typical one of a busy machine.
  enum class Dispatch : uint8_t { best, typical };
  Dispatch dispatch = Dispatch::best;
  // Weights and activations have paths of their own and cross at once. In turn is the published formula, floor +
  // max(flops / peak, weights / rate + activations / rate); docs/cost-model.md compares them.
  enum class Traffic : uint8_t { at_once, in_turn };
  Traffic traffic = Traffic::at_once;
};

// Fails on an unknown dimension, and where the profile does not know what the model needs.
Result<ProgramCost> predict_cost(const mil::Function& function, const ChipProfile& profile, CostOptions options = {});
Result<ProgramCost> predict_cost(const mil::Function& function, const CostParameters& parameters,
                                 CostOptions options = {});
// The same of work that is already counted, by the rules of these parameters.
ProgramCost cost_of(const FunctionWork& work, const CostParameters& parameters, CostOptions options = {});

// The slow first evaluations and the waking engine (C68), which no default includes: seconds of evaluation number
// `index` since loading, from 0, after the engine has done nothing for `idle_seconds`.
double cold_seconds(const ProgramCost& cost, const CostParameters& parameters, int64_t index, double idle_seconds);

// Seconds that the CPU needs to fill a surface, reading `bytes`: rows as they stand, or weights interleaved with
// activations (C6A). `all_surface_bytes` of a process slow it down where they are more than the machine bears (C62).
enum class Staging : uint8_t { rows, interleaved };
double staging_seconds(double bytes, Staging staging, double all_surface_bytes, const CostParameters& parameters);

}  // namespace millwright::ane
