#include "mil/labels.h"

#include <algorithm>

namespace millwright::mil {

std::vector<std::string> replace_labels(Function& function) {
  std::vector<std::string> gone;
  std::vector<Value*> results;
  std::vector<const Operation*> classifiers;
  for (Value* result : function.results()) {
    Operation* const producer = result->producer();
    Value* const probabilities =
        producer != nullptr && producer->kind() == "classify" ? producer->operand("probabilities") : nullptr;
    if (probabilities == nullptr) {
      results.push_back(result);
      continue;
    }
    gone.push_back(result->name());
    if (std::ranges::find(classifiers, producer) != classifiers.end()) continue;
    classifiers.push_back(producer);
    const bool is_result = std::ranges::find(function.results(), probabilities) != function.results().end();
    if (!is_result) results.push_back(probabilities);
  }
  if (gone.empty()) return gone;
  function.block().set_results(std::move(results));
  remove_dead_operations(function);
  return gone;
}

}  // namespace millwright::mil
