// Where a model message keeps the version of the MIL text it came from: the protobuf form has no field for it, but text
// of version 1.0 spells types in another way.
#pragma once

#include <string_view>

namespace millwright::mil {

// A key of the model's user-defined metadata.
inline constexpr std::string_view kMilVersionKey = "millwright.mil_version";

}  // namespace millwright::mil
