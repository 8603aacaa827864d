// Functions for inputs of certain sizes, made from functions whose inputs leave sizes open.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>

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
// `known` are values of the function, results of operations or inputs, which are these constants in the copy: what a
// run has found. An input stays an input, too.
using KnownValues = std::unordered_map<const Value*, Literal>;
Result<std::unique_ptr<Function>> specialize(const Function& function, std::span<const Type> input_types,
                                             const KnownValues& known = {});

// The first operation that has a result, or a nested block with an input, of open size; nothing where there is none.
const Operation* first_open_operation(const Function& function);

// An error that names the first operation, or else input, with an open size.
Status check_static(const Function& function);

}  // namespace millwright::mil
