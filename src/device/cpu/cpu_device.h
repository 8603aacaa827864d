// The plain CPU as a device: the MIL executor (src/cpu) behind the device interface. No engine rules, no limits.
#pragma once

#include "device/device.h"

namespace millwright::device {

class CpuDevice final : public Device {
 public:
  static constexpr std::string_view kName = "cpu";

  std::string_view name() const override { return kName; }
  Result<std::unique_ptr<Executable>> compile(const mil::Program& program, const CompileOptions& options) override;
  Limits limits() const override { return {}; }
};

}  // namespace millwright::device
