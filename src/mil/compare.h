// Equality of programs: same functions, names, types, operations in the same order, literals bit by bit.
// Operands and attributes are named, so their order does not count; nor do places in the text.
#pragma once

#include <optional>
#include <string>

#include "mil/ir.h"

namespace millwright::mil {

bool equal(const Program& a, const Program& b);
bool equal(const Function& a, const Function& b);

// Where the first difference is, in one line such as "function main, operation 3 (add): operand y"; nothing when equal.
std::optional<std::string> first_difference(const Program& a, const Program& b);
std::optional<std::string> first_difference(const Function& a, const Function& b);

}  // namespace millwright::mil
