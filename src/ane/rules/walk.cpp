#include "ane/rules/walk.h"

#include <fmt/format.h>

namespace millwright::ane {

std::string subject_of(const mil::Operation& operation) {
  std::string name = operation.label();
  if (name.empty() && !operation.results().empty()) name = operation.result()->name();
  return name.empty() ? std::string(operation.kind()) : fmt::format("{} ({})", name, operation.kind());
}

bool is_constant_kind(const mil::Operation& operation) {
  return operation.is_const() || operation.kind().starts_with("constexpr_");
}

bool is_constant(const mil::Value* value) {
  return value != nullptr && value->producer() != nullptr && is_constant_kind(*value->producer());
}

bool is_data(const mil::Type& type) { return type.is_tensor() && type.element() != mil::ElementType::string; }

int64_t width_of(const mil::Shape& shape) { return shape.empty() ? 1 : shape.back(); }

}  // namespace millwright::ane
