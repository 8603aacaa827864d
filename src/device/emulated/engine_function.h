// The function that the engine computes for a MIL function: its range behaviour written out as operations, so that fast
// and faithful numerics share it. Rounding is not here: it is a matter of how the function is then run.
#pragma once

#include <memory>

#include "ane/chip_profile.h"
#include "mil/ir.h"

namespace millwright::device {

// A copy in which, as the profile says,
//   no operation gives NaN (it gives 0; as an input it is infinite already, which is the surfaces' business) (C59),
//   zero divisors have no sign (C5A), log(0) is a number (C59), exp is infinite from its limit on (C5C),
//   softplus stays where it is at its limit, softplus and softsign of infinity are 0 (C55),
//   products of two or more terms are infinite from the product limit on (C52),
//   slices of the last axis behind its start are infinite from 4096 on (C51),
//   inputs, constants and operations of fp32 give numbers rounded to fp16 (C3F),
//   bytes of block-wise compressed weights are read with a sign (C44; that it is the sign is a guess),
//   scaled_dot_product_attention has no mask (C50) and an identity that gives the only output gives NaN (C38), both on
//   the in-memory route,
//   and, where the options are on, pow is infinite (C53), and zero stands for the wrong results of broadcasts of
//   run-time vectors (C3A) and of square roots that are broadcast or divided (C54).
// Inputs, results and their order stay.
std::unique_ptr<mil::Function> engine_function(const mil::Function& function, const ane::ChipProfile& profile);

}  // namespace millwright::device
