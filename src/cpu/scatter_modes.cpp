#include "cpu/scatter_modes.h"

#include "cpu/kernel_table.h"

namespace millwright::cpu {

Status check_scatter(const mil::Operation& operation, const View& updates) {
  if (mil::is_floating(updates.element) && updates.element != mil::ElementType::fp64) {
    return expect_element(operation, updates, mil::ElementType::fp32);
  }
  return {};
}

}  // namespace millwright::cpu
