// Backends by the names that users give: "cpu".
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "device/device.h"

namespace millwright::device {

Result<std::unique_ptr<Device>> open_device(std::string_view name);

}  // namespace millwright::device
