// Programs as pictures: the graph of each function in Graphviz's DOT language.
#pragma once

#include <string>

#include "mil/ir.h"

namespace millwright::mil {

// One cluster per function and per nested block; a box per operation with its kind, label and result types, an edge per
// use of a value. Constants are not drawn; inputs and results are ovals.
std::string dot_text(const Program& program);

}  // namespace millwright::mil
