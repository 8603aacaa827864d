#include "runtime/half_magnitude.h"

#include <algorithm>

#include "base/half.h"

namespace millwright::runtime {

// Without the sign, fp16 bit patterns are ordered as the magnitudes are, with infinity and then NaN behind them.
float largest_magnitude(std::span<const uint16_t> halves) {
  uint16_t largest = 0;
  for (const uint16_t bits : halves) largest = std::max(largest, static_cast<uint16_t>(bits & 0x7fff));
  return half_bits_to_float(largest);
}

}  // namespace millwright::runtime
