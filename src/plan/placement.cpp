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

// Operations that serve one result of the function alone, with the number of that result: nothing of the backward pass
// waits for them. Those of the loss, result 0, are left out.
std::unordered_map<const mil::Operation*, size_t> single_gradients(const mil::Function& function) {
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
  std::unordered_map<const mil::Operation*, size_t> found;
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
    const bool is_gradient = serves != kNone && serves != kSeveral && serves != 0;
    if (is_gradient && !(*it)->is_const()) found[*it] = serves;
  }
  return found;
}

// Where in the model the parameter of a gradient is used: the place of what computes it, behind its accumulation.
std::string scope_of(const mil::Value* gradient) {
  const mil::Operation* operation = gradient->producer();
  ModelPlace place = model_place(*operation);
  if (place.part == "gradients" && operation->operand("y") != nullptr &&
      operation->operand("y")->producer() != nullptr) {
    place = model_place(*operation->operand("y")->producer());
  }
  return place.layer + '.' + place.part;
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

std::string_view without_layer(std::string_view name) {
  return name.starts_with(kLayers) ? name.substr(name.find('.', kLayers.size()) + 1) : name;
}

bool is_under(std::string_view operation, std::string_view label) {
  if (label.empty()) return true;
  if (!operation.starts_with(label)) return false;
  return operation.size() == label.size() || operation[label.size()] == '.';
}

Placements place(const mil::Function& function, const Pipeline& pipeline) {
  const auto gradients = single_gradients(function);
  std::vector<std::string> scopes;  // by result
  for (const mil::Value* result : function.results()) scopes.push_back(scope_of(result));
  Placements placements;
  for (const auto& operation : function.block().operations()) {
    if (operation->is_const()) continue;
    const ModelPlace place = model_place(*operation);
    const auto gradient = gradients.find(operation.get());
    const bool is_deferrable = gradient != gradients.end();
    // Of a parameter of this scope, or its accumulation. The gradient of the first layer's activations serves the
    // embedding alone as well, but it is no product with a weight's input.
    if (is_deferrable && (place.part == "gradients" || scopes[gradient->second] == place.layer + '.' + place.part)) {
      placements[operation.get()] = {"", "gradients of parameters are summed in fp32", true};
      continue;
    }
    OperationPlacement placement{"", "the pipeline leaves it on the CPU", is_deferrable};
    for (const SegmentRule& rule : pipeline.segments) {
      const bool fits = rule.part == place.part && rule.is_gradient == place.is_gradient &&
                        is_under(place.operation, rule.operations) &&
                        (rule.kind.empty() || operation->kind() == rule.kind);
      if (!fits) continue;
      if (!rule.segment.empty()) {
        placement.is_deferrable = false;
        placement.segment =
            place.layer.empty() ? std::string(rule.segment) : place.layer + '.' + std::string(rule.segment);
      }
      placement.reason = rule.reason;
      break;
    }
    placements[operation.get()] = std::move(placement);
  }
  return placements;
}

}  // namespace millwright::plan
