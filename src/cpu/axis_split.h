// A dense tensor seen from one of its axes: [outer, axis, inner].
#pragma once

#include <cstdint>

#include "mil/type.h"

namespace millwright::cpu {

struct AxisSplit {
  int64_t outer = 1;
  int64_t axis = 1;
  int64_t inner = 1;
};

inline AxisSplit split_at(const mil::Shape& shape, int64_t axis) {
  AxisSplit split;
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    const int64_t size = shape[static_cast<size_t>(i)];
    (i < axis ? split.outer : (i == axis ? split.axis : split.inner)) *= size;
  }
  return split;
}

}  // namespace millwright::cpu
