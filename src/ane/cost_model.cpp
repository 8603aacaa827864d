#include "ane/cost_model.h"

#include <algorithm>
#include <array>

namespace millwright::ane {
namespace {

// Single matmuls of 4096³ over those of 2048³, which the published 32 MB reading explains by capacity: 5.7 and 4.0
// TFLOPS (maderix, part 2).
constexpr double kCapacitySlowdown = 5.7 / 4.0;

double arithmetic_seconds(const OperationWork& work, const CostParameters& p) {
  if (work.lane_flops <= 0) return work.flops / p.peak_flops;
  if (work.is_matmul && p.on_chip.capacity_model) return work.flops / p.capacity_matmul_flops;
  const double positions = std::max(1.0, work.positions);
  const double used = positions / (positions + p.half_rate_positions);
  const double speedup = work.is_int8 ? p.int8_speedup : 1;
  return work.lane_flops / (p.peak_flops * used * speedup);
}

struct Traffic {
  Bound bound = Bound::memory;
  double seconds = 0;
};

Traffic traffic_of(const OperationWork& work, const CostParameters& p, CostOptions options) {
  const double conflict = p.on_chip.capacity_model ? 1 : p.stride_conflict;
  const double memory_bytes = work.weight_bytes + work.memory_bytes + (conflict - 1) * work.conflict_bytes;
  const std::array<Traffic, 3> paths = {{
      {Bound::memory, memory_bytes / p.weight_bytes_per_second},
      {Bound::activations, work.activation_bytes / p.activation_bytes_per_second},
      {Bound::on_chip, work.on_chip_bytes / (p.on_chip_bytes_per_flop * p.peak_flops)},
  }};
  const auto slowest = std::ranges::max_element(paths, {}, &Traffic::seconds);
  if (options.traffic == CostOptions::Traffic::at_once) return *slowest;
  return {slowest->bound, std::max(paths[0].seconds + paths[1].seconds, paths[2].seconds)};
}

// Convolutions and elementwise operations compute while they stream. A matmul waits for operands that nobody could
// fetch ahead, so its arithmetic and its traffic add up: what makes 1×1 convolutions the faster products (C66).
OperationCost cost_of_operation(const OperationWork& work, const CostParameters& p, CostOptions options) {
  OperationCost cost;
  cost.work = work;
  cost.arithmetic_seconds = arithmetic_seconds(work, p);
  const Traffic traffic = traffic_of(work, p, options);
  cost.traffic_seconds = traffic.seconds;
  cost.bound = cost.arithmetic_seconds >= traffic.seconds ? Bound::arithmetic : traffic.bound;
  const bool is_serial = work.is_matmul && !p.on_chip.capacity_model;
  cost.seconds = is_serial ? cost.arithmetic_seconds + traffic.seconds
                           : std::max(cost.arithmetic_seconds, traffic.seconds);
  if (p.on_chip.capacity_model && work.working_set_bytes > p.on_chip.capacity_bytes) cost.seconds *= kCapacitySlowdown;
  const double compute_watts = p.compute_watts * (work.is_int8 ? p.int8_power : 1);
  cost.joules = p.streaming_watts * cost.seconds + (compute_watts - p.streaming_watts) * cost.arithmetic_seconds;
  return cost;
}

}  // namespace

std::string_view bound_name(Bound bound) {
  switch (bound) {
    case Bound::arithmetic:
      return "arithmetic";
    case Bound::memory:
      return "memory";
    case Bound::activations:
      return "activations";
    case Bound::on_chip:
      return "on-chip";
  }
  return "";
}

ProgramCost cost_of(const FunctionWork& work, const CostParameters& p, CostOptions options) {
  ProgramCost total;
  total.dispatch_seconds =
      p.floor_seconds * (options.dispatch == CostOptions::Dispatch::typical ? p.median_factor : 1);
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

}  // namespace millwright::ane
