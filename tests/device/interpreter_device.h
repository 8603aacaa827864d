// A device for tests only: it runs programs with the reference interpreter. What runs on it and on the cpu device must
// agree.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "device/device.h"
#include "mil/interpreter/interpreter.h"
#include "mil/literal.h"

namespace millwright::device {

class InterpreterDevice final : public Device {
 public:
  std::string_view name() const override { return "interpreter"; }
  Limits limits() const override { return {}; }

  Result<std::unique_ptr<Executable>> compile(const mil::Program& program, const CompileOptions& options) override {
    MW_ASSIGN(const mil::Function* function, find_function(program, options.function));
    return std::make_unique<InterpretedExecutable>(mil::clone(*function));
  }

 private:
  class InterpretedRequest final : public Request {
   public:
    InterpretedRequest(std::shared_ptr<const mil::Function> function, std::span<Surface* const> inputs,
                       std::span<Surface* const> outputs)
        : function_(std::move(function)) {
      for (Surface* surface : inputs) inputs_.push_back(Surface::view(surface->type(), surface->data()));
      for (Surface* surface : outputs) outputs_.push_back(Surface::view(surface->type(), surface->data()));
    }
    Status evaluate() override {
      std::vector<mil::TensorValue> values;
      for (const Surface& surface : inputs_) values.push_back(load(surface));
      MW_ASSIGN(const auto results, mil::interpret_with_states(*function_, values, mil::Precision::declared));
      for (size_t i = 0; i < results.size(); ++i) store(results[i], outputs_[i]);
      for (size_t i = 0; i < values.size(); ++i) {
        if (function_->inputs()[i]->type().kind() == mil::Type::Kind::state) store(values[i], inputs_[i]);
      }
      return {};
    }

   private:
    static mil::TensorValue load(const Surface& surface) {
      const mil::ElementType element = surface.type().element();
      mil::TensorValue value{surface.type(), std::vector<double>(static_cast<size_t>(surface.type().count()))};
      const std::byte* source = surface.data();
      for (double& number : value.numbers) {
        number = mil::is_floating(element) ? mil::load_number(element, source)
                                           : static_cast<double>(mil::load_integer(element, source));
        source += mil::element_bytes(element);
      }
      return value;
    }
    static void store(const mil::TensorValue& value, Surface& surface) {
      const mil::ElementType element = surface.type().element();
      std::byte* destination = surface.data();
      for (const double number : value.numbers) {
        if (mil::is_floating(element)) {
          mil::store_number(element, number, destination);
        } else {
          mil::store_integer(element, static_cast<int64_t>(number), destination);
        }
        destination += mil::element_bytes(element);
      }
    }

    std::shared_ptr<const mil::Function> function_;
    std::vector<Surface> inputs_;
    std::vector<Surface> outputs_;
  };

  class InterpretedExecutable final : public Executable {
   public:
    explicit InterpretedExecutable(std::unique_ptr<mil::Function> function)
        : Executable(function->name(), input_ports(*function), output_ports(*function)),
          function_(std::move(function)) {}
    Status load() override {
      loaded_ = true;
      return {};
    }
    Status unload() override {
      loaded_ = false;
      return {};
    }
    bool is_loaded() const override { return loaded_; }
    cpu::MemoryReport memory() const override { return {}; }
    std::vector<cpu::ProfileEntry> profile() const override { return {}; }

   private:
    Result<std::unique_ptr<Request>> make_request(std::span<Surface* const> inputs,
                                                  std::span<Surface* const> outputs) override {
      return std::make_unique<InterpretedRequest>(function_, inputs, outputs);
    }
    std::shared_ptr<const mil::Function> function_;
    bool loaded_ = false;
  };
};

}  // namespace millwright::device
