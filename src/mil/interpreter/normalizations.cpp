// Normalisations over channels and neighbourhoods; layer_norm stands with the activations.
#include <algorithm>
#include <cmath>
#include <optional>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

double scaled(double number, const std::optional<TensorValue>& gamma, const std::optional<TensorValue>& beta,
              size_t channel) {
  if (gamma) number *= gamma->numbers[channel];
  if (beta) number += beta->numbers[channel];
  return number;
}

Values batch_norm(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const TensorValue mean = e.operand("mean");
  const TensorValue variance = e.operand("variance");
  const std::optional<TensorValue> gamma = e.find("gamma");
  const std::optional<TensorValue> beta = e.find("beta");
  const double epsilon = e.number("epsilon");
  size_t next = 0;
  for_each_index(x.type.shape(), [&](const Shape& index) {
    const size_t channel = static_cast<size_t>(index[1]);
    double& number = x.numbers[next++];
    number = (number - mean.numbers[channel]) / std::sqrt(variance.numbers[channel] + epsilon);
    number = scaled(number, gamma, beta, channel);
  });
  return std::vector<TensorValue>{x};
}

// Elements in one row of `leading` axes: all that follow them.
size_t row_size(const Shape& shape, size_t leading) {
  return static_cast<size_t>(element_count(Shape(shape.begin() + static_cast<int64_t>(leading), shape.end())));
}

Values instance_norm(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const std::optional<TensorValue> gamma = e.find("gamma");
  const std::optional<TensorValue> beta = e.find("beta");
  const double epsilon = e.number("epsilon");
  const size_t size = row_size(x.type.shape(), 2);
  const size_t channels = static_cast<size_t>(x.type.shape()[1]);
  for (size_t row = 0; size > 0 && row < x.numbers.size() / size; ++row) {
    double* const numbers = x.numbers.data() + row * size;
    double mean = 0;
    for (size_t i = 0; i < size; ++i) mean += numbers[i] / static_cast<double>(size);
    double variance = 0;
    for (size_t i = 0; i < size; ++i) {
      variance += (numbers[i] - mean) * (numbers[i] - mean) / static_cast<double>(size);
    }
    for (size_t i = 0; i < size; ++i) {
      numbers[i] = scaled((numbers[i] - mean) / std::sqrt(variance + epsilon), gamma, beta, row % channels);
    }
  }
  return std::vector<TensorValue>{x};
}

Values l2_norm(const Evaluation& e) {
  TensorValue x = e.operand("x");
  const double epsilon = e.number("epsilon");
  const size_t size = row_size(x.type.shape(), x.type.shape().size() - 3);
  for (size_t first = 0; size > 0 && first < x.numbers.size(); first += size) {
    double sum = 0;
    for (size_t i = first; i < first + size; ++i) sum += x.numbers[i] * x.numbers[i];
    for (size_t i = first; i < first + size; ++i) x.numbers[i] /= std::sqrt(sum + epsilon);
  }
  return std::vector<TensorValue>{x};
}

// Divided by (k + alpha/size · the squares of the `size` channels around)^beta; of an even size one more stands before.
Values local_response_norm(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const int64_t size = e.integer("size");
  const double alpha = e.number("alpha");
  const double beta = e.number("beta");
  const double k = e.number("k");
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](const Shape& index) {
    const int64_t first = std::max<int64_t>(0, index[1] - size / 2);
    const int64_t last = std::min<int64_t>(shape[1] - 1, index[1] + (size - 1) / 2);
    Shape neighbour = index;
    double sum = 0;
    for (neighbour[1] = first; neighbour[1] <= last; ++neighbour[1]) {
      const double number = x.numbers[offset_of(neighbour, shape)];
      sum += number * number;
    }
    y.numbers[next] = x.numbers[next] / std::pow(k + alpha / static_cast<double>(size) * sum, beta);
    ++next;
  });
  return std::vector<TensorValue>{y};
}

constexpr Evaluator kNormalizations[] = {{"batch_norm", batch_norm},
                                         {"instance_norm", instance_norm},
                                         {"l2_norm", l2_norm},
                                         {"local_response_norm", local_response_norm}};

}  // namespace

std::span<const Evaluator> normalization_evaluators() { return kNormalizations; }

}  // namespace millwright::mil::interpreter
