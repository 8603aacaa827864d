// Classes of service: with what urgency the engine's queue takes a request. The numbers are those of its interface
// (`evaluateWithQoS:`); any other number counts as standard.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace millwright::ane {

enum class Qos : uint8_t {
  real_time = 0,
  background = 9,
  utility = 17,
  standard = 21,
  user_initiated = 25,
  user_interactive = 33,
};

struct QosClass {
  Qos qos;
  std::string_view name;
};
inline constexpr std::array kQosClasses = {
    QosClass{Qos::real_time, "real time"},
    QosClass{Qos::background, "background"},
    QosClass{Qos::utility, "utility"},
    QosClass{Qos::standard, "standard"},
    QosClass{Qos::user_initiated, "user initiated"},
    QosClass{Qos::user_interactive, "user interactive"},
};

}  // namespace millwright::ane
