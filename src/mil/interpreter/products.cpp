// Matrix products, linear and convolution.
#include <algorithm>
#include <utility>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// A matmul operand as a batch of matrices: its flag and rank-1 promotion are resolved when an element is read.
struct Matrices {
  const TensorValue& tensor;
  bool transposed;
  bool is_left;

  const Shape& shape() const { return tensor.type.shape(); }
  bool is_vector() const { return shape().size() == 1; }
  Shape batch() const { return is_vector() ? Shape{} : Shape(shape().begin(), shape().end() - 2); }
  int64_t rows() const {
    if (is_vector()) return is_left ? 1 : shape()[0];
    return shape()[shape().size() - (transposed ? 1 : 2)];
  }
  int64_t columns() const {
    if (is_vector()) return is_left ? shape()[0] : 1;
    return shape()[shape().size() - (transposed ? 2 : 1)];
  }
  double at(const Shape& batch_index, int64_t row, int64_t column) const {
    if (is_vector()) return tensor.numbers[static_cast<size_t>(row + column)];  // one of the two is 0
    if (transposed) std::swap(row, column);
    const int64_t matrix = static_cast<int64_t>(broadcast_offset(batch_index, batch()));
    const int64_t stored_rows = shape()[shape().size() - 2];
    return tensor.numbers[static_cast<size_t>((matrix * stored_rows + row) * shape().back() + column)];
  }
};

Values matmul(const Evaluation& e) {
  const TensorValue left = e.operand("x");
  const TensorValue right = e.operand("y");
  const Matrices x{left, e.flag("transpose_x"), true};
  const Matrices y{right, e.flag("transpose_y"), false};
  const Shape batch = *broadcast_shapes(x.batch(), y.batch());
  Shape shape = batch;
  if (!x.is_vector()) shape.push_back(x.rows());
  if (!y.is_vector()) shape.push_back(y.columns());
  TensorValue z = e.zeros(shape);
  size_t next = 0;
  for_each_index(batch, [&](const Shape& index) {
    for (int64_t row = 0; row < x.rows(); ++row) {
      for (int64_t column = 0; column < y.columns(); ++column) {
        double sum = 0;
        for (int64_t k = 0; k < x.columns(); ++k) sum += x.at(index, row, k) * y.at(index, k, column);
        z.numbers[next++] = sum;
      }
    }
  });
  return std::vector<TensorValue>{z};
}

Values linear(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue weight = e.operand("weight");
  const std::optional<TensorValue> bias = e.find("bias");
  const int64_t outputs = weight.type.shape()[0];
  const int64_t inputs = weight.type.shape()[1];
  Shape shape = x.type.shape();
  shape.back() = outputs;
  TensorValue y = e.zeros(shape);
  for (size_t i = 0; i < y.numbers.size(); ++i) {
    const size_t row = i / static_cast<size_t>(outputs);
    const size_t output = i % static_cast<size_t>(outputs);
    double sum = bias ? bias->numbers[output] : 0;
    for (size_t k = 0; k < static_cast<size_t>(inputs); ++k) {
      sum +=
          x.numbers[row * static_cast<size_t>(inputs) + k] * weight.numbers[output * static_cast<size_t>(inputs) + k];
    }
    y.numbers[i] = sum;
  }
  return std::vector<TensorValue>{y};
}

// One spatial axis of a convolution.
struct Window {
  int64_t input = 0;
  int64_t output = 0;
  int64_t kernel = 0;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t before = 0;
};

std::vector<Window> windows(const Evaluation& e, const Shape& x, const Shape& weight) {
  const size_t spatial = x.size() - 2;
  const std::vector<int64_t> strides = e.integers_or("strides", spatial, 1);
  const std::vector<int64_t> dilations = e.integers_or("dilations", spatial, 1);
  const std::vector<int64_t> pad = e.integers_or("pad", 2 * spatial, 0);
  const std::string pad_type = e.text("pad_type");
  std::vector<Window> axes(spatial);
  for (size_t axis = 0; axis < spatial; ++axis) {
    Window& window = axes[axis];
    window = {x[axis + 2], 0, weight[axis + 2], strides[axis], dilations[axis], 0};
    const int64_t reach = window.dilation * (window.kernel - 1) + 1;
    if (pad_type == "same" || pad_type == "same_lower") {
      window.output = (window.input + window.stride - 1) / window.stride;
      const int64_t total = std::max<int64_t>(0, (window.output - 1) * window.stride + reach - window.input);
      // An odd element of padding goes behind, with same_lower in front.
      window.before = pad_type == "same" ? total / 2 : total - total / 2;
    } else {
      const int64_t total = pad_type == "custom" ? pad[2 * axis] + pad[2 * axis + 1] : 0;
      window.before = pad_type == "custom" ? pad[2 * axis] : 0;
      window.output = (window.input + total - reach) / window.stride + 1;
    }
  }
  return axes;
}

Values conv(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const TensorValue weight = e.operand("weight");
  const std::optional<TensorValue> bias = e.find("bias");
  const Shape& x_shape = x.type.shape();
  const Shape& weight_shape = weight.type.shape();
  const std::vector<Window> axes = windows(e, x_shape, weight_shape);
  const int64_t outputs_per_group = weight_shape[0] / e.integer("groups");
  const int64_t inputs_per_group = weight_shape[1];
  const Shape kernel(weight_shape.begin() + 2, weight_shape.end());
  Shape shape = {x_shape[0], weight_shape[0]};
  for (const Window& window : axes) shape.push_back(window.output);

  TensorValue y = e.zeros(shape);
  for_each_index(shape, [&](const Shape& index) {
    const int64_t output = index[1];
    double sum = bias ? bias->numbers[static_cast<size_t>(output)] : 0;
    for (int64_t channel = 0; channel < inputs_per_group; ++channel) {
      for_each_index(kernel, [&](const Shape& tap) {
        Shape from = {index[0], output / outputs_per_group * inputs_per_group + channel};
        Shape with = {output, channel};
        for (size_t axis = 0; axis < axes.size(); ++axis) {
          const Window& window = axes[axis];
          const int64_t place = index[axis + 2] * window.stride + tap[axis] * window.dilation - window.before;
          if (place < 0 || place >= window.input) return;
          from.push_back(place);
          with.push_back(tap[axis]);
        }
        sum += x.numbers[offset_of(from, x_shape)] * weight.numbers[offset_of(with, weight_shape)];
      });
    }
    y.numbers[offset_of(index, shape)] = sum;
  });
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kProducts[] = {{"conv", conv}, {"linear", linear}, {"matmul", matmul}};

}  // namespace

std::span<const Evaluator> product_evaluators() { return kProducts; }

}  // namespace millwright::mil::interpreter
