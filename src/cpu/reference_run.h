// Runs a function in the reference interpreter and reports it as a run of the executor: for operations without a
// kernel, and as something to compare the executor with. Slow; integers are exact up to 2^53.
#pragma once

#include <cstdint>
#include <span>

#include "cpu/function_run.h"

namespace millwright::cpu {

// As run_function(), but for functions with sizes that are known at run time only, too. There is no memory to report.
Result<FunctionRun> run_reference(const mil::Function& function, std::span<const mil::Literal> inputs, int64_t runs);

}  // namespace millwright::cpu
