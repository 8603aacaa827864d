// Elementwise groups as kernel calls: each MIL kind as instructions of an ElementwiseProgram.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "cpu/lowering.h"

namespace millwright::cpu {

// Kinds that an ElementwiseProgram expresses.
bool has_elementwise_form(std::string_view kind);
std::vector<std::string_view> kinds_with_elementwise_forms();

// destination = source, cast to the destination's type; the two have one shape.
Status emit_cast(Lowering& lowering, const mil::Operation& operation, const View& source, const View& destination);

// One call that computes every member that is used outside the group, or the reduction at its end.
Status lower_elementwise_group(Lowering& lowering, const OperationGroup& group);

}  // namespace millwright::cpu
