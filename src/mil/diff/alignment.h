// Which operations of two blocks are one. Operations that compute the same or whose results serve the same are paired
// wherever they stand; what is left between them is aligned by Myers' algorithm.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mil/diff/fingerprints.h"

namespace millwright::mil {

// Positions in the two blocks, constants not counted.
struct OperationPair {
  uint32_t a = 0;
  uint32_t b = 0;
  bool moved = false;  // out of the order that the other pairs have

  bool operator==(const OperationPair&) const = default;
};

// Ascending in `a`; those that have not moved ascend in `b`, too. Every position stands in one pair at most. A pair
// says that two operations belong together, not that they are equal.
std::vector<OperationPair> align(std::span<const Fingerprint> a, std::span<const Fingerprint> b);

}  // namespace millwright::mil
