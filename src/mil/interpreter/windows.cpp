// Windows that slide over spatial axes: pooling and transposed convolution.
#include <algorithm>
#include <cmath>
#include <limits>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// One spatial axis. Padded positions run from −before to input + after − 1.
struct Window {
  int64_t input = 0;
  int64_t output = 0;
  int64_t kernel = 0;
  int64_t stride = 1;
  int64_t before = 0;
  int64_t after = 0;
};

// Padding that was not asked for in numbers: an odd element goes behind, with same_lower in front.
int64_t padding_before(const std::string& pad_type, int64_t total) {
  return pad_type == "same_lower" ? total - total / 2 : total / 2;
}

Result<std::vector<Window>> pool_windows(const Evaluation& e, const Shape& x) {
  const size_t spatial = x.size() - 2;
  const std::vector<int64_t> kernel = e.integers("kernel_sizes");
  const std::vector<int64_t> strides = e.integers_or("strides", spatial, 1);
  const std::vector<int64_t> pad = e.integers_or("pad", 2 * spatial, 0);
  const std::string pad_type = e.text("pad_type");
  std::vector<Window> axes;
  for (size_t axis = 0; axis < spatial; ++axis) {
    Window window = {x[axis + 2], 0, kernel[axis], strides[axis], 0, 0};
    if (pad_type == "same" || pad_type == "same_lower") {
      window.output = (window.input + window.stride - 1) / window.stride;
      const int64_t total = std::max<int64_t>(0, (window.output - 1) * window.stride + window.kernel - window.input);
      window.before = padding_before(pad_type, total);
      window.after = total - window.before;
    } else {
      if (pad_type == "custom") window.before = pad[2 * axis];
      if (pad_type == "custom") window.after = pad[2 * axis + 1];
      const int64_t padding = window.before + window.after;
      const int64_t room = window.input + padding - window.kernel;
      if (room < 0) return fail("{}: the kernel is larger than x on axis {}", e.where(), axis + 2);
      window.output = room / window.stride + 1;
      if (e.flag("ceil_mode")) {
        window.output = (room + window.stride - 1) / window.stride + 1;
        // A window that would begin behind x and half of its padding does not count.
        if (padding > 0 && 2 * (window.output - 1) * window.stride >= 2 * window.input + padding) --window.output;
      }
    }
    axes.push_back(window);
  }
  return axes;
}

// What a window holds: the elements of x in it, and how many positions of x and its padding it covers.
struct Covered {
  std::vector<double> elements;
  int64_t positions = 1;
};
using Pool = double (*)(const Covered& covered, bool exclude_padding);

double largest(const Covered& covered, bool) {
  double result = -std::numeric_limits<double>::infinity();
  for (const double number : covered.elements) result = std::max(result, number);
  return result;
}
double average(const Covered& covered, bool exclude_padding) {
  double sum = 0;
  for (const double number : covered.elements) sum += number;
  const double count =
      exclude_padding ? static_cast<double>(covered.elements.size()) : static_cast<double>(covered.positions);
  return count > 0 ? sum / count : 0;
}
double euclidean(const Covered& covered, bool) {
  double sum = 0;
  for (const double number : covered.elements) sum += number * number;
  return std::sqrt(sum);
}

template <Pool kPool>
Values pool(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& from = x.type.shape();
  MW_ASSIGN(const std::vector<Window> axes, pool_windows(e, from));
  const std::optional<TensorValue> exclude = e.find("exclude_padding_from_average");
  Shape shape = {from[0], from[1]};
  for (const Window& window : axes) shape.push_back(window.output);
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](const Shape& index) {
    Shape begin = index;
    Shape sizes(shape.size(), 1);
    Covered covered;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      const Window& window = axes[axis];
      const int64_t first = index[axis + 2] * window.stride - window.before;
      const int64_t last = std::min(first + window.kernel, window.input + window.after);
      covered.positions *= std::max<int64_t>(last - first, 0);
      begin[axis + 2] = std::max<int64_t>(first, 0);
      sizes[axis + 2] = std::max<int64_t>(std::min(last, window.input) - begin[axis + 2], 0);
    }
    for_each_index(sizes, [&](Shape place) {
      for (size_t axis = 0; axis < place.size(); ++axis) place[axis] += begin[axis];
      covered.elements.push_back(x.numbers[offset_of(place, from)]);
    });
    y.numbers[next++] = kPool(covered, exclude && exclude->numbers[0] != 0);
  });
  return std::vector<TensorValue>{y};
}

// Each element of x adds its multiple of the kernel to the output, `stride` apart.
Values conv_transpose(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue weight = e.operand("weight");
  const std::optional<TensorValue> bias = e.find("bias");
  const Shape& from = x.type.shape();
  const Shape& weight_shape = weight.type.shape();
  const size_t spatial = from.size() - 2;
  const std::vector<int64_t> strides = e.integers_or("strides", spatial, 1);
  const std::vector<int64_t> dilations = e.integers_or("dilations", spatial, 1);
  const std::vector<int64_t> pad = e.integers_or("pad", 2 * spatial, 0);
  const std::vector<int64_t> requested = e.integers("output_shape");
  const std::string pad_type = e.text("pad_type");
  const int64_t groups = e.integer("groups");

  Shape shape = {from[0], weight_shape[1] * groups};
  std::vector<int64_t> before(spatial, 0);
  for (size_t axis = 0; axis < spatial; ++axis) {
    const int64_t whole = (from[axis + 2] - 1) * strides[axis] + dilations[axis] * (weight_shape[axis + 2] - 1) + 1;
    const bool same = pad_type == "same" || pad_type == "same_lower";
    const int64_t cut = pad_type == "custom" ? pad[2 * axis] + pad[2 * axis + 1] : 0;
    int64_t size = same ? from[axis + 2] * strides[axis] : whole - cut;
    if (!requested.empty()) size = requested[requested.size() - spatial + axis];
    before[axis] = same ? padding_before(pad_type, std::max<int64_t>(0, whole - size))
                        : (pad_type == "custom" ? pad[2 * axis] : 0);
    shape.push_back(size);
  }
  TensorValue y = e.zeros(shape);
  const int64_t inputs_per_group = from[1] / groups;
  size_t next = 0;
  for_each_index(from, [&](const Shape& index) {
    const double number = x.numbers[next++];
    const int64_t group = index[1] / inputs_per_group;
    for_each_index(Shape(weight_shape.begin() + 1, weight_shape.end()), [&](const Shape& tap) {
      Shape target = {index[0], group * weight_shape[1] + tap[0]};
      for (size_t axis = 0; axis < spatial; ++axis) {
        const int64_t place = index[axis + 2] * strides[axis] + tap[axis + 1] * dilations[axis] - before[axis];
        if (place < 0 || place >= shape[axis + 2]) return;
        target.push_back(place);
      }
      Shape with = tap;
      with.insert(with.begin(), index[1]);
      y.numbers[offset_of(target, shape)] += number * weight.numbers[offset_of(with, weight_shape)];
    });
  });
  if (bias) {
    size_t place = 0;
    for_each_index(shape,
                   [&](const Shape& index) { y.numbers[place++] += bias->numbers[static_cast<size_t>(index[1])]; });
  }
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kWindows[] = {{"avg_pool", pool<average>},
                                  {"l2_pool", pool<euclidean>},
                                  {"max_pool", pool<largest>},
                                  {"conv_transpose", conv_transpose}};

}  // namespace

std::span<const Evaluator> window_evaluators() { return kWindows; }

}  // namespace millwright::mil::interpreter
