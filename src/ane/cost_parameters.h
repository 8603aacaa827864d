// The numbers that the cost model computes with, in SI units, taken from a chip profile.
#pragma once

#include <string_view>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/operation_work.h"
#include "base/result.h"

namespace millwright::ane {

struct CostParameters {
  double floor_seconds = 0;
  double median_factor = 1;  // of the floor: the typical evaluation over the best
  double peak_flops = 0;     // per second
  double half_rate_positions = 0;
  double int8_speedup = 1;
  double weight_bytes_per_second = 0;
  double activation_bytes_per_second = 0;
  double on_chip_bytes_per_flop = 0;
  double stride_conflict = 1;
  double capacity_matmul_flops = 0;  // per second, of single matmuls, under the capacity model
  OnChipRules on_chip;

  double staging_bytes_per_second = 0;              // of the CPU
  double interleaved_staging_bytes_per_second = 0;  //
  double surface_bytes = 0;                         // of a process, before staging gets slow (C62)

  double idle_watts = 0;
  double dispatch_watts = 0;
  double streaming_watts = 0;
  double compute_watts = 0;
  double int8_power = 1;  // over fp16

  double compile_seconds = 0;
  double compile_seconds_per_operation = 0;
  double compile_seconds_per_byte = 0;
  double recompile_factor = 1;  // the same topology with other weights (C2C)
  double load_seconds = 0;
  double reload_seconds = 0;
  double unload_seconds = 0;

  double first_call_factor = 1;   // C68
  double second_call_factor = 1;  //
  double idle_seconds = 0;        //
  double wake_seconds = 0;        //
};

// Fails where the profile does not know a fact that the model needs; the message names it.
Result<CostParameters> cost_parameters(const ChipProfile& profile);

// What bench/cost-model fits per chip: everything else is a published fact or shared by all chips.
struct FittedConstant {
  std::string_view key;  // in the profile's section "cost"
  double CostParameters::*member;
  double unit;  // the profile's unit in SI
};
const std::vector<FittedConstant>& fitted_time_constants();
const std::vector<FittedConstant>& fitted_compile_constants();

}  // namespace millwright::ane
