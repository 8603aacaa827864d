// Functions for inputs of certain sizes, made from functions whose inputs leave sizes open.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::mil {

// Whether the types of all inputs and results, also in nested blocks, say every size.
bool is_static(const Function& function);

// A copy of the function, which must be verified, for inputs of these types, in order. Every type is inferred anew;
// what is computed from `shape` operations alone becomes constants, so that reshapes and slices by them get sizes of
// their own, and so do results whose size depends on constants (non_zero). Operations that are left without a use go;
// so does FlexibleShapeInformation. Sizes that depend on run-time data stay open. Fails, naming the input or operation,
// where the types do not fit.
Result<std::unique_ptr<Function>> specialize(const Function& function, std::span<const Type> input_types);

// An error that names the first operation, or else input, with an open size.
Status check_static(const Function& function);

}  // namespace millwright::mil
