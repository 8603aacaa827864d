// Windows that slide over up to three spatial axes: convolutions as matrix products (unfold, fold) and pools. Plain
// loops that move or add runs of the innermost axis; the arithmetic of a convolution is in gemm.h and depthwise.h.
#pragma once

#include <array>
#include <cstdint>

namespace millwright::cpu {

// One spatial axis: tap k of window o reads position o · stride + k · dilation − before of the input.
struct WindowAxis {
  int64_t input = 1;
  int64_t output = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t before = 0;
  int64_t after = 0;  // padding behind the input; only pools, which count it, look at it
};

// Outermost axis first; programs with fewer than three have single positions in front.
struct Windows {
  std::array<WindowAxis, 3> axes;

  int64_t inputs() const { return axes[0].input * axes[1].input * axes[2].input; }
  int64_t outputs() const { return axes[0].output * axes[1].output * axes[2].output; }
  int64_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
};

// Channels of one image; strides in elements.
struct WindowSource {
  const void* data = nullptr;
  int64_t element_bytes = 4;  // 2 or 4; all bits zero is the number 0
  int64_t channel_stride = 0;
  std::array<int64_t, 3> strides{};
};

// columns [channels · taps, count] = the elements that windows first … first + count − 1 cover, 0 in the padding: the
// right operand of a convolution's matrix product.
void unfold(const Windows& windows, const WindowSource& source, int64_t channels, int64_t first, int64_t count,
            void* columns);

// The transpose of unfold: y [channels, inputs] = bias + each column added to the positions that it stands for, in the
// order of the taps. columns [channels · taps, outputs]; bias [channels] or nullptr for 0.
void fold(const Windows& windows, const float* columns, int64_t channels, const float* bias, float* y);

enum class PoolKind : uint8_t { max, average, average_without_padding, l2 };

// y [planes, outputs] from x [planes, inputs], both dense. A window that covers padding only gives −infinity for max,
// else 0. Sums are in double.
void pool(PoolKind kind, const Windows& windows, int64_t planes, const float* x, float* y);

}  // namespace millwright::cpu
