// The function that the engine computes for a MIL function: its range behaviour written out as operations, so that fast
// and faithful numerics share it. Rounding is not here: it is a matter of how the function is then run.
#pragma once

#include <memory>

#include "ane/chip_profile.h"
#include "mil/ir.h"

namespace millwright::device {

// A copy in which, as the profile says,
//   inputs have no NaN (it is infinite) and no operation gives one (it gives 0) (C59),
//   products of two or more terms are infinite from the product limit on (C52),
//   slices of the last axis behind its start are infinite from 4096 on (C51),
//   operations on fp32 give numbers rounded to fp16 (C3F),
//   scaled_dot_product_attention has no mask (C50) and an identity that gives the only output gives NaN (C38), both on
//   the in-memory route,
//   and, where the options are on, pow is infinite (C53), and zero stands for the wrong results of broadcasts of
//   run-time vectors (C3A) and of square roots that are broadcast or divided (C54).
// Inputs, results and their order stay.
std::unique_ptr<mil::Function> engine_function(const mil::Function& function, const ane::ChipProfile& profile);

}  // namespace millwright::device
