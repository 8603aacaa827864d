#include "plan/placeholder_weights.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "mil/bind_constants.h"

namespace millwright::plan {

std::unique_ptr<mil::Function> with_placeholder_weights(const PlannedProgram& program) {
  const mil::Function* function = program.program->function(program.function);
  MW_CHECK(function != nullptr, "program {} has no function {}", program.name, program.function);
  std::vector<std::pair<size_t, mil::Literal>> constants;
  uint64_t offset = 64;
  for (const ProgramWeight& weight : program.weights) {
    const mil::Type& type = function->inputs().at(weight.input)->type();
    constants.emplace_back(weight.input, mil::Literal::blob(type, {"@model_path/weights/weight.bin", offset}));
    offset += static_cast<uint64_t>(type.bytes()) + 64;
  }
  return mil::bind_constants(*function, constants);
}

}  // namespace millwright::plan
