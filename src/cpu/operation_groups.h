// Groups: which operations become one kernel call. Elementwise operations of one shape that feed each other (or read
// the same values) are computed together, with one pass over memory; a reduction takes in the elementwise operations
// that only it uses.
#pragma once

#include <vector>

#include "mil/ir.h"

namespace millwright::cpu {

struct OperationGroup {
  // In program order. One operation of any kind; or elementwise operations of one shape; or elementwise operations
  // and, at the end, the reduction of their value.
  std::vector<const mil::Operation*> members;
};

// Every operation of the function once, in an order in which groups come after those whose values they read.
std::vector<OperationGroup> form_groups(const mil::Function& function);

// An ElementwiseProgram expresses it, with its element types.
bool is_elementwise(const mil::Operation& operation);
// The fused reduction kernel computes it: fp32, and a sum, mean, extreme or product.
bool is_fusible_reduction(const mil::Operation& operation);

}  // namespace millwright::cpu
