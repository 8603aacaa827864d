// What the interpreter's tables see of one operation: its operands as numbers, its parameters, and walks over shapes.
// Internal to the interpreter.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mil/interpreter/interpreter.h"

namespace millwright::mil::interpreter {

using Environment = std::unordered_map<const Value*, TensorValue>;

class Evaluation {
 public:
  Evaluation(const Operation& operation, const Environment& environment)
      : operation_(operation), environment_(environment) {}

  const Operation& operation() const { return operation_; }
  // "layers.0.scores (matmul)"
  std::string where() const { return describe(operation_); }

  // Given as an operand or attribute, or defaulted by the registry.
  std::optional<TensorValue> find(std::string_view name) const;
  // The same where it must be there (MW_CHECK).
  TensorValue operand(std::string_view name) const;
  std::vector<TensorValue> list(std::string_view name) const;

  // Parameters, constant or computed at run time.
  double number(std::string_view name) const { return operand(name).numbers.at(0); }
  int64_t integer(std::string_view name) const { return static_cast<int64_t>(number(name)); }
  bool flag(std::string_view name) const { return number(name) != 0; }
  std::vector<int64_t> integers(std::string_view name) const;  // empty when absent
  // The integers, or `count` times `value` when absent.
  std::vector<int64_t> integers_or(std::string_view name, size_t count, int64_t value) const;
  std::string text(std::string_view name) const;
  // An axis parameter counted from the front.
  size_t axis(std::string_view name, size_t rank) const;

  // The element type that result `index` declares.
  ElementType element(size_t index = 0) const { return operation_.result(index)->element(); }
  // A result of that element type, all zeros.
  TensorValue zeros(Shape shape, size_t index = 0) const;

 private:
  const Operation& operation_;
  const Environment& environment_;
};

using Values = Result<std::vector<TensorValue>>;

struct Evaluator {
  std::string_view kind;
  Values (*evaluate)(const Evaluation&);
};

// What the interpreter itself computes for the operation: for overrides that change only the rounding.
Values evaluate(const Evaluation& evaluation);

// The tables, one per category file.
std::span<const Evaluator> elementwise_evaluators();
std::span<const Evaluator> activation_evaluators();
std::span<const Evaluator> normalization_evaluators();
std::span<const Evaluator> product_evaluators();
std::span<const Evaluator> window_evaluators();
std::span<const Evaluator> recurrent_evaluators();
std::span<const Evaluator> reduction_evaluators();
std::span<const Evaluator> shape_evaluators();
std::span<const Evaluator> rearrangement_evaluators();
std::span<const Evaluator> slice_evaluators();
std::span<const Evaluator> gather_evaluators();
std::span<const Evaluator> coordinate_evaluators();
std::span<const Evaluator> creation_evaluators();
std::span<const Evaluator> sorting_evaluators();
std::span<const Evaluator> compression_evaluators();

// `old` after an update by the scatter mode.
double combined(const std::string& mode, double old, double update);

// Calls visit for every index of the shape in row-major order; once with an empty index for rank 0.
void for_each_index(const Shape& shape, const std::function<void(const Shape& index)>& visit);
// Position of an index in a row-major tensor.
size_t offset_of(const Shape& index, const Shape& shape);
// The same where the tensor is broadcast: right-aligned, axes of size 1 always read element 0.
size_t broadcast_offset(const Shape& index, const Shape& shape);
// An index counted from the front; nothing when it is outside the axis.
std::optional<int64_t> wrapped_index(int64_t index, int64_t size);

}  // namespace millwright::mil::interpreter
