// Backends by the names that users give: "cpu" and "emulated".
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "device/device.h"
#include "device/emulated/engine_faults.h"
#include "device/emulated/numerics.h"

namespace millwright::device {

// What the emulated engine is asked to be; the cpu device takes none of it.
struct DeviceOptions {
  std::string chip = "m4";  // a built-in profile, with variants: "m4+macos26"
  Path profile = {};        // a file that describes the chip instead, where it is not empty
  Numerics numerics = Numerics::fast;
  bool strict = false;  // what the engine silently gets wrong is an error
  Arithmetic arithmetic = Arithmetic::done;
  EngineFaults faults = {};
};

std::span<const std::string_view> device_names();
Result<std::unique_ptr<Device>> open_device(std::string_view name, const DeviceOptions& options = {});

}  // namespace millwright::device
