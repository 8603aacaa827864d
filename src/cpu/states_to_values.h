// States as values: a function whose inputs are states becomes one that takes their tensors and returns what it leaves
// in them. Reads and writes are ordered by position; afterwards the order of values is all that counts, so that every
// pass and the memory plan may treat a state like any other tensor, and update it in place.
#pragma once

#include <memory>
#include <vector>

#include "mil/ir.h"

namespace millwright::cpu {

struct StatelessFunction {
  std::unique_ptr<mil::Function> function;
  // Behind the results of the original stand the last values of the states that it writes; these are their inputs.
  std::vector<int> written_to;
};

// A copy of the function, with states replaced. It has no blocks in its operations.
StatelessFunction states_to_values(const mil::Function& function);

}  // namespace millwright::cpu
