#include "cpu/kernels/windows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/check.h"
#include "cpu/parallel_rows.h"

namespace millwright::cpu {

namespace {

// The windows o in [begin, end) of one axis whose tap k lies inside the input.
struct Range {
  int64_t begin;
  int64_t end;
};

Range windows_inside(const WindowAxis& axis, int64_t tap) {
  // 0 <= o · stride + offset < input
  const int64_t offset = tap * axis.dilation - axis.before;
  const int64_t begin = offset >= 0 ? 0 : (-offset + axis.stride - 1) / axis.stride;
  const int64_t room = axis.input - offset;
  const int64_t end = room <= 0 ? 0 : (room + axis.stride - 1) / axis.stride;
  return {std::min(begin, axis.output), std::clamp(end, std::min(begin, axis.output), axis.output)};
}

struct Tap {
  int64_t z, y, x;
};

Tap tap_at(const Windows& windows, int64_t index) {
  const int64_t x = index % windows.axes[2].kernel;
  const int64_t y = index / windows.axes[2].kernel % windows.axes[1].kernel;
  return {index / windows.axes[2].kernel / windows.axes[1].kernel, y, x};
}

// One row of columns: one tap of one channel at every window of the range.
template <class Element>
void unfold_row(const Windows& windows, const Element* channel, const std::array<int64_t, 3>& strides, const Tap& tap,
                int64_t first, int64_t count, Element* row) {
  const auto& [depth, height, width] = windows.axes;
  const Range inside = windows_inside(width, tap.x);
  const int64_t step = width.stride * strides[2];
  int64_t x = first % width.output;
  int64_t y = first / width.output % height.output;
  int64_t z = first / width.output / height.output;
  while (count > 0) {
    const int64_t end = std::min(width.output, x + count);
    const int64_t length = end - x;
    const int64_t from_z = z * depth.stride + tap.z * depth.dilation - depth.before;
    const int64_t from_y = y * height.stride + tap.y * height.dilation - height.before;
    if (from_z < 0 || from_z >= depth.input || from_y < 0 || from_y >= height.input) {
      std::fill_n(row, length, Element{0});
    } else {
      const int64_t begin_inside = std::clamp(inside.begin, x, end);
      const int64_t end_inside = std::clamp(inside.end, begin_inside, end);
      std::fill_n(row, begin_inside - x, Element{0});
      const Element* line = channel + from_z * strides[0] + from_y * strides[1];
      const Element* from = line + (begin_inside * width.stride + tap.x * width.dilation - width.before) * strides[2];
      Element* to = row + (begin_inside - x);
      const int64_t copied = end_inside - begin_inside;
      if (step == 1) {
        if (copied > 0) std::memcpy(to, from, static_cast<size_t>(copied) * sizeof(Element));
      } else {
        for (int64_t i = 0; i < copied; ++i) to[i] = from[i * step];
      }
      std::fill_n(to + copied, end - end_inside, Element{0});
    }
    row += length;
    count -= length;
    x = 0;
    if (++y == height.output) {
      y = 0;
      ++z;
    }
  }
}

template <class Element>
void unfold_elements(const Windows& windows, const WindowSource& source, int64_t channels, int64_t first, int64_t count,
                     Element* columns) {
  const auto* data = static_cast<const Element*>(source.data);
  const int64_t taps = windows.taps();
  parallel_rows(channels * taps, count, [&](int64_t row) {
    unfold_row(windows, data + row / taps * source.channel_stride, source.strides, tap_at(windows, row % taps), first,
               count, columns + row * count);
  });
}

void fold_channel(const Windows& windows, const float* columns, float* plane) {
  const auto& [depth, height, width] = windows.axes;
  const int64_t taps = windows.taps();
  const int64_t outputs = windows.outputs();
  for (int64_t index = 0; index < taps; ++index) {
    const Tap tap = tap_at(windows, index);
    const Range zs = windows_inside(depth, tap.z);
    const Range ys = windows_inside(height, tap.y);
    const Range xs = windows_inside(width, tap.x);
    const int64_t shift = tap.x * width.dilation - width.before;
    for (int64_t z = zs.begin; z < zs.end; ++z) {
      const int64_t to_z = z * depth.stride + tap.z * depth.dilation - depth.before;
      for (int64_t y = ys.begin; y < ys.end; ++y) {
        const int64_t to_y = y * height.stride + tap.y * height.dilation - height.before;
        const float* from = columns + index * outputs + (z * height.output + y) * width.output;
        float* to = plane + (to_z * height.input + to_y) * width.input + shift;
        for (int64_t x = xs.begin; x < xs.end; ++x) to[x * width.stride] += from[x];
      }
    }
  }
}

// What one window covers of one axis: positions of the input, and how many of input and padding together.
struct Cover {
  int64_t begin;
  int64_t end;
  int64_t positions;
};

std::vector<Cover> covers(const WindowAxis& axis) {
  std::vector<Cover> all;
  for (int64_t o = 0; o < axis.output; ++o) {
    const int64_t first = o * axis.stride - axis.before;
    const int64_t last = std::min(first + axis.kernel, axis.input + axis.after);
    const int64_t begin = std::clamp<int64_t>(first, 0, axis.input);
    all.push_back({begin, std::clamp(last, begin, axis.input), std::max<int64_t>(last - first, 0)});
  }
  return all;
}

float pooled(PoolKind kind, const Windows& windows, const float* plane, const Cover& z, const Cover& y,
             const Cover& x) {
  double sum = 0;
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t i = z.begin; i < z.end; ++i) {
    for (int64_t j = y.begin; j < y.end; ++j) {
      const float* line = plane + (i * windows.axes[1].input + j) * windows.axes[2].input;
      if (kind == PoolKind::max) {
        for (int64_t k = x.begin; k < x.end; ++k) largest = std::max(largest, line[k]);
      } else if (kind == PoolKind::l2) {
        for (int64_t k = x.begin; k < x.end; ++k) sum += static_cast<double>(line[k]) * static_cast<double>(line[k]);
      } else {
        for (int64_t k = x.begin; k < x.end; ++k) sum += static_cast<double>(line[k]);
      }
    }
  }
  const int64_t inside = (z.end - z.begin) * (y.end - y.begin) * (x.end - x.begin);
  const int64_t positions = kind == PoolKind::average ? z.positions * y.positions * x.positions : inside;
  switch (kind) {
    case PoolKind::max:
      return largest;
    case PoolKind::l2:
      return static_cast<float>(std::sqrt(sum));
    case PoolKind::average:
    case PoolKind::average_without_padding:
      break;
  }
  return positions > 0 ? static_cast<float>(sum / static_cast<double>(positions)) : 0.0f;
}

}  // namespace

void unfold(const Windows& windows, const WindowSource& source, int64_t channels, int64_t first, int64_t count,
            void* columns) {
  if (source.element_bytes == 2) {
    unfold_elements(windows, source, channels, first, count, static_cast<uint16_t*>(columns));
  } else {
    MW_CHECK(source.element_bytes == 4, "elements of {} bytes", source.element_bytes);
    unfold_elements(windows, source, channels, first, count, static_cast<uint32_t*>(columns));
  }
}

void fold(const Windows& windows, const float* columns, int64_t channels, const float* bias, float* y) {
  const int64_t inputs = windows.inputs();
  const int64_t rows = windows.taps() * windows.outputs();
  parallel_rows(channels, rows + inputs, [&](int64_t channel) {
    float* plane = y + channel * inputs;
    std::fill_n(plane, inputs, bias == nullptr ? 0.0f : bias[channel]);
    fold_channel(windows, columns + channel * rows, plane);
  });
}

void pool(PoolKind kind, const Windows& windows, int64_t planes, const float* x, float* y) {
  const std::vector<Cover> depth = covers(windows.axes[0]);
  const std::vector<Cover> height = covers(windows.axes[1]);
  const std::vector<Cover> width = covers(windows.axes[2]);
  const int64_t lines = static_cast<int64_t>(depth.size() * height.size());
  const int64_t inputs = windows.inputs();
  parallel_rows(planes * lines, static_cast<int64_t>(width.size()) * windows.taps(), [&](int64_t row) {
    const float* plane = x + row / lines * inputs;
    const Cover& in_depth = depth[static_cast<size_t>(row % lines) / height.size()];
    const Cover& in_height = height[static_cast<size_t>(row % lines) % height.size()];
    float* line = y + row * static_cast<int64_t>(width.size());
    for (const Cover& in_width : width) *line++ = pooled(kind, windows, plane, in_depth, in_height, in_width);
  });
}

}  // namespace millwright::cpu
