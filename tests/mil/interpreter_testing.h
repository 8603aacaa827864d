// Runs single operations in the reference interpreter.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mil/builder.h"
#include "mil/interpreter/interpreter.h"

namespace millwright::mil {

// A tensor as an input of the function under test.
inline TensorValue tensor(ElementType element, Shape shape, std::vector<double> numbers) {
  return {Type::tensor(element, std::move(shape)), std::move(numbers)};
}
inline TensorValue fp32(Shape shape, std::vector<double> numbers) {
  return tensor(ElementType::fp32, std::move(shape), std::move(numbers));
}
inline TensorValue fp64(Shape shape, std::vector<double> numbers) {
  return tensor(ElementType::fp64, std::move(shape), std::move(numbers));
}
inline TensorValue int32(Shape shape, std::vector<double> numbers) {
  return tensor(ElementType::int32, std::move(shape), std::move(numbers));
}
// 0, 1, 2, …
inline TensorValue counting(Shape shape, double first = 0) {
  const Type type = Type::tensor(ElementType::fp64, std::move(shape));
  std::vector<double> numbers(static_cast<size_t>(type.count()));
  for (double& number : numbers) number = first++;
  return {type, std::move(numbers)};
}

struct NamedTensor {
  std::string name;
  TensorValue value;
};
struct NamedConstant {
  std::string name;
  Literal value;
};

inline Literal ints(const std::vector<int64_t>& numbers) { return Literal::int32_vector(numbers); }
inline Literal bools(const std::vector<bool>& values) { return Literal::bool_vector(values); }

// One operation with the tensors as function inputs and the constants as const operations.
inline Result<std::vector<TensorValue>> run_operation(std::string_view kind, const std::vector<NamedTensor>& tensors,
                                                      const std::vector<NamedConstant>& constants = {},
                                                      Precision precision = Precision::fp64) {
  Function function("main", "ios18");
  Builder b(function);
  std::vector<Operand> operands;
  std::vector<TensorValue> inputs;
  for (const NamedTensor& item : tensors) {
    operands.push_back(operand(item.name, b.input(item.name, item.value.type)));
    inputs.push_back(item.value);
  }
  for (const NamedConstant& item : constants) operands.push_back(operand(item.name, b.constant(item.value)));
  function.block().set_results(b.emit_all(kind, std::move(operands), "tested"));
  return interpret(function, inputs, precision);
}

// The only result; a failure shows its message.
inline TensorValue result_of(std::string_view kind, const std::vector<NamedTensor>& tensors,
                             const std::vector<NamedConstant>& constants = {}, Precision precision = Precision::fp64) {
  auto results = run_operation(kind, tensors, constants, precision);
  if (!results) {
    ADD_FAILURE() << results.error().message;
    return {};
  }
  return results->at(0);
}

inline std::string error_of(std::string_view kind, const std::vector<NamedTensor>& tensors,
                            const std::vector<NamedConstant>& constants = {}) {
  const auto results = run_operation(kind, tensors, constants);
  return results ? "no error" : results.error().message;
}

inline void expect_tensor(const TensorValue& actual, const Shape& shape, const std::vector<double>& numbers) {
  EXPECT_EQ(actual.type.shape(), shape);
  EXPECT_EQ(actual.numbers, numbers);
}
inline void expect_near(const TensorValue& actual, const std::vector<double>& numbers) {
  constexpr double kTolerance = 1e-14;  // a few roundings in double
  ASSERT_EQ(actual.numbers.size(), numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_NEAR(actual.numbers[i], numbers[i], kTolerance) << "element " << i;
}

}  // namespace millwright::mil
