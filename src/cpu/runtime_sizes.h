// Functions whose sizes hang on the numbers that they are given: non_zero, range_1d, slices and reshapes by computed
// bounds. The executor plans its memory for known sizes, so the part of the function that a size hangs on is run first.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "mil/ir.h"
#include "mil/literal.h"

namespace millwright::cpu {

struct SettledFunction {
  std::unique_ptr<mil::Function> function;
  size_t settled = 0;  // operations whose result size was found by running what stands before them
};

// The function for exactly these inputs (in order, of its declared types, which must be known): what decided sizes is a
// constant in it, and every size is known. Fails, naming the operation, where an operation's size stays open or what
// stands before it cannot run.
Result<SettledFunction> settle_sizes(const mil::Function& function, std::span<const mil::Literal> inputs);

}  // namespace millwright::cpu
