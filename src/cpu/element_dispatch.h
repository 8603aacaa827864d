// From an element type known when a function is compiled to code for the C++ type that holds its elements: for kernels
// that compare, count or combine elements of any type.
#pragma once

#include <cstdint>

#include "base/check.h"
#include "base/half.h"
#include "mil/type.h"

namespace millwright::cpu {

// Calls body with a null pointer of the type that holds one integer (or boolean); sub-byte integers take a byte.
template <class Body>
decltype(auto) with_integer_type(mil::ElementType element, const Body& body) {
  const bool is_signed = mil::is_signed_integer(element);
  switch (mil::element_bytes(element)) {
    case 1:
      return is_signed ? body(static_cast<int8_t*>(nullptr)) : body(static_cast<uint8_t*>(nullptr));
    case 2:
      return is_signed ? body(static_cast<int16_t*>(nullptr)) : body(static_cast<uint16_t*>(nullptr));
    case 4:
      return is_signed ? body(static_cast<int32_t*>(nullptr)) : body(static_cast<uint32_t*>(nullptr));
    default:
      return is_signed ? body(static_cast<int64_t*>(nullptr)) : body(static_cast<uint64_t*>(nullptr));
  }
}

// Numbers that kernels of every type take: integers, booleans, and all floating types but the 8-bit ones.
constexpr bool has_number_type(mil::ElementType element) {
  return element != mil::ElementType::string && element != mil::ElementType::fp8e4m3fn &&
         element != mil::ElementType::fp8e5m2;
}

// The same for floating types too, with Half and BFloat16 for the 16-bit ones.
template <class Body>
decltype(auto) with_number_type(mil::ElementType element, const Body& body) {
  MW_CHECK(has_number_type(element), "no number type for {}", mil::element_name(element));
  switch (element) {
    case mil::ElementType::fp16:
      return body(static_cast<Half*>(nullptr));
    case mil::ElementType::bf16:
      return body(static_cast<BFloat16*>(nullptr));
    case mil::ElementType::fp32:
      return body(static_cast<float*>(nullptr));
    case mil::ElementType::fp64:
      return body(static_cast<double*>(nullptr));
    default:
      return with_integer_type(element, body);
  }
}

}  // namespace millwright::cpu
