// Numbers to try a function on, where not every number will do: which inputs are indices, and of how many elements, and
// which are bounds of slices.
#pragma once

#include <cstdint>
#include <optional>

#include "mil/ir.h"

namespace millwright::mil {

// The fewest elements that the numbers of `value`, moved and cast at most, choose among as indices of gathers, scatters
// and one_hot. Nothing where they are no indices, or the sizes are not known.
std::optional<int64_t> index_bound(const Value& value);

// Numbers for a value which is `begin`, `end` or `size` of slices, or part of it: those that cut regions of the sizes
// that the types declare, from the start of each axis. Nothing where it is no such value.
std::optional<Literal> region_bounds(const Value& value);

// Whole numbers from 0 to bound − 1, as far as the element type holds them all exactly. The type is a tensor of numbers
// of known size. One seed and stream give the same numbers everywhere.
Literal random_indices(const Type& type, int64_t bound, uint64_t seed, uint64_t stream);

}  // namespace millwright::mil
