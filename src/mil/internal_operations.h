// Internal operations and what they mean: each has a decomposition into public MIL, with which the reference
// interpreter checks the passes that create them.
//   mw.matmul(x, y, transpose_x, transpose_y, reduce_axes, keep_dims, alpha, addend)
//       alpha · Σ_reduce_axes matmul(x, y) + addend; reduce_axes are batch axes of the product, counted from the front;
//       the addend has the type of the result.
//   mw.softmax(x, scale, mask)
//       softmax(scale · x + mask) along the last axis; mask [rows, columns] are the last two axes of x.
//   mw.softmax_backward(p, dp, axis, scale)
//       scale · p · (dp − Σ_axis p · dp): the gradient of x in p = softmax(x) from dp.
//   mw.engine_range(x, limit, nan)
//       What the engine's units let out (the fact base: C51, C52, C59): NaN becomes `nan`; a magnitude of `limit` or
//       more becomes infinite, with its sign.
#pragma once

#include <cstddef>

#include "mil/ir.h"

namespace millwright::mil {

// Replaces every `mw.` operation by public ones. Returns how many.
size_t decompose_internal_operations(Function& function);

}  // namespace millwright::mil
