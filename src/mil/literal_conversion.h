// The numbers of one tensor with another element type.
#pragma once

#include "base/result.h"
#include "mil/literal.h"

namespace millwright::mil {

struct ConvertedLiteral {
  Literal literal;
  bool is_rounded = false;  // some number became the nearest of the new type
};

// Of a tensor of numbers or bool held inline. Between floating-point types numbers are rounded to the nearest; every
// other conversion must keep each number exactly. Fails, naming the first element that cannot be kept, also where a
// finite number would become infinite.
Result<ConvertedLiteral> convert(const Literal& tensor, ElementType element);

}  // namespace millwright::mil
