// The workloads of published measurements, as programs: "conv ci=512 co=512 h=1 w=64 k=1 depth=32 weights=shared".
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ane/cost_model.h"
#include "base/result.h"

namespace millwright::bench {

// Programs that run one after the other, each `count` times.
struct Workload {
  struct Item {
    std::unique_ptr<mil::Function> function;
    ane::FunctionWork work;
    double count = 1;
  };
  std::vector<Item> items;
  // Bytes that bandwidths are quoted for: of the weights, and of the surfaces read and written.
  double weight_bytes = 0;
  double activation_bytes = 0;
  // Of a workload of the CPU alone, which fills a surface and runs no program.
  double staged_bytes = 0;
  ane::Staging staging = ane::Staging::rows;
};

Result<Workload> parse_workload(std::string_view text, const ane::OnChipRules& rules);

// Sums over the programs of a workload.
struct WorkloadCost {
  double seconds = 0;
  double joules = 0;
  double flops = 0;
  double compile_seconds = 0;
  double recompile_seconds = 0;
  double load_seconds = 0;
  double reload_seconds = 0;
  double unload_seconds = 0;
};
WorkloadCost cost_of(const Workload& workload, const ane::CostParameters& parameters, ane::CostOptions options);

}  // namespace millwright::bench
