#include "mil/interpreter/evaluation.h"

#include "base/check.h"
#include "mil/parameters.h"

namespace millwright::mil::interpreter {

std::optional<TensorValue> Evaluation::find(std::string_view name) const {
  if (const Operand* operand = operation_.find_operand(name)) {
    const Argument& argument = operand->arguments.at(0);
    if (Value* const* value = std::get_if<Value*>(&argument)) return environment_.at(*value);
    return to_value(std::get<Literal>(argument));
  }
  const Literal* literal = find_parameter(operation_, name);
  if (literal == nullptr) return std::nullopt;
  return to_value(*literal);
}

TensorValue Evaluation::operand(std::string_view name) const {
  std::optional<TensorValue> found = find(name);
  MW_CHECK(found.has_value(), "{} has no operand {}", where(), name);
  return *std::move(found);
}

std::vector<TensorValue> Evaluation::list(std::string_view name) const {
  std::vector<TensorValue> values;
  for (const Argument& argument : operation_.find_operand(name)->arguments) {
    if (Value* const* value = std::get_if<Value*>(&argument)) {
      values.push_back(environment_.at(*value));
    } else {
      values.push_back(to_value(std::get<Literal>(argument)));
    }
  }
  return values;
}

std::vector<int64_t> Evaluation::integers(std::string_view name) const {
  std::vector<int64_t> values;
  const std::optional<TensorValue> found = find(name);
  if (!found) return values;
  for (const double number : found->numbers) values.push_back(static_cast<int64_t>(number));
  return values;
}

std::vector<int64_t> Evaluation::integers_or(std::string_view name, size_t count, int64_t value) const {
  std::vector<int64_t> values = integers(name);
  if (values.empty()) values.assign(count, value);
  return values;
}

std::string Evaluation::text(std::string_view name) const { return mil::text(operation_, name); }

size_t Evaluation::axis(std::string_view name, size_t rank) const {
  const int64_t axis = integer(name);
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
}

TensorValue Evaluation::zeros(Shape shape, size_t index) const {
  const size_t count = static_cast<size_t>(element_count(shape));
  return {Type::tensor(element(index), std::move(shape)), std::vector<double>(count, 0.0)};
}

void for_each_index(const Shape& shape, const std::function<void(const Shape& index)>& visit) {
  Shape index(shape.size(), 0);
  for (int64_t left = element_count(shape); left > 0; --left) {
    visit(index);
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

size_t offset_of(const Shape& index, const Shape& shape) {
  int64_t offset = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) offset = offset * shape[axis] + index[axis];
  return static_cast<size_t>(offset);
}

size_t broadcast_offset(const Shape& index, const Shape& shape) {
  const size_t skipped = index.size() - shape.size();
  int64_t offset = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    offset = offset * shape[axis] + (shape[axis] == 1 ? 0 : index[skipped + axis]);
  }
  return static_cast<size_t>(offset);
}

std::optional<int64_t> wrapped_index(int64_t index, int64_t size) {
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return index;
}

}  // namespace millwright::mil::interpreter
