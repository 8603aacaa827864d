// The function attribute FlexibleShapeInformation: which sizes inputs of unknown shape may have, as Apple's compiler
// writes it from a model's description (docs/mil-format.md).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::mil {

inline constexpr std::string_view kFlexibleShapes = "FlexibleShapeInformation";

// What it says of one input; parts that it does not have, or that make no sense, are empty.
struct FlexibleShape {
  Shape default_shape;
  std::vector<Shape> shapes;    // all that it may have, where they are counted up
  std::vector<int64_t> ranges;  // else lower and upper bound of each axis; −1: without upper bound

  bool operator==(const FlexibleShape&) const = default;
};

FlexibleShape flexible_shape(const Function& function, std::string_view input);

// Whether an input may have this shape; the error says what was expected of which axis. Without shapes and ranges, all
// may be.
Status check_shape(const FlexibleShape& allowed, const Shape& shape);

// The attribute for these inputs of a function, in their order. Inputs with `shapes` and such with `ranges` do not mix
// in one function; of both kinds it keeps the ranges.
Attribute flexible_shapes_attribute(const std::vector<std::pair<std::string, FlexibleShape>>& inputs);

}  // namespace millwright::mil
