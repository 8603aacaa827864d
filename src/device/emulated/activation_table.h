// Activations as the engine has them: 33 knots over a range, straight lines between them (the fact base: C5B).
#pragma once

#include <string_view>

#include "ane/chip_profile.h"

namespace millwright::device {

inline constexpr int kActivationKnots = 33;

// Whether the engine computes the operation ("sigmoid", "tanh", "silu", "gelu", "softplus") from a table.
bool has_activation_table(std::string_view kind);

// The operation at x, before rounding to fp16. Where a table lies is published for sigmoid alone; the ranges of the
// others are chosen so that their largest errors are the published ones (tanh 0.0017, gelu 0.0059), and the knots at 0
// of gelu and silu are the published values there. Past the profile's softplus limit softplus stays where it is, and it
// is 0 at +infinity (C55).
double activation_from_table(std::string_view kind, double x, const ane::Numerics& numerics);

}  // namespace millwright::device
