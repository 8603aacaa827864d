#include "ane/cost_parameters.h"

namespace millwright::ane {
namespace {

constexpr double kMilli = 1e-3;
constexpr double kGiga = 1e9;
constexpr double kTera = 1e12;
constexpr double kMega = 1e6;

// Reads facts one after the other and remembers the first that is unknown.
class Reader {
 public:
  explicit Reader(const ChipProfile& profile) : profile_(profile) {}

  void read(const Fact<double>& fact, std::string_view key, double unit, double& target) {
    if (fact.known()) {
      target = *fact * unit;
    } else if (missing_.empty()) {
      missing_ = key;
    }
  }

  Status status() const {
    if (missing_.empty()) return {};
    return fail("chip profile {}: {} is unknown, and the cost model needs it; give it a value in a profile based on {}",
                profile_.name, missing_, profile_.name);
  }

 private:
  const ChipProfile& profile_;
  std::string missing_;
};

}  // namespace

Result<CostParameters> cost_parameters(const ChipProfile& profile) {
  CostParameters p;
  Reader reader(profile);
  const CostConstants& cost = profile.cost;
  reader.read(cost.floor_ms, "cost.floor_ms", kMilli, p.floor_seconds);
  reader.read(cost.peak_tflops, "cost.peak_tflops", kTera, p.peak_flops);
  reader.read(cost.half_rate_positions, "cost.half_rate_positions", 1, p.half_rate_positions);
  reader.read(cost.weight_gbps, "cost.weight_gbps", kGiga, p.weight_bytes_per_second);
  reader.read(cost.activation_gbps, "cost.activation_gbps", kGiga, p.activation_bytes_per_second);
  reader.read(cost.on_chip_bytes_per_flop, "cost.on_chip_bytes_per_flop", 1, p.on_chip_bytes_per_flop);
  reader.read(cost.stride_conflict, "cost.stride_conflict", 1, p.stride_conflict);
  reader.read(cost.compile_ms, "cost.compile_ms", kMilli, p.compile_seconds);
  reader.read(cost.compile_operation_ms, "cost.compile_operation_ms", kMilli, p.compile_seconds_per_operation);
  reader.read(cost.compile_megabyte_ms, "cost.compile_megabyte_ms", kMilli / kMega, p.compile_seconds_per_byte);
  reader.read(profile.memory.staging_gbps, "memory.staging_gbps", kGiga, p.staging_bytes_per_second);
  reader.read(profile.memory.strided_staging_gbps, "memory.strided_staging_gbps", kGiga,
              p.interleaved_staging_bytes_per_second);
  reader.read(profile.power.idle_w, "power.idle_w", 1, p.idle_watts);
  reader.read(profile.power.dispatch_w, "power.dispatch_w", 1, p.dispatch_watts);
  reader.read(profile.power.streaming_w, "power.streaming_w", 1, p.streaming_watts);
  reader.read(profile.power.compute_w, "power.compute_w", 1, p.compute_watts);
  MW_TRY(reader.status());

  p.median_factor = profile.dispatch.median_factor.value_or(1);
  p.int8_speedup = profile.throughput.int8_speedup.value_or(1);
  p.capacity_matmul_flops = profile.throughput.matmul_tflops.value_or(p.peak_flops / kTera) * kTera;
  p.on_chip.operand_bytes = static_cast<double>(profile.memory.operand_bytes.value_or(kNoLimit));
  p.on_chip.capacity_model = profile.memory.on_chip_model.value_or(OnChipModel::operand) == OnChipModel::capacity;
  p.on_chip.capacity_bytes = static_cast<double>(profile.memory.capacity_bytes.value_or(kNoLimit));
  p.on_chip.padded_rows = profile.surfaces.rows.value_or(SurfaceRows::padded) == SurfaceRows::padded;
  p.on_chip.compressed_weights_stream = profile.memory.int8_weights_stream.value_or(true);
  p.surface_bytes = static_cast<double>(profile.memory.surface_bytes.value_or(kNoLimit));
  p.int8_power = profile.power.int8_factor.value_or(1);
  p.recompile_factor = profile.lifecycle.same_topology_factor.value_or(1);
  p.load_seconds = profile.lifecycle.load_ms.value_or(0) * kMilli;
  p.reload_seconds = profile.lifecycle.reload_ms.value_or(profile.lifecycle.load_ms.value_or(0)) * kMilli;
  p.unload_seconds = profile.lifecycle.unload_ms.value_or(0) * kMilli;
  p.first_call_factor = profile.dispatch.first_call_factor.value_or(1);
  p.second_call_factor = profile.dispatch.second_call_factor.value_or(1);
  p.idle_seconds = profile.dispatch.idle_seconds.value_or(0);
  p.wake_seconds = profile.dispatch.wake_ms.value_or(0) * kMilli;
  return p;
}

const std::vector<FittedConstant>& fitted_time_constants() {
  static const std::vector<FittedConstant> constants = {
      {"floor_ms", &CostParameters::floor_seconds, kMilli},
      {"peak_tflops", &CostParameters::peak_flops, kTera},
      {"half_rate_positions", &CostParameters::half_rate_positions, 1},
      {"weight_gbps", &CostParameters::weight_bytes_per_second, kGiga},
      {"activation_gbps", &CostParameters::activation_bytes_per_second, kGiga},
      {"stride_conflict", &CostParameters::stride_conflict, 1},
  };
  return constants;
}

const std::vector<FittedConstant>& fitted_compile_constants() {
  static const std::vector<FittedConstant> constants = {
      {"compile_ms", &CostParameters::compile_seconds, kMilli},
      {"compile_operation_ms", &CostParameters::compile_seconds_per_operation, kMilli},
      {"compile_megabyte_ms", &CostParameters::compile_seconds_per_byte, kMilli / kMega},
  };
  return constants;
}

}  // namespace millwright::ane
