// Faithful numerics: the reference interpreter with the engine's own products (faithful_sum.h) and activations
// (activation_table.h), every result rounded to its type. Not profiled; orders of magnitude slower than `fast`.
#pragma once

#include <memory>

#include "ane/chip_profile.h"
#include "base/result.h"
#include "device/emulated/numerics.h"
#include "mil/ir.h"

namespace millwright::device {

// Fails with the first operation that the interpreter does not run.
Result<std::unique_ptr<EngineRunner>> make_faithful_runner(const mil::Function& function,
                                                           const ane::Numerics& numerics);

}  // namespace millwright::device
