// One task computes one output plane. The input plane is first laid out in fp32 with its padding, each line split into
// `stride` phases: then every tap of a line of outputs reads neighbours, whatever the stride and the dilation.
#include "cpu/kernels/depthwise.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "cpu/kernels/elementwise_evaluation.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/targets.h"
#include "cpu/parallel_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

// y[i] = bias + Σ_t weights[t] · taps[t][i] for i < count. Lines of taps may be read up to kLineSlack elements further.
void target_weighted_lines(const float* const* taps, const float* weights, int64_t tap_count, float bias, int64_t count,
                           float* y) {
  const FloatTag d;
  int64_t i = 0;
  for (; i + 4 * kFloatLanes <= count; i += 4 * kFloatLanes) {
    FloatVec sum0 = hn::Set(d, bias), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (int64_t t = 0; t < tap_count; ++t) {
      const FloatVec weight = hn::Set(d, weights[t]);
      const float* tap = taps[t] + i;
      sum0 = hn::MulAdd(weight, hn::LoadU(d, tap), sum0);
      sum1 = hn::MulAdd(weight, hn::LoadU(d, tap + kFloatLanes), sum1);
      sum2 = hn::MulAdd(weight, hn::LoadU(d, tap + 2 * kFloatLanes), sum2);
      sum3 = hn::MulAdd(weight, hn::LoadU(d, tap + 3 * kFloatLanes), sum3);
    }
    hn::StoreU(sum0, d, y + i);
    hn::StoreU(sum1, d, y + i + kFloatLanes);
    hn::StoreU(sum2, d, y + i + 2 * kFloatLanes);
    hn::StoreU(sum3, d, y + i + 3 * kFloatLanes);
  }
  for (; i < count; i += kFloatLanes) {
    FloatVec sum = hn::Set(d, bias);
    for (int64_t t = 0; t < tap_count; ++t) sum = hn::MulAdd(hn::Set(d, weights[t]), hn::LoadU(d, taps[t] + i), sum);
    store_up_to(d, sum, count - i, y + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_weighted_lines);

namespace {

// At least a vector of the widest target.
constexpr int64_t kLineSlack = 64;

// How a line of the input lies in scratch memory: `stride` phases of `phase` elements each.
struct LineLayout {
  int64_t phase;
  int64_t line;  // elements of all phases

  explicit LineLayout(const WindowAxis& axis)
      : phase(axis.output + (axis.kernel - 1) * axis.dilation / axis.stride + kLineSlack), line(phase * axis.stride) {}
};

void lay_out_line(const DepthwiseProblem& problem, const void* line, const LineLayout& layout, float* to) {
  const WindowAxis& axis = problem.windows.axes[2];
  const int64_t stride = problem.strides[2];
  std::fill_n(to, layout.line, 0.0f);
  for (int64_t phase = 0; phase < axis.stride; ++phase) {
    // Element i of the phase is position i · stride + phase − before of the input.
    const int64_t shift = phase - axis.before;
    const int64_t begin = shift >= 0 ? 0 : (-shift + axis.stride - 1) / axis.stride;
    const int64_t room = axis.input - shift;
    const int64_t end = std::min(layout.phase, room <= 0 ? 0 : (room + axis.stride - 1) / axis.stride);
    if (begin >= end) continue;
    const auto* from =
        static_cast<const std::byte*>(line) + (begin * axis.stride + shift) * stride * storage_bytes(problem.x_storage);
    load_lanes(problem.x_storage, from, axis.stride * stride, end - begin, to + phase * layout.phase + begin);
  }
}

// The input plane of one output plane.
void lay_out_plane(const DepthwiseProblem& problem, const void* plane, const LineLayout& layout, float* to) {
  const auto* bytes = static_cast<const std::byte*>(plane);
  for (int64_t z = 0; z < problem.windows.axes[0].input; ++z) {
    for (int64_t y = 0; y < problem.windows.axes[1].input; ++y) {
      const int64_t offset = z * problem.strides[0] + y * problem.strides[1];
      lay_out_line(problem, bytes + offset * storage_bytes(problem.x_storage), layout, to);
      to += layout.line;
    }
  }
}

void convolve_plane(const Windows& windows, const LineLayout& layout, const float* plane, const float* weights,
                    float bias, float* y) {
  const auto& [depth, height, width] = windows.axes;
  std::vector<const float*> taps(static_cast<size_t>(windows.taps()));
  std::vector<float> factors(taps.size());
  for (int64_t line = 0; line < depth.output * height.output; ++line) {
    size_t count = 0;
    for (int64_t z = 0; z < depth.kernel; ++z) {
      const int64_t from_z = line / height.output * depth.stride + z * depth.dilation - depth.before;
      if (from_z < 0 || from_z >= depth.input) continue;
      for (int64_t k = 0; k < height.kernel; ++k) {
        const int64_t from_y = line % height.output * height.stride + k * height.dilation - height.before;
        if (from_y < 0 || from_y >= height.input) continue;
        const float* source = plane + (from_z * height.input + from_y) * layout.line;
        for (int64_t x = 0; x < width.kernel; ++x) {
          const int64_t shift = x * width.dilation;
          taps[count] = source + shift % width.stride * layout.phase + shift / width.stride;
          factors[count++] = weights[(z * height.kernel + k) * width.kernel + x];
        }
      }
    }
    HWY_DYNAMIC_DISPATCH(target_weighted_lines)
    (taps.data(), factors.data(), static_cast<int64_t>(count), bias, width.output, y + line * width.output);
  }
}

}  // namespace

void depthwise_convolution(const DepthwiseProblem& problem) {
  MW_CHECK(is_float(problem.x_storage) && is_float(problem.weight_storage), "a depthwise convolution of integers");
  const Windows& windows = problem.windows;
  const LineLayout layout(windows.axes[2]);
  const int64_t taps = windows.taps();
  const int64_t outputs = windows.outputs();
  const int64_t lines = windows.axes[0].input * windows.axes[1].input;
  parallel_rows(problem.batch * problem.channels, outputs * taps, [&](int64_t row) {
    const int64_t channel = row % problem.channels;
    const int64_t offset =
        row / problem.channels * problem.batch_stride + channel / problem.multiplier * problem.channel_stride;
    const ScratchLease plane(lines * layout.line);
    const ScratchLease weights(taps);
    lay_out_plane(problem, static_cast<const std::byte*>(problem.x) + offset * storage_bytes(problem.x_storage), layout,
                  plane.data());
    load_lanes(problem.weight_storage,
               static_cast<const std::byte*>(problem.weight) + channel * taps * storage_bytes(problem.weight_storage),
               1, taps, weights.data());
    convolve_plane(windows, layout, plane.data(), weights.data(),
                   problem.bias == nullptr ? 0.0f : problem.bias[channel], problem.y + row * outputs);
  });
}

}  // namespace millwright::cpu
#endif
