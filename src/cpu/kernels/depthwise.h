// Depthwise convolution: each output channel reads one input channel, so there is no matrix product in it. Bound by
// loads: one vector load and one multiply-add per tap and output vector, the input plane in a cache.
#pragma once

#include <array>
#include <cstdint>

#include "cpu/kernels/layout.h"
#include "cpu/kernels/windows.h"

namespace millwright::cpu {

struct DepthwiseProblem {
  Windows windows;
  int64_t batch = 0;
  int64_t channels = 0;    // of the output
  int64_t multiplier = 1;  // output channels per input channel
  // [batch, channels / multiplier, spatial], strides in elements.
  const void* x = nullptr;
  Storage x_storage = Storage::float32;  // float32, float16 or bfloat16
  int64_t batch_stride = 0;
  int64_t channel_stride = 0;
  std::array<int64_t, 3> strides{};
  const void* weight = nullptr;  // [channels, taps], dense
  Storage weight_storage = Storage::float32;
  const float* bias = nullptr;  // [channels], or nullptr for 0
  float* y = nullptr;           // [batch, channels, outputs], dense
};

void depthwise_convolution(const DepthwiseProblem& problem);

}  // namespace millwright::cpu
