#include "plan/placement.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace millwright::plan {
namespace {

constexpr std::string_view kGradientSuffix = ".grad";
constexpr std::string_view kLayers = "layers.";

std::string take_front(std::string_view& text) {
  const size_t dot = text.find('.');
  std::string front(text.substr(0, dot));
  text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  return front;
}

// Operations that serve the gradient of one parameter alone: nothing of the backward pass waits for them.
std::unordered_set<const mil::Operation*> parameter_gradients(const mil::Function& function) {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  constexpr size_t kSeveral = kNone - 1;
  std::unordered_map<const mil::Value*, size_t> result_numbers;
  for (size_t i = 0; i < function.results().size(); ++i) {
    const auto [known, is_new] = result_numbers.emplace(function.results()[i], i);
    if (!is_new) known->second = kSeveral;
  }
  std::vector<const mil::Operation*> operations;
  for (const auto& operation : function.block().operations()) operations.push_back(operation.get());
  std::unordered_map<const mil::Operation*, size_t> reached;  // the one result of the function that it serves
  std::unordered_set<const mil::Operation*> found;
  for (auto it = operations.rbegin(); it != operations.rend(); ++it) {
    size_t serves = kNone;
    const auto add = [&](size_t result) {
      if (result != kNone) serves = serves == kNone || serves == result ? result : kSeveral;
    };
    for (const auto& value : (*it)->results()) {
      const auto result = result_numbers.find(value.get());
      if (result != result_numbers.end()) add(result->second);
      for (const mil::Operation* user : value->users()) add(reached.at(user));
    }
    reached[*it] = serves;
    const bool is_gradient = serves != kNone && serves != kSeveral && serves != 0;  // result 0 is the loss
    if (is_gradient && !(*it)->is_const()) found.insert(*it);
  }
  return found;
}

}  // namespace

ModelPlace model_place(const mil::Operation& operation) {
  const std::string label = operation.label();
  std::string_view rest = label;
  ModelPlace place;
  if (rest.ends_with(kGradientSuffix)) {
    place.is_gradient = true;
    rest.remove_suffix(kGradientSuffix.size());
  }
  if (rest.starts_with(kLayers)) {
    take_front(rest);
    place.layer = std::string(kLayers) + take_front(rest);
  }
  place.part = take_front(rest);
  place.operation = std::string(rest);
  return place;
}

bool is_under(std::string_view operation, std::string_view label) {
  if (label.empty()) return true;
  if (!operation.starts_with(label)) return false;
  return operation.size() == label.size() || operation[label.size()] == '.';
}

Placements place(const mil::Function& function, const Pipeline& pipeline) {
  const auto gradients = parameter_gradients(function);
  Placements placements;
  for (const auto& operation : function.block().operations()) {
    if (operation->is_const()) continue;
    if (gradients.contains(operation.get())) {
      placements[operation.get()] = {"", "gradients of parameters are summed in fp32", true};
      continue;
    }
    const ModelPlace place = model_place(*operation);
    OperationPlacement placement{"", "the pipeline leaves it on the CPU", false};
    for (const SegmentRule& rule : pipeline.segments) {
      const bool fits = rule.part == place.part && rule.is_gradient == place.is_gradient &&
                        is_under(place.operation, rule.operations);
      if (!fits) continue;
      if (!rule.segment.empty()) {
        placement.segment =
            place.layer.empty() ? std::string(rule.segment) : place.layer + '.' + std::string(rule.segment);
        placement.reason = "matrix products and what stands between them";
      } else {
        placement.reason = rule.reason;
      }
      break;
    }
    placements[operation.get()] = std::move(placement);
  }
  return placements;
}

}  // namespace millwright::plan
