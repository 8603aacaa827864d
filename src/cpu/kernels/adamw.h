// The optimizer's sweep over one parameter (AdamW, in PyTorch's formula order), and the gradient norm's sum of squares.
#pragma once

#include <cstdint>

namespace millwright::cpu {

// Scalars are double, as in PyTorch: 1 - beta2 of a float 0.999 would already be wrong in the fifth digit.
struct AdamWStep {
  double learning_rate = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double gradient_scale = 1.0;    // clipping factor over loss scale; multiplies the gradient first
  double bias_correction1 = 1.0;  // 1 - beta1^t
  double bias_correction2 = 1.0;  // 1 - beta2^t
};

// Fills in the bias corrections of update t (the first is 1).
AdamWStep with_bias_corrections(AdamWStep step, int64_t t);

// In one pass over `count` elements, with g' = gradient_scale * g:
//   w -= learning_rate * weight_decay * w
//   m  = beta1 m + (1 - beta1) g',  v = beta2 v + (1 - beta2) g'^2
//   w -= (learning_rate / bias_correction1) * m / (sqrt(v) / sqrt(bias_correction2) + epsilon)
void adamw_update(const AdamWStep& step, const float* gradient, float* weight, float* first_moment,
                  float* second_moment, int64_t count);

// Summed in double over fixed chunks: equal bits at any thread count.
double sum_of_squares(const float* x, int64_t count);

}  // namespace millwright::cpu
