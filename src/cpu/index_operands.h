// Operands that index: MIL takes any integer type, the kernels int32. Every index is checked before it is used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cpu/lowering.h"

namespace millwright::cpu {

// The operand row-major as int32. A number beyond int32 becomes the nearest one that is, which no axis has.
Result<View> int32_operand(Lowering& lowering, const mil::Operation& operation, std::string_view name);

// Fails with `where` and the first index outside [-size, size) of the axis.
Status check_indices(const std::string& where, const int32_t* indices, int64_t count, int64_t size, int64_t axis);

}  // namespace millwright::cpu
