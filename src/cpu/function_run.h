// Runs one function once or several times on constants: what a person at a command line wants of the executor. Owns the
// memory of inputs and results; training and generation keep their own (src/runtime).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "cpu/executor.h"
#include "mil/ir.h"
#include "mil/literal.h"

namespace millwright::cpu {

struct FunctionRun {
  std::vector<mil::Literal> results;  // of the last run, in order
  std::vector<mil::Literal> states;   // what the last run left in the inputs that are states, in the order of these
  double compile_seconds = 0;
  std::vector<double> run_seconds;
  MemoryReport memory;
};

// Whether this machine has the memory for the inputs and results of a run, which are there twice: as arrays and as what
// the function reads and writes. The error says how much they take.
Status check_memory(const mil::Function& function);

// `inputs` in order, held inline and of the declared types, for a state of the tensor inside. Every run begins with
// them, also where a result aliases an input or the function writes to a state.
Result<FunctionRun> run_function(const mil::Function& function, std::span<const mil::Literal> inputs, int64_t runs);

// A state as a function finds it the first time: all zeros. An error for a tensor without numbers or of unknown size.
Result<mil::Literal> initial_state(const mil::Type& type);

// A tensor to try a function on: floating-point elements from a normal distribution, integers and booleans 0 or 1,
// which are valid as indices of most programs. One seed and stream give the same numbers everywhere.
Result<mil::Literal> random_input(const mil::Type& type, uint64_t seed, uint64_t stream);

struct Deviation {
  double largest = 0;  // of |found − expected| / max(1, |expected|); infinite where one is NaN or infinite alone
  int64_t index = 0;   // where, rows first
  double found = 0;    // the numbers there
  double expected = 0;
};

// Of two tensors of one shape, whatever their element types; an error for other shapes.
Result<Deviation> deviation(const mil::Literal& found, const mil::Literal& expected);

}  // namespace millwright::cpu
