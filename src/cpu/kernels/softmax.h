// Softmax, its gradient and log-sum-exp along the middle axis of a dense [outer, axis, inner] tensor. inner == 1 is the
// last-axis case (attention rows); inner > 1 runs down columns (class axis of [B, V, S] logits).
#pragma once

#include <cstdint>

namespace millwright::cpu {

// softmax(scale * x + mask): folds the attention's scale and additive mask into the same pass.
struct SoftmaxOptions {
  float scale = 1.0f;
  // Only with inner == 1: row r of [outer, axis] adds row r % mask_rows of mask [mask_rows, axis]. -inf hides an
  // element.
  const float* mask = nullptr;
  int64_t mask_rows = 0;
};

// y may be x. A row whose every element is -inf gives NaN, as in other libraries.
void softmax(const float* x, float* y, int64_t outer, int64_t axis, int64_t inner, const SoftmaxOptions& options = {});

// dx = scale * p * (dp - sum(p * dp)), p the softmax. dx may be p or dp.
void softmax_backward(const float* p, const float* dp, float* dx, int64_t outer, int64_t axis, int64_t inner,
                      float scale = 1.0f);

// y [outer, inner] = log(sum(exp(x))) along the axis.
void log_sum_exp(const float* x, float* y, int64_t outer, int64_t axis, int64_t inner);

}  // namespace millwright::cpu
