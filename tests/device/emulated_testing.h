// Emulated engines of their own for tests: nothing is shared between two of them, and any fact of the profile can
// change.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "ane/chip_profile.h"
#include "base/half.h"
#include "device/emulated/emulated_device.h"
#include "device/functions.h"
#include "device/surface.h"
#include "mil/builder.h"

namespace millwright::device {

inline ane::ChipProfile profile_of(std::string_view name, const std::function<void(ane::ChipProfile&)>& change = {}) {
  auto profile = ane::find_profile(name);
  EXPECT_TRUE(profile.has_value()) << profile.error().message;
  if (change) change(*profile);
  return *profile;
}

// A device with a process of its own; M4 unless said otherwise.
class Engine {
 public:
  explicit Engine(const std::function<void(ane::ChipProfile&)>& change = {}, std::string_view chip = "m4",
                  Numerics numerics = Numerics::fast)
      : Engine(EmulatedOptions{.profile = profile_of(chip, change), .numerics = numerics}) {}
  // Its process is made anew, on `machine` where one is given.
  explicit Engine(EmulatedOptions options, std::shared_ptr<EngineMachine> machine = nullptr)
      : process_(std::make_shared<EngineProcess>(limits_of(options.profile, options.faults), std::move(machine))),
        device_(with_process(std::move(options))) {}

  EmulatedDevice& device() { return device_; }
  EngineProcess& process() { return *process_; }

  Result<std::unique_ptr<Executable>> compiled(std::unique_ptr<mil::Function> function) {
    return device_.compile(program_of(std::move(function)), {});
  }
  std::unique_ptr<Executable> loaded(std::unique_ptr<mil::Function> function) {
    auto executable = compiled(std::move(function));
    EXPECT_TRUE(executable.has_value()) << executable.error().message;
    const Status status = (*executable)->load();
    EXPECT_TRUE(status.has_value()) << status.error().message;
    return std::move(*executable);
  }

 private:
  EmulatedOptions with_process(EmulatedOptions options) const {
    options.process = process_;
    return options;
  }

  std::shared_ptr<EngineProcess> process_;
  EmulatedDevice device_;
};

inline Status evaluate(Executable& executable, std::vector<const Surface*> inputs, std::vector<Surface*> outputs) {
  std::vector<Surface*> bound;
  for (const Surface* input : inputs) bound.push_back(const_cast<Surface*>(input));  // never written
  MW_ASSIGN(const auto request, executable.bind(bound, outputs));
  return request->evaluate();
}

inline float half_at(const Surface& surface, size_t index) {
  return half_bits_to_float(reinterpret_cast<const uint16_t*>(surface.data())[index]);
}
inline void set_half(Surface& surface, size_t index, float value) {
  reinterpret_cast<uint16_t*>(surface.data())[index] = float_to_half_bits(value);
}
inline Surface filled_halves(mil::Shape shape, float value) {
  Surface surface = *Surface::allocate(mil::Type::tensor(mil::ElementType::fp16, std::move(shape)));
  for (size_t i = 0; i < surface.bytes() / 2; ++i) set_half(surface, i, value);
  return surface;
}

}  // namespace millwright::device
