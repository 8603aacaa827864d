// Programs as pictures: the graph of each function in Graphviz's DOT language.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mil/ir.h"

namespace millwright::mil {

struct GraphText {
  std::string dot;
  size_t nodes = 0;
};

// One cluster per function and per nested block; a box per operation with its kind, label and result types, an edge per
// use of a value. Constants are not drawn; inputs and results are ovals. Of `function` alone where it is not empty.
GraphText draw_graph(const Program& program, std::string_view function = {});

}  // namespace millwright::mil
