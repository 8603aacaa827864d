// Checks that a program means something: every name defined once and before its uses, operands and types as the
// registry says, results and aliases in order. What parses may still fail here; what passes can be executed.
#pragma once

#include <vector>

#include "mil/diagnostic.h"
#include "mil/ir.h"

namespace millwright::mil {

// The first error, naming line and operation, and how many follow.
Status verify(const Program& program);
Status verify(const Function& function);

// All errors, in the order of the text.
std::vector<Diagnostic> verify_all(const Program& program);
std::vector<Diagnostic> verify_all(const Function& function);

}  // namespace millwright::mil
