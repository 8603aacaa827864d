// Opsets: the names of the sets of operations that functions are written in, in the order of their age.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "mil/diagnostic.h"
#include "mil/ir.h"

namespace millwright::mil {

// The iOS version that first knew the opset: 18 for "ios18", "CoreML8" and "macos15". Nothing for a name of another
// form.
std::optional<int> opset_age(std::string_view opset);

// One warning for each operation that is newer than the opset of its function. No error: compilers are told to take
// some of them, and programs written by hand often say too old an opset.
std::vector<Diagnostic> newer_operations(const Program& program);

}  // namespace millwright::mil
