#include "device/open_device.h"

#include <utility>

#include "ane/chip_profile.h"
#include "device/cpu/cpu_device.h"
#include "device/emulated/emulated_device.h"

namespace millwright::device {
namespace {

constexpr std::string_view kNames[] = {CpuDevice::kName, EmulatedDevice::kName};

}  // namespace

std::span<const std::string_view> device_names() { return kNames; }

Result<std::unique_ptr<Device>> open_device(std::string_view name, const DeviceOptions& options) {
  if (name == CpuDevice::kName) return std::make_unique<CpuDevice>();
  if (name == EmulatedDevice::kName) {
    MW_ASSIGN(ane::ChipProfile profile,
              options.profile.empty() ? ane::find_profile(options.chip) : ane::read_profile(options.profile));
    return std::make_unique<EmulatedDevice>(EmulatedOptions{.profile = std::move(profile),
                                                            .numerics = options.numerics,
                                                            .strict = options.strict,
                                                            .arithmetic = options.arithmetic,
                                                            .faults = options.faults,
                                                            .process = nullptr});
  }
  return fail("unknown device \"{}\"; expected {}", name, fmt::join(kNames, " or "));
}

}  // namespace millwright::device
