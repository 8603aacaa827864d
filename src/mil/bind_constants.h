// A function with some of its inputs fixed: weights that a device wants to have as constants.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "mil/ir.h"

namespace millwright::mil {

// A copy in which inputs are constants: `constants` names them by their number, with literals of their types. The other
// inputs keep their order.
std::unique_ptr<Function> bind_constants(const Function& function,
                                         std::span<const std::pair<size_t, Literal>> constants);

}  // namespace millwright::mil
