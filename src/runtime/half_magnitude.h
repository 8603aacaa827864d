// The largest magnitude in an array of fp16 numbers: the head-room of an engine's results.
#pragma once

#include <cstdint>
#include <span>

namespace millwright::runtime {

// Infinity where one is infinite, NaN where one is NaN.
float largest_magnitude(std::span<const uint16_t> halves);

}  // namespace millwright::runtime
