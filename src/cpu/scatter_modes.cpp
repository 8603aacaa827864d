#include "cpu/scatter_modes.h"

#include "cpu/kernel_table.h"
#include "mil/parameters.h"

namespace millwright::cpu {

Status check_scatter(const mil::Operation& operation, const View& updates, ScatterMode mode) {
  if (updates.element == mil::ElementType::boolean && mode != ScatterMode::update) {
    return operation_error(operation, "mode {} of bool; expected update", mil::text(operation, "mode"));
  }
  if (mil::is_floating(updates.element) && updates.element != mil::ElementType::fp64) {
    return expect_element(operation, updates, mil::ElementType::fp32);
  }
  return {};
}

}  // namespace millwright::cpu
