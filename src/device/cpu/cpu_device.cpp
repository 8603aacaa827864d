#include "device/cpu/cpu_device.h"

#include <utility>

#include "mil/blob/program_blobs.h"

namespace millwright::device {

namespace {

class CpuRequest final : public Request {
 public:
  CpuRequest(std::shared_ptr<cpu::CompiledFunction> function, std::span<Surface* const> inputs,
             std::span<Surface* const> outputs)
      : function_(std::move(function)) {
    for (Surface* surface : inputs) inputs_.push_back(surface->data());
    for (Surface* surface : outputs) outputs_.push_back(surface->data());
  }
  Status evaluate() override { return function_->run(inputs_, outputs_); }

 private:
  std::shared_ptr<cpu::CompiledFunction> function_;
  std::vector<void*> inputs_;
  std::vector<void*> outputs_;
};

// A result may have a size that is known since the function has been compiled.
std::vector<Port> typed_ports(const mil::Function& function, std::span<const mil::Type> types) {
  std::vector<Port> ports = output_ports(function);
  for (size_t i = 0; i < ports.size(); ++i) ports[i].type = types[i];
  return ports;
}

// Compiled code and its arena are resident from compile() on: loading only marks the executable as usable.
class CpuExecutable final : public Executable {
 public:
  CpuExecutable(const mil::Function& function, std::unique_ptr<cpu::CompiledFunction> compiled)
      : Executable(function.name(), input_ports(function), typed_ports(function, compiled->result_types())),
        function_(std::move(compiled)) {}

  Status load() override {
    loaded_ = true;
    return {};
  }
  Status unload() override {
    loaded_ = false;
    return {};
  }
  bool is_loaded() const override { return loaded_; }
  cpu::MemoryReport memory() const override { return function_->memory(); }
  std::vector<cpu::ProfileEntry> profile() const override { return function_->profile(); }

 private:
  Result<std::unique_ptr<Request>> make_request(std::span<Surface* const> inputs,
                                                std::span<Surface* const> outputs) override {
    return std::make_unique<CpuRequest>(function_, inputs, outputs);
  }

  std::shared_ptr<cpu::CompiledFunction> function_;  // requests keep it alive
  bool loaded_ = false;
};

}  // namespace

Result<std::unique_ptr<Executable>> CpuDevice::compile(const mil::Program& program, const CompileOptions& options) {
  MW_ASSIGN(const mil::Function* function, find_function(program, options.function));
  mil::Program alone;  // with its weights inline
  if (!options.weights.empty()) {
    alone.add_function(mil::clone(*function));
    mil::WeightFiles files = weight_files(options);
    MW_TRY(mil::load_blobs(alone, files));
    function = alone.functions()[0].get();
  }
  MW_ASSIGN(auto compiled, cpu::CompiledFunction::compile(*function, {.profile = options.profile}));
  return std::make_unique<CpuExecutable>(*function, std::move(compiled));
}

}  // namespace millwright::device
