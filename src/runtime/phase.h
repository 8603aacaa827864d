// Phases: what the time of a training step goes to, as simulations predict it and traces of real runs name it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mil/ir.h"

namespace millwright::runtime {

enum class Phase : uint8_t {
  engine,
  staging,           // filling and emptying surfaces
  classifier,        // with the loss
  norms,             //
  products,          // of the layers, where the CPU has them
  elementwise,       // everything else of the CPU
  weight_gradients,  //
  optimizer,         // per update
  weights,           // per update: compiling programs, or rounding weights into surfaces
};
inline constexpr size_t kPhases = 9;
std::string_view phase_name(Phase phase);

// A view or a constant, which costs nothing.
bool is_free(const mil::Operation& operation);
// A product of matrices, as a library of the CPU computes it.
bool is_product(const mil::Operation& operation);

// Of an operation that the CPU runs, in a function of parameter gradients or in another.
Phase phase_of(const mil::Operation& operation, bool is_gradients);
// All of a function's, in the order of the phases: "staging, norms, elementwise".
std::string phases_of(const mil::Function& function, bool is_gradients);

}  // namespace millwright::runtime
