#include "cpu/spatial_windows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

std::vector<int64_t> integers_or(const mil::Operation& operation, std::string_view name, size_t count, int64_t value) {
  std::vector<int64_t> values = mil::integers(operation, name);
  if (values.empty()) values.assign(count, value);
  return values;
}

bool is_same(const std::string& pad_type) { return pad_type == "same" || pad_type == "same_lower"; }

// The strides, dilations and padding of an operation, by spatial axis.
struct Parameters {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pad;
  std::string pad_type;

  Parameters(const mil::Operation& operation, size_t spatial)
      : strides(integers_or(operation, "strides", spatial, 1)),
        dilations(integers_or(operation, "dilations", spatial, 1)),
        pad(integers_or(operation, "pad", 2 * spatial, 0)),
        pad_type(mil::text(operation, "pad_type")) {
    if (pad_type != "custom") std::ranges::fill(pad, 0);
  }
};

// An axis with its padding; `same` pads as much as the outputs need, an odd element behind, with same_lower in front.
WindowAxis padded_axis(WindowAxis axis, const Parameters& parameters, size_t index) {
  axis.before = parameters.pad[2 * index];
  axis.after = parameters.pad[2 * index + 1];
  if (!is_same(parameters.pad_type)) return axis;
  const int64_t reach = (axis.output - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1;
  const int64_t total = std::max<int64_t>(0, reach - axis.input);
  axis.before = parameters.pad_type == "same" ? total / 2 : total - total / 2;
  axis.after = total - axis.before;
  return axis;
}

}  // namespace

Windows convolution_windows(const mil::Operation& operation, const mil::Shape& x, const mil::Shape& weight,
                            const mil::Shape& result) {
  const size_t spatial = x.size() - 2;
  const Parameters parameters(operation, spatial);
  Windows windows;
  for (size_t i = 0; i < spatial; ++i) {
    const WindowAxis axis = {x[i + 2], result[i + 2], weight[i + 2], parameters.strides[i], parameters.dilations[i]};
    windows.axes[3 - spatial + i] = padded_axis(axis, parameters, i);
  }
  return windows;
}

Windows transposed_windows(const mil::Operation& operation, const mil::Shape& x, const mil::Shape& weight,
                           const mil::Shape& result) {
  const size_t spatial = x.size() - 2;
  const Parameters parameters(operation, spatial);
  Windows windows;
  for (size_t i = 0; i < spatial; ++i) {
    const WindowAxis axis = {result[i + 2], x[i + 2], weight[i + 2], parameters.strides[i], parameters.dilations[i]};
    windows.axes[3 - spatial + i] = padded_axis(axis, parameters, i);
  }
  return windows;
}

Windows pool_windows(const mil::Operation& operation, const mil::Shape& x, const mil::Shape& result) {
  const size_t spatial = x.size() - 2;
  const Parameters parameters(operation, spatial);
  const std::vector<int64_t> kernel = mil::integers(operation, "kernel_sizes");
  Windows windows;
  for (size_t i = 0; i < spatial; ++i) {
    const WindowAxis axis = {x[i + 2], result[i + 2], kernel[i], parameters.strides[i]};
    windows.axes[3 - spatial + i] = padded_axis(axis, parameters, i);
  }
  return windows;
}

std::array<int64_t, 3> spatial_strides(const View& view) {
  std::array<int64_t, 3> strides{};
  const size_t spatial = view.sizes.size() - 2;
  for (size_t i = 0; i < spatial; ++i) strides[3 - spatial + i] = view.strides[i + 2];
  return strides;
}

}  // namespace millwright::cpu
