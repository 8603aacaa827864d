// Reverse-mode differentiation of a MIL function: the backward pass as further operations of the same function.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::autodiff {

// Appends the operations that compute the gradient of `loss`, a floating tensor of one element, with respect to each of
// `wrt`. Gradient i has the type of wrt[i]; it is zeros where the loss does not depend on wrt[i],
// and has no elements where wrt[i] has none. Contributions to one
// value are added in a fixed order. A gradient may be a value that was there before, or serve two of `wrt`. The new
// operations carry the label of their forward operation with ".grad" behind.
// Fails, naming the operation, where one on the way has no rule or a shape that is not static; the function is then
// left as it was.
Result<std::vector<mil::Value*>> differentiate(mil::Function& function, mil::Value* loss,
                                               std::span<mil::Value* const> wrt);

// The kinds of operation that have a gradient rule, sorted.
std::vector<std::string_view> differentiable_kinds();

}  // namespace millwright::autodiff
