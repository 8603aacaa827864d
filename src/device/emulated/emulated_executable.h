// A compiled program on the emulated engine: loaded or not, bound to surfaces that are bytes to it.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ane/rules/rule.h"
#include "device/emulated/compiled_program.h"
#include "device/emulated/emulated_device.h"
#include "device/emulated/program_identity.h"

namespace millwright::device {

// What requests look at when they evaluate; requests and their executable share it.
struct ExecutableState {
  std::atomic<bool> is_loaded = false;
  std::atomic<int64_t> waiting = 0;  // evaluations that wait for the engine's queue
  int64_t evaluations = 0;           // since the load; guarded by the queue
};

class EmulatedExecutable final : public Executable {
 public:
  // `findings`: what the rules say of the program; errors of the stages load and evaluate wait for those.
  EmulatedExecutable(std::shared_ptr<const CompiledProgram> program, ProgramIdentity identity,
                     std::vector<ane::Finding> findings, const EmulatedOptions& options, ane::Qos qos);
  ~EmulatedExecutable() override;

  Status load() override;
  Status unload() override;
  bool is_loaded() const override { return state_->is_loaded; }
  int64_t surface_bytes(const Port& port) const override;
  cpu::MemoryReport memory() const override { return program_->memory(); }
  std::vector<cpu::ProfileEntry> profile() const override { return program_->operation_times(); }
  std::vector<std::string> warnings() const override;

  const ProgramIdentity& identity() const { return identity_; }
  std::span<const ane::Finding> findings() const { return findings_; }
  // What one evaluation is predicted to cost at the standard class of service.
  const ane::ProgramCost& cost() const { return program_->cost(); }
  int64_t waiting_evaluations() const { return state_->waiting; }

 private:
  Status check_surfaces(std::string_view what, std::span<const Port> ports,
                        std::span<Surface* const> surfaces) const override;
  Result<std::unique_ptr<Request>> make_request(std::span<Surface* const> inputs,
                                                std::span<Surface* const> outputs) override;

  std::shared_ptr<const CompiledProgram> program_;
  ProgramIdentity identity_;
  std::vector<ane::Finding> findings_;
  std::shared_ptr<const EmulatedOptions> options_;
  std::shared_ptr<ExecutableState> state_;
  ane::Qos qos_;
};

}  // namespace millwright::device
