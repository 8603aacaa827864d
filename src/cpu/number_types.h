// From an element type to the C++ type that a plain kernel is instantiated with. After widen_elements these are all the
// types that a kernel meets, fp64 aside.
#pragma once

#include <cstdint>

#include "cpu/kernel_table.h"

namespace millwright::cpu {

// body(T{}) with int32_t, uint32_t, int64_t or uint64_t; an error for other types.
template <class Body>
Status with_integer(const mil::Operation& operation, mil::ElementType element, const Body& body) {
  switch (element) {
    case mil::ElementType::int32:
      return body(int32_t{});
    case mil::ElementType::uint32:
      return body(uint32_t{});
    case mil::ElementType::int64:
      return body(int64_t{});
    case mil::ElementType::uint64:
      return body(uint64_t{});
    default:
      return operation_error(operation, "the CPU executor has no kernel of this operation for {}",
                             mil::element_name(element));
  }
}

// The same with float in addition.
template <class Body>
Status with_number(const mil::Operation& operation, mil::ElementType element, const Body& body) {
  if (element == mil::ElementType::fp32) return body(float{});
  return with_integer(operation, element, body);
}

}  // namespace millwright::cpu
