#include "device/open_device.h"

#include "device/cpu/cpu_device.h"

namespace millwright::device {

Result<std::unique_ptr<Device>> open_device(std::string_view name) {
  if (name == CpuDevice::kName) return std::make_unique<CpuDevice>();
  return fail("unknown device \"{}\"; expected {}", name, CpuDevice::kName);
}

}  // namespace millwright::device
