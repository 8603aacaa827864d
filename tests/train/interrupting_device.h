// The cpu device for tests that interrupt: a signal comes in the middle of one evaluation.
#pragma once

#include <csignal>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "device/device.h"

namespace millwright::train {

class InterruptingDevice final : public device::Device {
 public:
  // Counted from 1, over all executables.
  explicit InterruptingDevice(int evaluation) : evaluation_(evaluation) {}

  int evaluations() const { return count_; }
  std::string_view name() const override { return cpu_->name(); }
  device::Limits limits() const override { return cpu_->limits(); }

  Result<std::unique_ptr<device::Executable>> compile(const mil::Program& program,
                                                      const device::CompileOptions& options) override {
    MW_ASSIGN(auto inner, cpu_->compile(program, options));
    return std::make_unique<Executable>(std::move(inner), *this);
  }

 private:
  class Request final : public device::Request {
   public:
    Request(std::unique_ptr<device::Request> inner, InterruptingDevice& owner)
        : inner_(std::move(inner)), owner_(owner) {}
    Status evaluate() override {
      if (++owner_.count_ == owner_.evaluation_) raise(SIGINT);
      return inner_->evaluate();
    }

   private:
    std::unique_ptr<device::Request> inner_;
    InterruptingDevice& owner_;
  };

  class Executable final : public device::Executable {
   public:
    Executable(std::unique_ptr<device::Executable> inner, InterruptingDevice& owner)
        : device::Executable("interrupted", {inner->inputs().begin(), inner->inputs().end()},
                             {inner->outputs().begin(), inner->outputs().end()}),
          inner_(std::move(inner)),
          owner_(owner) {}
    Status load() override { return inner_->load(); }
    Status unload() override { return inner_->unload(); }
    bool is_loaded() const override { return inner_->is_loaded(); }
    cpu::MemoryReport memory() const override { return inner_->memory(); }
    std::vector<cpu::ProfileEntry> profile() const override { return inner_->profile(); }

   private:
    Result<std::unique_ptr<device::Request>> make_request(std::span<device::Surface* const> inputs,
                                                          std::span<device::Surface* const> outputs) override {
      MW_ASSIGN(auto request, inner_->bind(inputs, outputs));
      return std::make_unique<Request>(std::move(request), owner_);
    }

    std::unique_ptr<device::Executable> inner_;
    InterruptingDevice& owner_;
  };

  std::unique_ptr<device::Device> cpu_ = std::make_unique<device::CpuDevice>();
  int evaluation_;
  int count_ = 0;
};

}  // namespace millwright::train
