// Gradients against central differences: a small function is built from random inputs in double precision, its
// gradients are derived, and both are run by the reference interpreter.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autodiff/differentiate.h"
#include "base/random.h"
#include "mil/builder.h"
#include "mil/interpreter/interpreter.h"

namespace millwright::autodiff {

// Step of the differences: their error is about step² for a smooth function of order one, and 1e-16 / step from
// rounding, both well below the tolerance.
inline constexpr double kStep = 1e-5;
// Relative to the larger of 1 and the gradient.
inline constexpr double kTolerance = 1e-6;

// A function under construction whose inputs are drawn from a seed.
class RandomFunction {
 public:
  explicit RandomFunction(uint64_t seed)
      : random_(seed), function_(std::make_unique<mil::Function>("main", "ios18")), builder_(*function_) {}

  mil::Builder& b() { return builder_; }
  mil::Function& function() { return *function_; }
  const std::vector<mil::TensorValue>& inputs() const { return inputs_; }
  const std::vector<mil::Value*>& differentiated() const { return differentiated_; }

  // A size from 1 to 4, or from `least` on.
  int64_t size(int64_t least = 1) {
    return least + static_cast<int64_t>(random_.below(static_cast<uint64_t>(5 - least)));
  }

  // An input whose gradient is checked, uniform in [low, high).
  mil::Value* variable(const mil::Shape& shape, double low = -1, double high = 1) {
    differentiated_.push_back(fixed(shape, low, high));
    return differentiated_.back();
  }
  // An input that is held fixed.
  mil::Value* fixed(const mil::Shape& shape, double low = -1, double high = 1) {
    const mil::Type type = mil::Type::tensor(mil::ElementType::fp64, shape);
    std::vector<double> numbers(static_cast<size_t>(type.count()));
    for (double& number : numbers) number = low + (high - low) * random_.uniform();
    return input(type, std::move(numbers));
  }
  // Integers in [low, high).
  mil::Value* integers(const mil::Shape& shape, int64_t low, int64_t high) {
    const mil::Type type = mil::Type::tensor(mil::ElementType::int32, shape);
    std::vector<double> numbers(static_cast<size_t>(type.count()));
    for (double& number : numbers) {
      number = static_cast<double>(low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low))));
    }
    return input(type, std::move(numbers));
  }
  mil::Value* input(const mil::Type& type, std::vector<double> numbers) {
    inputs_.push_back({type, std::move(numbers)});
    return builder_.input("input", type);
  }

 private:
  RandomStream random_;
  std::unique_ptr<mil::Function> function_;
  mil::Builder builder_;
  std::vector<mil::TensorValue> inputs_;
  std::vector<mil::Value*> differentiated_;
};

inline double evaluate_loss(const mil::Function& function, const std::vector<mil::TensorValue>& inputs) {
  const auto results = mil::interpret(function, inputs, mil::Precision::fp64);
  if (!results) {
    ADD_FAILURE() << results.error().message;
    return std::nan("");
  }
  return results->at(0).numbers.at(0);
}

// Differentiates the loss and compares every element of every gradient.
inline void check_gradients(RandomFunction& f, mil::Value* loss) {
  mil::Function& function = f.function();
  function.block().set_results({loss});
  const std::unique_ptr<mil::Function> forward = mil::clone(function);
  const auto gradients = differentiate(function, loss, f.differentiated());
  ASSERT_TRUE(gradients.has_value()) << gradients.error().message;
  function.block().set_results(*gradients);
  const auto derived = mil::interpret(function, f.inputs(), mil::Precision::fp64);
  ASSERT_TRUE(derived.has_value()) << derived.error().message;

  for (size_t g = 0; g < gradients->size(); ++g) {
    const mil::Value* const value = f.differentiated()[g];
    ASSERT_EQ((*gradients)[g]->type(), value->type());
    size_t place = 0;
    while (function.inputs()[place].get() != value) ++place;
    for (size_t i = 0; i < f.inputs()[place].numbers.size(); ++i) {
      std::vector<mil::TensorValue> moved = f.inputs();
      moved[place].numbers[i] += kStep;
      const double above = evaluate_loss(*forward, moved);
      moved[place].numbers[i] -= 2 * kStep;
      const double below = evaluate_loss(*forward, moved);
      const double difference = (above - below) / (2 * kStep);
      ASSERT_NEAR((*derived)[g].numbers[i], difference, kTolerance * std::fmax(1, std::fabs(difference)))
          << "element " << i << " of gradient " << g << " (" << mil::shape_text(value->shape()) << ")";
    }
  }
}

// How many operations of a kind the function has; of any kind but const with "".
inline int count_operations(const mil::Function& function, std::string_view kind = "") {
  int count = 0;
  for (const auto& operation : function.block().operations()) {
    count += kind.empty() ? !operation->is_const() : operation->kind() == kind;
  }
  return count;
}

}  // namespace millwright::autodiff
