#include "runtime/phase.h"

#include <array>

#include "plan/placement.h"

namespace millwright::runtime {

namespace {

constexpr std::array<std::string_view, kPhases> kPhaseNames = {
    "engine", "staging", "classifier", "norms", "products", "elementwise", "weight gradients", "optimizer", "weights"};

}  // namespace

std::string_view phase_name(Phase phase) { return kPhaseNames[static_cast<size_t>(phase)]; }

bool is_free(const mil::Operation& operation) {
  const auto& kind = operation.kind();
  return operation.is_const() || kind == "reshape" || kind == "squeeze" || kind == "expand_dims";
}

bool is_product(const mil::Operation& operation) { return operation.kind() == "matmul" || operation.kind() == "conv"; }

Phase phase_of(const mil::Operation& operation, bool is_gradients) {
  const plan::ModelPlace place = plan::model_place(operation);
  if (operation.label().starts_with("stage") || operation.label() == "unpack" || operation.label() == "widen") {
    return Phase::staging;
  }
  if (is_gradients) return Phase::weight_gradients;
  if (plan::is_under(place.operation, "norm")) return Phase::norms;
  if (place.part == "classifier" || place.part == "loss") return Phase::classifier;
  return is_product(operation) ? Phase::products : Phase::elementwise;
}

std::string phases_of(const mil::Function& function, bool is_gradients) {
  std::array<bool, kPhases> found{};
  for (const auto& operation : function.block().operations()) {
    if (!is_free(*operation)) found[static_cast<size_t>(phase_of(*operation, is_gradients))] = true;
  }
  std::string names;
  for (size_t i = 0; i < kPhases; ++i) {
    if (!found[i]) continue;
    if (!names.empty()) names += ", ";
    names += kPhaseNames[i];
  }
  return names;
}

}  // namespace millwright::runtime
