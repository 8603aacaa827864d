// The executor's rewrites of a MIL function, in the order in which run_passes() applies them. Each keeps the function's
// results (up to rounding: sums may be reordered) and returns how many places it changed.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "mil/ir.h"

namespace millwright::cpu {

// Composite operations in simpler ones, which work in fp32: normalisations, quantized convolutions, reduce_l2_norm,
// reduce_log_sum.
size_t decompose_composites(mil::Function& function);
// Scales and shifts per channel or block (prelu, quantization, compressed weights) as elementwise operations.
size_t decompose_scales(mil::Function& function);
// The kinds that decompose_scales replaces.
std::vector<std::string_view> kinds_decomposed_to_scales();
// Whether that pass knows the kind.
bool is_decomposed(std::string_view kind);
// Resized and cropped images as gathers, weighted sums and slices.
size_t decompose_images(mil::Function& function);
// Whether that pass knows the kind.
bool is_resize(std::string_view kind);
// Identities, casts to the same type, reshapes to the same shape, sums with a fill of zeros, products by one.
size_t remove_identities(mil::Function& function);
// pad(a) + pad(b) with zeros, side by side on one axis → concat(a, b): the gradient of two slices.
size_t merge_pads(mil::Function& function);
// scatter(zeros, …) + y → scatter(y, …), which then adds in place.
size_t accumulate_scatters(mil::Function& function);
// Attention's scale, mask and softmax → mw.softmax; p · (dp − Σ p · dp) → mw.softmax_backward.
size_t fuse_softmax(mil::Function& function);
// Scalar factors, sums over batch axes and added tensors into the matrix product → mw.matmul.
size_t fuse_matmul(mil::Function& function);
// Casts around the operations whose kernels compute in fp32 or int32 only (kernel_table.h): operands of narrower types
// are widened, results rounded or wrapped back to what they declare.
size_t widen_elements(mil::Function& function);
// A cheap elementwise operation whose result is no smaller to read than its operand is computed again by each of its
// elementwise users, so that it is never stored.
size_t recompute_cheap(mil::Function& function);

void run_passes(mil::Function& function);

}  // namespace millwright::cpu
