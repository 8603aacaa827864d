// Reading an operation's compile-time parameters with the registry's defaults: `integers(op, "axes")`.
// Each MW_CHECKs that the parameter is a constant of a fitting type; the verifier has made sure of that before.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mil/ir.h"

namespace millwright::mil {

// The explicit constant, else the registry's default, else nothing.
const Literal* find_parameter(const Operation& operation, std::string_view name);

bool flag(const Operation& operation, std::string_view name);
int64_t integer(const Operation& operation, std::string_view name);
double number(const Operation& operation, std::string_view name);
std::string text(const Operation& operation, std::string_view name);
std::vector<int64_t> integers(const Operation& operation, std::string_view name);  // empty when absent
std::vector<bool> flags(const Operation& operation, std::string_view name);        // empty when absent

// An axis parameter counted from the front: −1 becomes rank − 1.
int64_t axis_of(const Operation& operation, std::string_view name, int64_t rank);
// A reduction's axes, sorted and counted from the front; all of them when the parameter is absent or empty.
std::vector<int64_t> reduction_axes(const Operation& operation, int64_t rank);

// slice_by_index and slice_update with constant bounds, resolved per axis: `begin`, `size` elements, `stride` (may be
// negative); `squeezed` axes have size 1 and are dropped from the result.
struct SliceAxis {
  int64_t begin = 0;
  int64_t size = 0;
  int64_t stride = 1;
  bool squeezed = false;
};
// Nothing when begin or end is only known at run time.
std::optional<std::vector<SliceAxis>> slice_axes(const Operation& operation, const Shape& sliced);

}  // namespace millwright::mil
