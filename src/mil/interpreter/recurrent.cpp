// Recurrent layers, one step after the other: rnn, gru (gates reset, new, update) and lstm (input, forget, output,
// cell).
#include <algorithm>
#include <cmath>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

using Vector = std::vector<double>;
using Activation = double (*)(double);

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

Result<Activation> activation(const Evaluation& e, std::string_view name) {
  const std::string function = e.text(name);
  if (function == "sigmoid") return Activation(logistic);
  if (function == "tanh") return Activation([](double x) { return std::tanh(x); });
  if (function == "relu") return Activation([](double x) { return std::max(x, 0.0); });
  if (function == "linear") return Activation([](double x) { return x; });
  if (function == "sigmoid_hard") return Activation([](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); });
  return fail("{}: {} is \"{}\", expected sigmoid, tanh, relu, linear or sigmoid_hard", e.where(), name, function);
}

// The weights of one direction. Absent biases and peepholes are zeros.
struct Weights {
  TensorValue input;      // [gates·H, I]
  TensorValue recurrent;  // [gates·H, H]
  Vector bias;            // [gates·H]
  Vector input_bias;      // [gates·H], gru only
  Vector peephole;        // [3·H], lstm only
};
Weights weights(const Evaluation& e, const std::string& suffix) {
  Weights w = {e.operand("weight_ih" + suffix), e.operand("weight_hh" + suffix), {}, {}, {}};
  const auto or_zeros = [&](const std::string& name, size_t count) {
    const auto found = e.find(name);
    return found ? found->numbers : Vector(count, 0.0);
  };
  const size_t gates = static_cast<size_t>(w.input.type.shape()[0]);
  w.bias = or_zeros("bias" + suffix, gates);
  w.input_bias = or_zeros("input_bias", gates);
  w.peephole = or_zeros("peephole" + suffix, 3 * static_cast<size_t>(w.recurrent.type.shape()[1]));
  return w;
}

double dot(const TensorValue& matrix, size_t row, const double* vector) {
  const size_t columns = static_cast<size_t>(matrix.type.shape()[1]);
  double sum = 0;
  for (size_t k = 0; k < columns; ++k) sum += matrix.numbers[row * columns + k] * vector[k];
  return sum;
}

// The states of one sequence of the batch.
struct State {
  Vector h;
  Vector c;  // lstm only
};
using Step = std::function<void(const Weights& w, const double* x, State& state)>;

Step rnn_step(Activation function) {
  return [function](const Weights& w, const double* x, State& state) {
    Vector next(state.h.size());
    for (size_t j = 0; j < next.size(); ++j) {
      next[j] = function(dot(w.input, j, x) + dot(w.recurrent, j, state.h.data()) + w.bias[j]);
    }
    state.h = next;
  };
}

Step gru_step(Activation gate, Activation function, bool reset_after) {
  return [=](const Weights& w, const double* x, State& state) {
    const size_t hidden = state.h.size();
    const auto gated = [&](size_t row) {
      return gate(dot(w.input, row, x) + w.input_bias[row] + dot(w.recurrent, row, state.h.data()) + w.bias[row]);
    };
    Vector reset(hidden), next(hidden);
    for (size_t j = 0; j < hidden; ++j) reset[j] = gated(j);
    Vector kept = state.h;
    for (size_t j = 0; j < hidden; ++j) kept[j] *= reset[j];
    for (size_t j = 0; j < hidden; ++j) {
      const size_t row = hidden + j;
      const double recurrent = reset_after ? reset[j] * (dot(w.recurrent, row, state.h.data()) + w.bias[row])
                                           : dot(w.recurrent, row, kept.data()) + w.bias[row];
      const double fresh = function(dot(w.input, row, x) + w.input_bias[row] + recurrent);
      const double update = gated(2 * hidden + j);
      next[j] = (1 - update) * fresh + update * state.h[j];
    }
    state.h = next;
  };
}

Step lstm_step(Activation gate, Activation cell, Activation function, std::optional<double> clip) {
  return [=](const Weights& w, const double* x, State& state) {
    const size_t hidden = state.h.size();
    const auto sum = [&](size_t row) {
      return dot(w.input, row, x) + dot(w.recurrent, row, state.h.data()) + w.bias[row];
    };
    Vector h(hidden), c(hidden);
    for (size_t j = 0; j < hidden; ++j) {
      const double in = gate(sum(j) + w.peephole[j] * state.c[j]);
      const double forget = gate(sum(hidden + j) + w.peephole[hidden + j] * state.c[j]);
      c[j] = forget * state.c[j] + in * cell(sum(3 * hidden + j));
      if (clip) c[j] = std::clamp(c[j], -std::fabs(*clip), std::fabs(*clip));
      h[j] = gate(sum(2 * hidden + j) + w.peephole[2 * hidden + j] * c[j]) * function(c[j]);
    }
    state = {h, c};
  };
}

// Runs the step over the sequence, forward or backward, and writes one half of the results when there are two.
void run_direction(const Evaluation& e, const Step& step, const Weights& w, bool backward, size_t half, size_t halves,
                   std::vector<TensorValue>& results) {
  const TensorValue x = e.operand("x");
  const TensorValue initial_h = e.operand("initial_h");
  const std::optional<TensorValue> initial_c = e.find("initial_c");
  const auto steps = static_cast<size_t>(x.type.shape()[0]);
  const auto batch = static_cast<size_t>(x.type.shape()[1]);
  const auto inputs = static_cast<size_t>(x.type.shape()[2]);
  const auto hidden = static_cast<size_t>(w.recurrent.type.shape()[1]);
  const bool whole = e.flag("output_sequence");
  for (size_t n = 0; n < batch; ++n) {
    const auto place = static_cast<int64_t>((n * halves + half) * hidden);
    const auto begin = [&](const TensorValue& value) { return value.numbers.begin() + place; };
    const auto size = static_cast<int64_t>(hidden);
    State state = {Vector(begin(initial_h), begin(initial_h) + size), {}};
    if (initial_c) state.c.assign(begin(*initial_c), begin(*initial_c) + size);
    for (size_t i = 0; i < steps; ++i) {
      const size_t t = backward ? steps - 1 - i : i;
      step(w, x.numbers.data() + (t * batch + n) * inputs, state);
      if (!whole) continue;
      std::ranges::copy(state.h,
                        results[0].numbers.begin() + place + static_cast<int64_t>(t * batch * halves * hidden));
    }
    if (!whole) std::ranges::copy(state.h, results[0].numbers.begin() + place);
    std::ranges::copy(state.h, results[1].numbers.begin() + place);
    if (results.size() > 2) std::ranges::copy(state.c, results[2].numbers.begin() + place);
  }
}

Values recurrent(const Evaluation& e, const Step& step) {
  const Shape x = e.operand("x").type.shape();
  const std::string direction = e.text("direction");
  const bool both = direction == "bidirectional";
  const Weights w = weights(e, "");
  const Shape state = {x[1], w.recurrent.type.shape()[1] * (both ? 2 : 1)};
  std::vector<TensorValue> results = {e.zeros({e.flag("output_sequence") ? x[0] : 1, state[0], state[1]}, 0),
                                      e.zeros(state, 1)};
  if (e.operation().kind() == "lstm") results.push_back(e.zeros(state, 2));
  run_direction(e, step, w, direction == "reverse", 0, both ? 2 : 1, results);
  if (both) run_direction(e, step, weights(e, "_back"), true, 1, 2, results);
  return results;
}

Values rnn(const Evaluation& e) {
  MW_ASSIGN(const Activation function, activation(e, "activation"));
  return recurrent(e, rnn_step(function));
}

Values gru(const Evaluation& e) {
  MW_ASSIGN(const Activation gate, activation(e, "recurrent_activation"));
  MW_ASSIGN(const Activation function, activation(e, "activation"));
  return recurrent(e, gru_step(gate, function, e.flag("reset_after")));
}

Values lstm(const Evaluation& e) {
  MW_ASSIGN(const Activation gate, activation(e, "recurrent_activation"));
  MW_ASSIGN(const Activation cell, activation(e, "cell_activation"));
  MW_ASSIGN(const Activation function, activation(e, "activation"));
  const std::optional<TensorValue> clip = e.find("clip");
  return recurrent(e, lstm_step(gate, cell, function, clip ? std::optional(clip->numbers[0]) : std::nullopt));
}

constexpr Evaluator kRecurrent[] = {{"rnn", rnn}, {"gru", gru}, {"lstm", lstm}};

}  // namespace

std::span<const Evaluator> recurrent_evaluators() { return kRecurrent; }

}  // namespace millwright::mil::interpreter
