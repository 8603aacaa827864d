// Parameters as constants of engine programs: fp16, in the orientation that the program multiplies by.
#pragma once

#include <span>

#include "mil/literal.h"
#include "mil/type.h"

namespace millwright::runtime {

// The fp32 master as a constant of `type` (fp16, as many elements), rounded to the nearest. With `rows` and `columns`
// of a transposed weight, the constant holds columns × rows; `rows` 0 keeps the order.
mil::Literal half_constant(std::span<const float> master, const mil::Type& type, int64_t rows = 0, int64_t columns = 0);

}  // namespace millwright::runtime
