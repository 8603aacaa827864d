// How several values share one surface [1, C, 1, W] of the engine: each takes the channels behind the one before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::plan {

struct PackedValue {
  const mil::Value* value = nullptr;
  int64_t first_channel = 0;
  int64_t channels = 0;  // elements of the value over the width
};

struct PackedSurface {
  std::vector<PackedValue> values;
  int64_t channels = 0;
  int64_t width = 0;

  mil::Type type() const { return mil::Type::tensor(mil::ElementType::fp16, {1, channels, 1, width}); }
  // Null where it is not in it.
  const PackedValue* find(const mil::Value* value) const;
};

// Whether rows of so many fp16 numbers lie in a surface without gaps.
bool fills_rows(int64_t width);

// Fails where the last axes of the values differ in length or do not fill the engine's rows; `name` is that of the
// segment.
Result<PackedSurface> pack(std::span<const mil::Value* const> values, const std::string& name);

}  // namespace millwright::plan
