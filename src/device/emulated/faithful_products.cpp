#include "device/emulated/faithful_products.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "mil/interpreter/evaluation.h"
#include "mil/registry.h"

namespace millwright::device {
namespace {

using mil::Shape;
using mil::TensorValue;
using mil::interpreter::Evaluation;
using mil::interpreter::Values;

// Matrices of fp32 numbers, one after the other.
struct Matrices {
  std::vector<float> numbers;
  int64_t count = 1;
  int64_t rows = 0;
  int64_t columns = 0;

  const float* matrix(int64_t index) const { return numbers.data() + index * rows * columns; }
};

// The last two axes as matrices, turned over where asked for.
Matrices matrices_of(const TensorValue& value, int64_t rows, int64_t columns, bool turn) {
  Matrices result{std::vector<float>(value.numbers.begin(), value.numbers.end()), 1, rows, columns};
  result.count = rows * columns == 0 ? 0 : static_cast<int64_t>(value.numbers.size()) / (rows * columns);
  if (!turn) return result;
  for (int64_t matrix = 0; matrix < result.count; ++matrix) {
    for (int64_t i = 0; i < rows * columns; ++i) {
      result.numbers[static_cast<size_t>(matrix * rows * columns + i % columns * rows + i / columns)] =
          static_cast<float>(value.numbers[static_cast<size_t>(matrix * rows * columns + i)]);
    }
  }
  std::swap(result.rows, result.columns);
  return result;
}

class Products {
 public:
  explicit Products(SumRounding rounding) : rounding_(rounding) {}

  Values matmul(const Evaluation& e) const {
    const TensorValue x = e.operand("x");
    const TensorValue y = e.operand("y");
    const Shape& x_shape = x.type.shape();
    const Shape& y_shape = y.type.shape();
    const bool x_is_vector = x_shape.size() == 1;
    const bool y_is_vector = y_shape.size() == 1;
    // A [rows, terms] and B [columns, terms].
    const Matrices a = x_is_vector ? matrices_of(x, 1, x_shape[0], false)
                                   : matrices_of(x, x_shape[x_shape.size() - 2], x_shape.back(), e.flag("transpose_x"));
    const Matrices b = y_is_vector
                           ? matrices_of(y, 1, y_shape[0], false)
                           : matrices_of(y, y_shape[y_shape.size() - 2], y_shape.back(), !e.flag("transpose_y"));
    const auto batch_of = [](const Shape& shape) {
      return shape.size() < 2 ? Shape{} : Shape(shape.begin(), shape.end() - 2);
    };
    const Shape x_batch = batch_of(x_shape);
    const Shape y_batch = batch_of(y_shape);
    const Shape batch = *mil::broadcast_shapes(x_batch, y_batch);
    Shape shape = batch;
    if (!x_is_vector) shape.push_back(a.rows);
    if (!y_is_vector) shape.push_back(b.rows);
    TensorValue z = e.zeros(shape);
    if (z.numbers.empty() || a.columns == 0) return std::vector<TensorValue>{z};
    std::vector<float> product(static_cast<size_t>(a.rows * b.rows));
    size_t next = 0;
    mil::interpreter::for_each_index(batch, [&](const Shape& index) {
      const auto at_x = static_cast<int64_t>(mil::interpreter::broadcast_offset(index, x_batch));
      const auto at_y = static_cast<int64_t>(mil::interpreter::broadcast_offset(index, y_batch));
      faithful_products(a.matrix(at_x), b.matrix(at_y), a.rows, b.rows, a.columns, rounding_, product.data());
      for (const float number : product) z.numbers[next++] = number;
    });
    return std::vector<TensorValue>{z};
  }

  Values linear(const Evaluation& e) const {
    const TensorValue x = e.operand("x");
    const TensorValue weight = e.operand("weight");
    const int64_t outputs = weight.type.shape()[0];
    const int64_t terms = weight.type.shape()[1];
    Shape shape = x.type.shape();
    shape.back() = outputs;
    TensorValue y = e.zeros(shape);
    if (y.numbers.empty() || terms == 0) return with_bias(e, std::move(y), 1);
    const int64_t rows = static_cast<int64_t>(x.numbers.size()) / terms;
    const std::vector<float> a(x.numbers.begin(), x.numbers.end());
    const std::vector<float> b(weight.numbers.begin(), weight.numbers.end());
    std::vector<float> product(y.numbers.size());
    faithful_products(a.data(), b.data(), rows, outputs, terms, rounding_, product.data());
    std::ranges::copy(product, y.numbers.begin());
    return with_bias(e, std::move(y), 1);
  }

  // [B, C, H, W1] × [B, W1, H, W2], rank 3 without B; B and H broadcast.
  Values einsum(const Evaluation& e) const {
    const std::vector<TensorValue> values = e.list("values");
    const Shape& x = values[0].type.shape();
    const Shape& y = values[1].type.shape();
    const size_t rank = x.size();
    TensorValue z = e.zeros(e.operation().result()->shape());
    const Shape& shape = z.type.shape();
    const int64_t terms = x[rank - 1];
    const int64_t rows = shape[rank - 3];
    const int64_t columns = shape[rank - 1];
    if (z.numbers.empty() || terms == 0) return std::vector<TensorValue>{z};
    Shape outer = shape;  // one index per matrix product
    outer[rank - 3] = 1;
    outer[rank - 1] = 1;
    std::vector<float> a(static_cast<size_t>(rows * terms));
    std::vector<float> b(static_cast<size_t>(columns * terms));
    std::vector<float> product(static_cast<size_t>(rows * columns));
    mil::interpreter::for_each_index(outer, [&](Shape index) {
      Shape place = index;
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t k = 0; k < terms; ++k) {
          place[rank - 3] = row;
          place[rank - 1] = k;
          a[static_cast<size_t>(row * terms + k)] =
              static_cast<float>(values[0].numbers[mil::interpreter::broadcast_offset(place, x)]);
        }
      }
      for (int64_t column = 0; column < columns; ++column) {
        for (int64_t k = 0; k < terms; ++k) {
          place[rank - 3] = k;
          place[rank - 1] = column;
          b[static_cast<size_t>(column * terms + k)] =
              static_cast<float>(values[1].numbers[mil::interpreter::broadcast_offset(place, y)]);
        }
      }
      faithful_products(a.data(), b.data(), rows, columns, terms, rounding_, product.data());
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          index[rank - 3] = row;
          index[rank - 1] = column;
          z.numbers[mil::interpreter::offset_of(index, shape)] = product[static_cast<size_t>(row * columns + column)];
        }
      }
    });
    return std::vector<TensorValue>{z};
  }

  Values conv(const Evaluation& e) const;

 private:
  // `axis` counted from the back: 1 is the last one.
  Values with_bias(const Evaluation& e, TensorValue y, size_t axis) const {
    const std::optional<TensorValue> bias = e.find("bias");
    if (!bias) return std::vector<TensorValue>{std::move(y)};
    const Shape& shape = y.type.shape();
    size_t inner = 1;
    for (size_t i = shape.size() - axis + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
    const size_t channels = bias->numbers.size();
    for (size_t i = 0; i < y.numbers.size(); ++i) {
      const double sum = y.numbers[i] + bias->numbers[i / inner % channels];
      y.numbers[i] = round_to_fp16(static_cast<float>(sum), rounding_.ties);
    }
    return std::vector<TensorValue>{std::move(y)};
  }

  SumRounding rounding_;
};

// Every place of a window in the input as one row of terms [channels · taps], zero where it reaches into the padding.
Values Products::conv(const Evaluation& e) const {
  const TensorValue x = e.operand("x");
  const TensorValue weight = e.operand("weight");
  const Shape& x_shape = x.type.shape();
  const Shape& weight_shape = weight.type.shape();
  TensorValue y = e.zeros(e.operation().result()->shape());
  const Shape& shape = y.type.shape();
  const size_t spatial = shape.size() - 2;
  const std::vector<int64_t> strides = e.integers_or("strides", spatial, 1);
  const std::vector<int64_t> dilations = e.integers_or("dilations", spatial, 1);
  const std::vector<int64_t> pad = e.integers_or("pad", 2 * spatial, 0);
  const std::string pad_type = e.text("pad_type");
  std::vector<int64_t> before(spatial, 0);
  for (size_t axis = 0; axis < spatial; ++axis) {
    const int64_t reach = dilations[axis] * (weight_shape[axis + 2] - 1) + 1;
    const int64_t total =
        std::max<int64_t>(0, (shape[axis + 2] - 1) * strides[axis] + reach - x_shape[axis + 2]);  // same, same_lower
    if (pad_type == "custom") before[axis] = pad[2 * axis];
    if (pad_type == "same") before[axis] = total / 2;
    if (pad_type == "same_lower") before[axis] = total - total / 2;
  }
  const int64_t groups = e.integer("groups");
  const int64_t outputs = weight_shape[0] / groups;
  const int64_t channels = weight_shape[1];
  const Shape kernel(weight_shape.begin() + 2, weight_shape.end());
  const Shape places(shape.begin() + 2, shape.end());
  const int64_t taps = mil::element_count(kernel);
  const int64_t terms = channels * taps;
  const int64_t place_count = mil::element_count(places);
  if (y.numbers.empty() || terms == 0) return with_bias(e, std::move(y), shape.size() - 1);

  const std::vector<float> weights(weight.numbers.begin(), weight.numbers.end());
  std::vector<float> windows(static_cast<size_t>(place_count * terms));
  std::vector<float> product(static_cast<size_t>(outputs * place_count));
  for (int64_t image = 0; image < shape[0]; ++image) {
    for (int64_t group = 0; group < groups; ++group) {
      size_t next = 0;
      mil::interpreter::for_each_index(places, [&](const Shape& place) {
        for (int64_t channel = 0; channel < channels; ++channel) {
          mil::interpreter::for_each_index(kernel, [&](const Shape& tap) {
            int64_t at = image * x_shape[1] + group * channels + channel;
            bool inside = true;
            for (size_t axis = 0; axis < spatial; ++axis) {
              const int64_t position = place[axis] * strides[axis] + tap[axis] * dilations[axis] - before[axis];
              inside = inside && position >= 0 && position < x_shape[axis + 2];
              at = at * x_shape[axis + 2] + position;
            }
            windows[next++] = inside ? static_cast<float>(x.numbers[static_cast<size_t>(at)]) : 0.0f;
          });
        }
      });
      faithful_products(weights.data() + group * outputs * terms, windows.data(), outputs, place_count, terms,
                        rounding_, product.data());
      const int64_t first = (image * weight_shape[0] + group * outputs) * place_count;
      std::ranges::copy(product, y.numbers.begin() + first);
    }
  }
  return with_bias(e, std::move(y), shape.size() - 1);
}

}  // namespace

void add_faithful_products(SumRounding rounding, mil::OperationOverrides& overrides) {
  const Products products(rounding);
  overrides["matmul"] = [products](const Evaluation& e) { return products.matmul(e); };
  overrides["linear"] = [products](const Evaluation& e) { return products.linear(e); };
  overrides["einsum"] = [products](const Evaluation& e) { return products.einsum(e); };
  overrides["conv"] = [products](const Evaluation& e) { return products.conv(e); };
}

}  // namespace millwright::device
