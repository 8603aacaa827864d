// Matrix products, linear, convolution, einsum and attention.
#include <algorithm>
#include <cmath>
#include <limits>
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

Values convolved(const Evaluation& e, const TensorValue& weight) {
  const TensorValue x = e.operand("x");
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

Values conv(const Evaluation& e) { return convolved(e, e.operand("weight")); }

// The weight is quant_scale · stored + quant_bias, each one number or one per output channel.
Values conv_quantized(const Evaluation& e) {
  if (e.text("quantization_type") != "linear") {
    return fail("{}: the reference interpreter runs the quantization_type linear only", e.where());
  }
  TensorValue weight = e.operand("weight");
  const TensorValue scale = e.operand("quant_scale");
  const TensorValue bias = e.operand("quant_bias");
  const size_t channels = static_cast<size_t>(weight.type.shape()[0]);
  for (const TensorValue* factors : {&scale, &bias}) {
    if (factors->numbers.size() == 1 || factors->numbers.size() == channels) continue;
    return fail("{}: {} scales or biases for {} output channels", e.where(), factors->numbers.size(), channels);
  }
  for (size_t i = 0; i < weight.numbers.size(); ++i) {
    const size_t channel = i / (weight.numbers.size() / channels);
    const auto of_channel = [&](const TensorValue& value) {
      return value.numbers[value.numbers.size() == 1 ? 0 : channel];
    };
    weight.numbers[i] = weight.numbers[i] * of_channel(scale) + of_channel(bias);
  }
  return convolved(e, weight);
}

// [B, C, H, W1] × [B, W1, H, W2], rank 3 without B; B and H broadcast.
Values einsum(const Evaluation& e) {
  const std::vector<TensorValue> values = e.list("values");
  const Shape& x = values[0].type.shape();
  const Shape& y = values[1].type.shape();
  const size_t rank = x.size();
  Shape shape = {x[rank - 3], std::max(x[rank - 2], y[rank - 2]), y[rank - 1]};
  if (x[rank - 2] == 0 || y[rank - 2] == 0) shape[1] = 0;
  if (rank == 4) shape.insert(shape.begin(), x[0] == 1 ? y[0] : x[0]);
  TensorValue z = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](const Shape& index) {
    double sum = 0;
    for (int64_t k = 0; k < x[rank - 1]; ++k) {
      Shape left = index;
      Shape right = index;
      left[rank - 1] = k;
      right[rank - 3] = k;
      sum += values[0].numbers[broadcast_offset(left, x)] * values[1].numbers[broadcast_offset(right, y)];
    }
    z.numbers[next++] = sum;
  });
  return std::vector<TensorValue>{z};
}

// softmax(query · keyᵀ / √E + mask) · value. A boolean mask leaves out the keys where it is false.
Values attention(const Evaluation& e) {
  const TensorValue query = e.operand("query");
  const TensorValue key = e.operand("key");
  const TensorValue value = e.operand("value");
  const std::optional<TensorValue> mask = e.find("attn_mask");
  const size_t rank = query.type.shape().size();
  const int64_t width = query.type.shape()[rank - 1];
  const int64_t keys = key.type.shape()[rank - 2];
  const int64_t outputs = value.type.shape()[rank - 1];
  Shape shape = query.type.shape();
  shape[rank - 1] = outputs;
  Shape rows = shape;
  rows[rank - 1] = 1;
  const auto at = [rank](const TensorValue& tensor, Shape index, int64_t row, int64_t column) {
    index[rank - 2] = row;
    index[rank - 1] = column;
    return tensor.numbers[offset_of(index, tensor.type.shape())];
  };
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(rows, [&](const Shape& index) {
    std::vector<double> scores;
    for (int64_t j = 0; j < keys; ++j) {
      double score = 0;
      for (int64_t k = 0; k < width; ++k) score += at(query, index, index[rank - 2], k) * at(key, index, j, k);
      score /= std::sqrt(static_cast<double>(width));
      if (mask) {
        Shape place = index;
        place[rank - 1] = j;
        const double number = mask->numbers[broadcast_offset(place, mask->type.shape())];
        const bool hides = mask->type.element() == ElementType::boolean;
        score = !hides ? score + number : number != 0 ? score : -std::numeric_limits<double>::infinity();
      }
      scores.push_back(score);
    }
    const double highest = scores.empty() ? 0 : *std::ranges::max_element(scores);
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - highest);
    for (int64_t column = 0; column < outputs; ++column) {
      double total = 0;
      for (int64_t j = 0; j < keys; ++j) total += scores[static_cast<size_t>(j)] / sum * at(value, index, j, column);
      y.numbers[next++] = total;
    }
  });
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kProducts[] = {{"conv", conv},     {"conv_quantized", conv_quantized},
                                   {"einsum", einsum}, {"linear", linear},
                                   {"matmul", matmul}, {"scaled_dot_product_attention", attention}};

}  // namespace

std::span<const Evaluator> product_evaluators() { return kProducts; }

}  // namespace millwright::mil::interpreter
