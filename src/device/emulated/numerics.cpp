#include "device/emulated/numerics.h"

#include <utility>

#include "device/emulated/faithful_runner.h"

namespace millwright::device {
namespace {

class FastRunner final : public EngineRunner {
 public:
  explicit FastRunner(std::unique_ptr<cpu::CompiledFunction> function) : function_(std::move(function)) {}

  Status run(std::span<void* const> inputs, std::span<void* const> outputs) override {
    return function_->run(inputs, outputs);
  }
  cpu::MemoryReport memory() const override { return function_->memory(); }
  std::vector<cpu::ProfileEntry> profile() const override { return function_->profile(); }

 private:
  std::unique_ptr<cpu::CompiledFunction> function_;
};

constexpr std::pair<std::string_view, Numerics> kNames[] = {{"fast", Numerics::fast}, {"faithful", Numerics::faithful}};

}  // namespace

std::string_view numerics_name(Numerics numerics) {
  for (const auto& [name, value] : kNames) {
    if (value == numerics) return name;
  }
  return "";
}

Result<Numerics> numerics_from_name(std::string_view name) {
  for (const auto& [known, value] : kNames) {
    if (known == name) return value;
  }
  return fail("unknown numerics \"{}\"; expected fast or faithful", name);
}

Result<std::unique_ptr<EngineRunner>> make_runner(const mil::Function& function, const ane::ChipProfile& profile,
                                                  Numerics numerics, bool profiled) {
  if (numerics == Numerics::faithful) return make_faithful_runner(function, profile.numerics);
  if (profile.numerics.partial_product_limit.value_or(false)) {
    return fail(
        "{}: the profile {} limits partial sums (numerics.partial_product_limit); only faithful numerics do that",
        function.name(), profile.name);
  }
  MW_ASSIGN(auto compiled, cpu::CompiledFunction::compile(function, {.profile = profiled}));
  return std::make_unique<FastRunner>(std::move(compiled));
}

}  // namespace millwright::device
