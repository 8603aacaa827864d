// Examples of operations: each builds a function of random shapes, to be run by the executor and the interpreter.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "execution.h"

namespace millwright::cpu {

using Build = std::function<mil::Value*(TestFunction&)>;
struct Example {
  std::string name;
  Build build;
};

// The value read through strides: transposed, sliced or as it is.
inline mil::Value* viewed(TestFunction& f, const mil::Shape& shape, double low = -1, double high = 1) {
  const int64_t rank = static_cast<int64_t>(shape.size());
  switch (rank < 2 ? 0 : f.below(3)) {
    case 1: {
      mil::Shape source = shape;
      std::swap(source[0], source[1]);
      std::vector<int64_t> permutation;
      for (int64_t axis = 0; axis < rank; ++axis) permutation.push_back(axis < 2 ? 1 - axis : axis);
      return f.b().transpose(f.floats(source, low, high), permutation);
    }
    case 2: {
      mil::Shape source = shape;
      source.back() += 3;
      mil::Shape begin(shape.size(), 0);
      begin.back() = 2;
      return f.b().slice(f.floats(source, low, high), begin, shape);
    }
    default:
      return f.floats(shape, low, high);
  }
}

inline mil::Operand text(TestFunction& f, std::string_view name, std::string_view value) {
  return mil::operand(name, f.b().text(value));
}
inline mil::Operand integers(TestFunction& f, std::string_view name, std::vector<int64_t> values) {
  return mil::operand(name, f.b().int32_vector(values));
}
inline mil::Operand integer(TestFunction& f, std::string_view name, int64_t value) {
  return mil::operand(name, f.b().int32(value));
}
inline mil::Operand flag(TestFunction& f, std::string_view name, bool value) {
  return mil::operand(name, f.b().boolean(value));
}

// A shape that broadcasts to `shape`: some axes 1, some leading ones missing.
inline mil::Shape narrowed(TestFunction& f, mil::Shape shape) {
  for (int64_t& size : shape) size = f.below(3) == 0 ? 1 : size;
  const int64_t drop = f.below(static_cast<int64_t>(shape.size()) + 1);
  if (f.below(3) == 0) shape.erase(shape.begin(), shape.begin() + drop);
  return shape;
}

// The examples of one category each; the others are in operations_test.cpp.
std::vector<Example> rearrangement_examples();
std::vector<Example> coordinate_examples();
std::vector<Example> recurrent_examples();
std::vector<Example> sorting_examples();
std::vector<Example> scale_examples();
std::vector<Example> dense_examples();

}  // namespace millwright::cpu
