// The differences of two functions, operation by operation.
#pragma once

#include <vector>

#include "mil/diff.h"
#include "mil/diff/literal_contents.h"

namespace millwright::mil {

// Inputs are paired by their order or, where that gives fewer differences, by their names: text by Apple's compiler has
// them in alphabetical order, other text has not.
std::vector<Difference> compare_functions(const Function& a, const LiteralContents& a_contents, const Function& b,
                                          const LiteralContents& b_contents);

}  // namespace millwright::mil
