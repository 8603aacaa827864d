// How scatters combine an update with what is there, for elements of any type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "base/check.h"
#include "base/result.h"
#include "cpu/element_dispatch.h"
#include "cpu/view.h"
#include "mil/ir.h"

namespace millwright::cpu {

enum class ScatterMode : uint8_t { update, add, sub, mul, div, max, min };

// The type rule has made sure that it is one of them.
inline ScatterMode scatter_mode(std::string_view name) {
  if (name == "add") return ScatterMode::add;
  if (name == "sub") return ScatterMode::sub;
  if (name == "mul") return ScatterMode::mul;
  if (name == "div") return ScatterMode::div;
  if (name == "max") return ScatterMode::max;
  if (name == "min") return ScatterMode::min;
  return ScatterMode::update;
}

// Of integers: towards zero, and 0 where y is 0, as in the elementwise kernels; the least number has no opposite and
// stays as it is.
template <class T>
T scatter_quotient(T x, T y) {
  if constexpr (std::is_floating_point_v<T>) {
    return x / y;
  } else {
    if (y == 0) return 0;
    if (std::is_signed_v<T> && y == static_cast<T>(-1))
      return x == std::numeric_limits<T>::min() ? x : static_cast<T>(-x);
    return static_cast<T>(x / y);
  }
}

// Integers wrap around, which C++ defines for unsigned ones only.
template <class T>
T scattered(ScatterMode mode, T old, T update) {
  using Wide = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;
  switch (mode) {
    case ScatterMode::update:
      return update;
    case ScatterMode::add:
      return static_cast<T>(static_cast<Wide>(old) + static_cast<Wide>(update));
    case ScatterMode::sub:
      return static_cast<T>(static_cast<Wide>(old) - static_cast<Wide>(update));
    case ScatterMode::mul:
      return static_cast<T>(static_cast<Wide>(old) * static_cast<Wide>(update));
    case ScatterMode::div:
      return scatter_quotient(old, update);
    case ScatterMode::max:
      return std::max(old, update);
    case ScatterMode::min:
      return std::min(old, update);
  }
  return update;
}

// An error where elements are not combined: 8-bit floats. Those of 16 bits and booleans arrive widened.
Status check_scatter(const mil::Operation& operation, const View& updates);

// Calls body with a null pointer of the type in which elements are combined.
template <class Body>
void with_scattered_type(mil::ElementType element, const Body& body) {
  if (element == mil::ElementType::fp32) return body(static_cast<float*>(nullptr));
  if (element == mil::ElementType::fp64) return body(static_cast<double*>(nullptr));
  with_integer_type(element, body);
}

}  // namespace millwright::cpu
