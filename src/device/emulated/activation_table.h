// Activations as the engine has them: 33 knots over a range, straight lines between them (the fact base: C5B).
#pragma once

#include <span>
#include <string_view>

namespace millwright::device {

inline constexpr int kActivationKnots = 33;

// The operations that the engine computes from a table: "sigmoid", "tanh", …
std::span<const std::string_view> activations_with_table();

// One of them at x, before rounding to fp16. Where a table lies is published for sigmoid alone; the ranges of the
// others are chosen so that their largest errors are the published ones (tanh 0.0017, gelu 0.0059, sin and cos 0.04 at
// the seams of their argument's reduction, atan 0.12 at the ends of its table), and the knots at 0 of gelu and silu are
// the published values there. NaN where sin and cos have no value.
double activation_from_table(std::string_view kind, double x);

}  // namespace millwright::device
