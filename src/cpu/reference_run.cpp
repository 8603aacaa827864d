#include "cpu/reference_run.h"

#include <chrono>

#include "base/check.h"
#include "mil/interpreter/interpreter.h"

namespace millwright::cpu {

Result<FunctionRun> run_reference(const mil::Function& function, std::span<const mil::Literal> inputs, int64_t runs) {
  using Clock = std::chrono::steady_clock;
  MW_CHECK(runs > 0, "{} runs", runs);
  std::vector<mil::TensorValue> values;
  for (const mil::Literal& input : inputs) values.push_back(mil::to_value(input));
  FunctionRun report;
  for (int64_t run = 0; run < runs; ++run) {
    const Clock::time_point start = Clock::now();
    std::vector<mil::TensorValue> left = values;
    MW_ASSIGN(const std::vector<mil::TensorValue> results,
              mil::interpret_with_states(function, left, mil::Precision::declared));
    report.run_seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    if (run + 1 < runs) continue;
    for (const mil::TensorValue& result : results) report.results.push_back(mil::to_literal(result));
    for (size_t i = 0; i < left.size(); ++i) {
      if (is_state(function.inputs()[i]->type())) report.states.push_back(mil::to_literal(left[i]));
    }
  }
  return report;
}

}  // namespace millwright::cpu
