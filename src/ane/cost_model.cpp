#include "ane/cost_model.h"

#include <algorithm>
#include <array>
#include <utility>

namespace millwright::ane {
namespace {

// Single matmuls of 4096³ over those of 2048³, which the published 32 MB reading explains by capacity: 5.7 and 4.0
// TFLOPS (maderix, part 2).
constexpr double kCapacitySlowdown = 5.7 / 4.0;
// Locking and unlocking a surface (rustane, M4 Max: 0.5 to 0.7 us; 20 to 50 us in another report).
constexpr double kLockSeconds = 0.6e-6;
// 379 MB of surfaces on a 16 GB M2 Pro against 220 MB, per byte: 129.4 and 4.9 ms (AutoANE, E38).
constexpr double kCrowdedSlowdown = (129.4 / 379) / (4.9 / 220);

// What the arithmetic would take at its full rate.
double full_rate_seconds(const OperationWork& work, const CostParameters& p) {
  return std::max(work.flops, work.lane_flops) / (p.peak_flops * (work.is_int8 ? p.int8_speedup : 1));
}

double arithmetic_seconds(const OperationWork& work, const CostParameters& p) {
  if (work.is_matmul && p.on_chip.capacity_model) return work.flops / p.capacity_matmul_flops;
  const double positions = std::max(1.0, work.positions);
  const bool is_product = work.lane_flops > 0;
  return full_rate_seconds(work, p) * (is_product ? (positions + p.half_rate_positions) / positions : 1);
}

// Weights are known at compile time and are fetched ahead, whatever the operation. Convolutions and elementwise
// operations compute while their activations stream; a matmul's arithmetic waits for its operands, so that the two add
// up: what makes 1×1 convolutions the faster products (C66).
double seconds_of(const OperationCost& c, const CostParameters& p, CostOptions options) {
  const bool is_serial = c.work.is_matmul && !p.on_chip.capacity_model;
  const double streamed = std::max(c.activation_seconds, c.on_chip_seconds);
  double seconds = is_serial ? c.arithmetic_seconds + streamed : std::max(c.arithmetic_seconds, streamed);
  seconds =
      std::max(seconds, options.traffic == CostOptions::Traffic::at_once ? c.weight_seconds
                                                                         : c.weight_seconds + c.activation_seconds);
  const bool spills = p.on_chip.capacity_model && c.work.working_set_bytes > p.on_chip.capacity_bytes;
  return spills ? kCapacitySlowdown * seconds : seconds;
}

Bound bound_of(const OperationCost& c) {
  const std::array<std::pair<double, Bound>, 4> parts = {{{c.arithmetic_seconds, Bound::arithmetic},
                                                          {c.weight_seconds, Bound::weights},
                                                          {c.activation_seconds, Bound::activations},
                                                          {c.on_chip_seconds, Bound::on_chip}}};
  return std::ranges::max_element(parts, {}, &std::pair<double, Bound>::first)->second;
}

OperationCost cost_of_operation(const OperationWork& work, const CostParameters& p, CostOptions options) {
  OperationCost cost;
  cost.work = work;
  const double conflict = p.on_chip.capacity_model ? 1 : p.stride_conflict;
  cost.arithmetic_seconds = arithmetic_seconds(work, p);
  cost.weight_seconds = (work.weight_bytes + (conflict - 1) * work.conflict_bytes) / p.weight_bytes_per_second;
  cost.activation_seconds =
      work.activation_bytes / p.activation_bytes_per_second + work.memory_bytes / p.weight_bytes_per_second;
  cost.on_chip_seconds = work.on_chip_bytes / (p.on_chip_bytes_per_flop * p.peak_flops);
  cost.bound = bound_of(cost);
  cost.seconds = seconds_of(cost, p, options);
  const double compute_watts = p.compute_watts * (work.is_int8 ? p.int8_power : 1);
  cost.joules = p.streaming_watts * cost.seconds + (compute_watts - p.streaming_watts) * full_rate_seconds(work, p);
  return cost;
}

}  // namespace

std::string_view bound_name(Bound bound) {
  switch (bound) {
    case Bound::arithmetic:
      return "arithmetic";
    case Bound::weights:
      return "weights";
    case Bound::activations:
      return "activations";
    case Bound::on_chip:
      return "on-chip";
  }
  return "";
}

ProgramCost cost_of(const FunctionWork& work, const CostParameters& p, CostOptions options) {
  ProgramCost total;
  total.dispatch_seconds = p.floor_seconds * (options.dispatch == CostOptions::Dispatch::typical ? p.median_factor : 1);
  total.seconds = total.dispatch_seconds;
  total.joules = p.dispatch_watts * total.dispatch_seconds;
  total.operations.reserve(work.operations.size());
  for (const OperationWork& item : work.operations) {
    const OperationCost& cost = total.operations.emplace_back(cost_of_operation(item, p, options));
    total.seconds += cost.seconds;
    total.joules += cost.joules;
    total.flops += item.flops;
  }
  total.compile_seconds = p.compile_seconds +
                          p.compile_seconds_per_operation * static_cast<double>(work.operations.size()) +
                          p.compile_seconds_per_byte * work.constant_bytes;
  total.recompile_seconds = p.recompile_factor * total.compile_seconds;
  total.load_seconds = p.load_seconds;
  total.reload_seconds = p.reload_seconds;
  total.unload_seconds = p.unload_seconds;
  return total;
}

Result<ProgramCost> predict_cost(const mil::Function& function, const CostParameters& p, CostOptions options) {
  MW_ASSIGN(const FunctionWork work, count_work(function, p.on_chip));
  return cost_of(work, p, options);
}

Result<ProgramCost> predict_cost(const mil::Function& function, const ChipProfile& profile, CostOptions options) {
  MW_ASSIGN(const CostParameters parameters, cost_parameters(profile));
  return predict_cost(function, parameters, options);
}

double cold_seconds(const ProgramCost& cost, const CostParameters& p, int64_t index, double idle_seconds) {
  const double factor = index == 0 ? p.first_call_factor : index == 1 ? p.second_call_factor : 1;
  const bool sleeps = p.wake_seconds > 0 && idle_seconds >= p.idle_seconds;
  return cost.seconds * factor + (sleeps ? p.wake_seconds : 0);
}

double staging_seconds(double bytes, Staging staging, double all_surface_bytes, const CostParameters& p) {
  const double rate = staging == Staging::rows ? p.staging_bytes_per_second : p.interleaved_staging_bytes_per_second;
  const double seconds = kLockSeconds + bytes / rate;
  return all_surface_bytes > p.surface_bytes ? kCrowdedSlowdown * seconds : seconds;
}

}  // namespace millwright::ane
