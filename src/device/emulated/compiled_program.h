// What the engine's stack keeps of a compiled program: how to compute it, how its surfaces lie, and what it is
// predicted to cost. Weights are fixed from here on (C24).
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/cost_model.h"
#include "base/result.h"
#include "cpu/executor.h"
#include "device/device.h"
#include "device/emulated/numerics.h"
#include "device/emulated/surface_layout.h"
#include "mil/ir.h"

namespace millwright::device {

class CompiledProgram {
 public:
  // The function must be verified, with its weights inline. Fails with the operation that cannot be run.
  static Result<std::shared_ptr<CompiledProgram>> build(const mil::Function& function, std::string weights_hash,
                                                        const ane::ChipProfile& profile, Numerics numerics,
                                                        Arithmetic arithmetic, bool profiled);

  const std::string& name() const { return function().name(); }
  // As it was compiled, but without its weights.
  const mil::Function& function() const { return *bare_.functions().front(); }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  // Position i of a request's surfaces feeds the port input_order()[i]: by sorted names, or as declared (U2, C33).
  const std::vector<size_t>& input_order() const { return input_order_; }
  const std::vector<size_t>& output_order() const { return output_order_; }
  // Predicted by the cost model of the profile, never measured.
  const ane::ProgramCost& cost() const { return cost_; }
  // What evaluation `index` after the load takes where the engine is cold (C68).
  double cold_seconds(int64_t index, double idle_seconds) const {
    return ane::cold_seconds(cost_, parameters_, index, idle_seconds);
  }
  // Of the weights that were compiled in.
  const std::string& weights_hash() const { return weights_hash_; }

  // Whether run() may be called: not where evaluations are only metered.
  bool computes() const { return runner_ != nullptr; }
  // Dense row-major arrays in the order of the ports.
  Status run(std::span<void* const> inputs, std::span<void* const> outputs) const {
    return runner_->run(inputs, outputs);
  }
  cpu::MemoryReport memory() const { return computes() ? runner_->memory() : cpu::MemoryReport{}; }
  std::vector<cpu::ProfileEntry> operation_times() const {
    return computes() ? runner_->profile() : std::vector<cpu::ProfileEntry>{};
  }

 private:
  CompiledProgram() = default;

  mil::Program bare_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<size_t> input_order_;
  std::vector<size_t> output_order_;
  ane::CostParameters parameters_;
  ane::ProgramCost cost_;
  std::string weights_hash_;
  std::unique_ptr<EngineRunner> runner_;
};

}  // namespace millwright::device
