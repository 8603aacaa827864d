// How far `fast` and `faithful` numerics are apart, operation by operation: one small program for each operation that
// the in-memory interface compiles, run in both. Shared by the tests and bench/numerics, which prints the table of
// docs/emulated-engine.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "device/emulated/engine_run.h"
#include "mil/ir.h"
#include "mil/literal.h"

namespace millwright::device {

// Why results of the two differ; each bounds the difference.
enum class Apart : uint8_t {
  nothing,   // equal bits: values are moved, compared or looked up
  rounding,  // one exact function, rounded from fp32 here and from fp64 there
  steps,     // several operations inside: rounded once here, after every step there, or the other way round
  sums,      // sums of four pass through fp16 (C56)
  table,     // read from 33 knots (C5B)
  not_run,   // neither computes it
};
std::string_view apart_name(Apart apart);

struct OperationProgram {
  std::string kind;
  Apart apart = Apart::nothing;
  double bound = 0;  // of Difference::units, or of Difference::absolute for tables
  double low = -2;   // of the inputs
  double high = 2;
  std::unique_ptr<mil::Function> function;
};
std::vector<OperationProgram> operation_programs();

// Random numbers between low and high; or, over and over, zeros, ones, the largest and smallest numbers, infinities and
// NaN.
std::vector<mil::Literal> random_inputs(const OperationProgram& program, uint64_t seed);
std::vector<mil::Literal> extreme_inputs(const OperationProgram& program);

// The first result in one kind of numerics, on an M4 without a compile budget.
Result<std::vector<double>> run_numerics(const OperationProgram& program, const std::vector<mil::Literal>& inputs,
                                         Numerics numerics);

struct Difference {
  double differing = 0;  // share of the elements
  double absolute = 0;   // the largest
  double units = 0;      // the same in fp16 units in the last place of the largest result
};
Difference difference_of(const std::vector<double>& fast, const std::vector<double>& faithful);

}  // namespace millwright::device
