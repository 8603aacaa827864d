// What a program costs, counted from its types alone: operations by kind, floating-point operations, memory traffic,
// parameters and the peak of its intermediate values. Nothing is executed, and weights need not be loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mil/ir.h"

namespace millwright::mil {

struct KindStatistics {
  std::string kind;
  int64_t count = 0;
  double flops = 0;
  double bytes = 0;
};

struct FunctionStatistics {
  std::string name;
  std::string opset;
  int64_t operations = 0;  // nested blocks included, constants not
  int64_t constants = 0;
  // Elements of floating-point constants; compressed ones count as what they stand for.
  int64_t parameters = 0;
  // Of all numeric constants as stored; elements below a byte are packed.
  int64_t constant_bytes = 0;
  int64_t input_bytes = 0;
  int64_t output_bytes = 0;
  // Products count 2·m·n·k, elementwise operations one per result element, reductions and pooling one per element read.
  // Moving data counts none. Nested blocks count once: how often they run is not known.
  double flops = 0;
  double bytes = 0;  // operands read plus results written, of every operation that is no constant
  // Most bytes that inputs, states and intermediate values take together, in the order of the text, each value until
  // its last use; views count as copies.
  int64_t peak_bytes = 0;
  // Operations with an unknown dimension in an operand or result: they have no flops and bytes, and these results no
  // memory.
  int64_t unknown_shapes = 0;
  std::vector<KindStatistics> kinds;  // without constants; most flops first, then most bytes, then by name
};

FunctionStatistics statistics(const Function& function);
std::vector<FunctionStatistics> statistics(const Program& program);

// Floating-point operations of one operation whose shapes are static.
double flops_of(const Operation& operation);

}  // namespace millwright::mil
