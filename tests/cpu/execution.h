// The executor against the reference interpreter: random functions and inputs, both results compared.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/random.h"
#include "cpu/executor.h"
#include "cpu/passes/passes.h"
#include "mil/builder.h"
#include "mil/internal_operations.h"
#include "mil/interpreter/interpreter.h"
#include "mil/registry.h"

namespace millwright::cpu {

// Rounding of fp32 sums and functions, relative to the largest element of a result: 1e-5 is about 80 units in the last
// place, enough for the sums of a few hundred terms in these tests.
inline constexpr double kTolerance = 1e-5;
// The same where results are rounded to fp16 (half a unit of the largest element: 2^-11) or bf16 (2^-8), the operands
// of some results once more.
inline double tolerance_of(mil::ElementType element) {
  return element == mil::ElementType::fp16 ? 1.5e-3 : (element == mil::ElementType::bf16 ? 1.2e-2 : kTolerance);
}

// A function under construction with the values of its inputs, drawn from a seed.
class TestFunction {
 public:
  // `element`: the type of what floats() and scalar() give.
  explicit TestFunction(uint64_t seed, mil::ElementType element = mil::ElementType::fp32)
      : random_(seed),
        element_(element),
        function_(std::make_unique<mil::Function>("main", "ios18")),
        builder_(*function_) {}

  mil::Builder& b() { return builder_; }
  mil::Function& function() { return *function_; }
  RandomStream& random() { return random_; }
  const std::vector<mil::TensorValue>& inputs() const { return inputs_; }

  int64_t below(int64_t bound) { return static_cast<int64_t>(random_.below(static_cast<uint64_t>(bound))); }
  int64_t size(int64_t most = 6) { return 1 + below(most); }
  mil::Shape shape(int64_t rank, int64_t most = 6) {
    mil::Shape sizes;
    for (int64_t axis = 0; axis < rank; ++axis) sizes.push_back(size(most));
    return sizes;
  }

  mil::Value* floats(const mil::Shape& shape, double low = -1, double high = 1) {
    mil::TensorValue value{mil::Type::tensor(element_, shape), {}};
    for (int64_t i = 0; i < value.type.count(); ++i) {
      std::byte stored[sizeof(double)];
      mil::store_number(element_, low + (high - low) * random_.uniform(), stored);
      value.numbers.push_back(mil::load_number(element_, stored));
    }
    return input(std::move(value));
  }
  mil::Value* scalar(double value) { return builder_.scalar(element_, value); }
  mil::ElementType element() const { return element_; }
  // In [low, high).
  mil::Value* integers(const mil::Shape& shape, int64_t low, int64_t high) {
    mil::TensorValue value{mil::Type::tensor(mil::ElementType::int32, shape), {}};
    for (int64_t i = 0; i < value.type.count(); ++i)
      value.numbers.push_back(static_cast<double>(low + below(high - low)));
    return input(std::move(value));
  }
  mil::Value* booleans(const mil::Shape& shape) {
    mil::TensorValue value{mil::Type::tensor(mil::ElementType::boolean, shape), {}};
    for (int64_t i = 0; i < value.type.count(); ++i) value.numbers.push_back(static_cast<double>(below(2)));
    return input(std::move(value));
  }
  mil::Value* input(mil::TensorValue value) {
    inputs_.push_back(std::move(value));
    return builder_.input("input", inputs_.back().type);
  }
  void returns(std::vector<mil::Value*> values) { function_->block().set_results(std::move(values)); }

 private:
  RandomStream random_;
  mil::ElementType element_;
  std::unique_ptr<mil::Function> function_;
  mil::Builder builder_;
  std::vector<mil::TensorValue> inputs_;
};

inline AlignedBuffer to_buffer(const mil::TensorValue& value) {
  AlignedBuffer buffer(static_cast<size_t>(value.type.bytes()));
  const size_t width = mil::element_bytes(value.type.element());
  for (size_t i = 0; i < value.numbers.size(); ++i) {
    mil::store_number(value.type.element(), value.numbers[i], buffer.data() + i * width);
  }
  return buffer;
}

inline mil::TensorValue to_tensor(const mil::Type& type, const AlignedBuffer& buffer) {
  mil::TensorValue value{type, {}};
  const size_t width = mil::element_bytes(type.element());
  for (int64_t i = 0; i < type.count(); ++i) {
    value.numbers.push_back(mil::load_number(type.element(), buffer.data() + static_cast<size_t>(i) * width));
  }
  return value;
}

inline std::unique_ptr<CompiledFunction> compile(const mil::Function& function, const CompileOptions& options = {}) {
  auto compiled = CompiledFunction::compile(function, options);
  if (!compiled) {
    ADD_FAILURE() << compiled.error().message;
    return nullptr;
  }
  return std::move(*compiled);
}

// The memory of one run: aliased results share their input's buffer.
struct RunMemory {
  std::vector<AlignedBuffer> inputs;
  std::vector<AlignedBuffer> results;
  std::vector<void*> input_pointers;
  std::vector<void*> result_pointers;

  RunMemory(const mil::Function& function, const std::vector<mil::TensorValue>& values) {
    for (const mil::TensorValue& value : values) {
      inputs.push_back(to_buffer(value));
      input_pointers.push_back(inputs.back().data());
    }
    for (const mil::Value* result : function.results()) {
      const mil::Value* aliased = function.aliased_input(result);
      results.emplace_back(static_cast<size_t>(result->type().bytes()));
      void* pointer = results.back().data();
      for (size_t i = 0; aliased != nullptr && i < function.inputs().size(); ++i) {
        if (function.inputs()[i].get() == aliased) pointer = input_pointers[i];
      }
      result_pointers.push_back(pointer);
    }
  }
};

inline Result<std::vector<mil::TensorValue>> run(CompiledFunction& compiled, const mil::Function& function,
                                                 const std::vector<mil::TensorValue>& inputs) {
  RunMemory memory(function, inputs);
  MW_TRY(compiled.run(memory.input_pointers, memory.result_pointers));
  std::vector<mil::TensorValue> results;
  for (size_t i = 0; i < function.results().size(); ++i) {
    const mil::Type& type = function.results()[i]->type();
    AlignedBuffer copy(static_cast<size_t>(type.bytes()));
    if (copy.size() > 0)
      std::copy_n(static_cast<const std::byte*>(memory.result_pointers[i]), copy.size(), copy.data());
    results.push_back(to_tensor(type, copy));
  }
  // Inputs that no result aliases are never written.
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool aliased =
        std::ranges::find(memory.result_pointers, memory.input_pointers[i]) != memory.result_pointers.end();
    if (aliased || inputs[i].numbers.empty()) continue;
    const AlignedBuffer given = to_buffer(inputs[i]);
    EXPECT_TRUE(std::equal(given.data(), given.data() + given.size(), memory.inputs[i].data()))
        << "input " << i << " was written";
  }
  return results;
}

// Relative to the largest finite element of the expected result, which is at least 1.
inline void expect_near(const std::vector<mil::TensorValue>& actual, const std::vector<mil::TensorValue>& expected,
                        double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t r = 0; r < expected.size(); ++r) {
    ASSERT_EQ(actual[r].numbers.size(), expected[r].numbers.size());
    double largest = 1;
    for (const double number : expected[r].numbers) {
      if (std::isfinite(number)) largest = std::max(largest, std::fabs(number));
    }
    const bool exact = !mil::is_floating(expected[r].type.element());
    for (size_t i = 0; i < expected[r].numbers.size(); ++i) {
      const double a = actual[r].numbers[i];
      const double e = expected[r].numbers[i];
      const bool same =
          a == e || (std::isnan(a) && std::isnan(e)) || std::fabs(a - e) <= (exact ? 0 : tolerance * largest);
      ASSERT_TRUE(same) << what << ": result " << r << ", element " << i << ": " << a << " instead of " << e;
    }
  }
}

// Compiles and runs the function, and interprets it before and after the executor's passes: all must agree.
inline void expect_same_as_interpreter(const mil::Function& function, const std::vector<mil::TensorValue>& inputs,
                                       double tolerance = kTolerance, const std::string& what = "") {
  const auto expected = mil::interpret(function, inputs, mil::Precision::fp64);
  ASSERT_TRUE(expected) << expected.error().message;

  const std::unique_ptr<mil::Function> rewritten = mil::clone(function);
  run_passes(*rewritten);
  mil::decompose_internal_operations(*rewritten);
  const auto after = mil::interpret(*rewritten, inputs, mil::Precision::fp64);
  ASSERT_TRUE(after) << what << ": " << after.error().message;
  // Constants that a pass folded are rounded to fp32.
  expect_near(*after, *expected, 1e-6, what + " (after the passes)");

  const auto compiled = compile(function);
  ASSERT_NE(compiled, nullptr) << what;
  for (int repetition = 0; repetition < 2; ++repetition) {
    const auto actual = run(*compiled, function, inputs);
    ASSERT_TRUE(actual) << what << ": " << actual.error().message;
    expect_near(*actual, *expected, tolerance, what);
  }
  if (::testing::Test::HasFailure()) ADD_FAILURE() << compiled->listing();
}

}  // namespace millwright::cpu
