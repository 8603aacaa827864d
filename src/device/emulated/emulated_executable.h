// A compiled program on the emulated engine: loaded or not, bound to surfaces that are bytes to it.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ane/rules/rule.h"
#include "device/emulated/compiled_program.h"
#include "device/emulated/engine_process.h"

namespace millwright::device {

// What a program is known by (U3): equal text and equal weights give an equal identity.
struct ProgramIdentity {
  std::string text;     // hash of the text without its weights
  std::string weights;  // hash of the weights

  std::string key() const { return text + "_" + weights; }
};

class EmulatedExecutable final : public Executable {
 public:
  // `findings`: what the rules say of the program; errors of the stages load and evaluate wait for those.
  EmulatedExecutable(std::shared_ptr<const CompiledProgram> program, ProgramIdentity identity,
                     std::vector<ane::Finding> findings, const ane::ChipProfile& profile,
                     std::shared_ptr<EngineProcess> process, ane::Qos qos);
  ~EmulatedExecutable() override;

  Status load() override;
  Status unload() override;
  bool is_loaded() const override { return *loaded_; }
  int64_t surface_bytes(const Port& port) const override;
  cpu::MemoryReport memory() const override { return program_->memory(); }
  std::vector<cpu::ProfileEntry> profile() const override { return program_->operation_times(); }

  const ProgramIdentity& identity() const { return identity_; }
  std::span<const ane::Finding> findings() const { return findings_; }
  // What one evaluation is predicted to cost at the standard class of service.
  const ane::ProgramCost& cost() const { return program_->cost(); }

 private:
  Status check_surfaces(std::string_view what, std::span<const Port> ports,
                        std::span<Surface* const> surfaces) const override;
  Result<std::unique_ptr<Request>> make_request(std::span<Surface* const> inputs,
                                                std::span<Surface* const> outputs) override;

  std::shared_ptr<const CompiledProgram> program_;
  ProgramIdentity identity_;
  std::vector<ane::Finding> findings_;
  std::shared_ptr<const ane::ChipProfile> profile_;
  std::shared_ptr<EngineProcess> process_;
  std::shared_ptr<std::atomic<bool>> loaded_;  // requests look at it
  ane::Qos qos_;
};

}  // namespace millwright::device
