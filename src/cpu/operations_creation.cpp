// Operations that make tensors: constants and fills are views of bytes that exist before the run.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "cpu/number_types.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

Status lower_const(Lowering& lowering, const mil::Operation& operation) {
  const mil::Literal& literal = *operation.attribute("val");
  // Names and modes are read from the literal itself.
  if (!literal.type().is_tensor() || literal.type().element() == mil::ElementType::string) return {};
  if (literal.is_blob()) {
    return operation_error(operation, "its elements are in the weight file {}; load them before compiling",
                           literal.blob_reference().path);
  }
  lowering.define(operation.result(), lowering.constant(literal));
  return {};
}

// Sizes that are computed at run time must be those that the result's type declares.
Status emit_size_check(Lowering& lowering, const mil::Operation& operation, std::string_view name) {
  if (operation.find_operand(name) == nullptr || operation.constant(name) != nullptr) return {};
  MW_ASSIGN(const View sizes, int32_operand(lowering, operation, name));
  Call call{.kernel = "check_sizes", .reads = {sizes}};
  call.run = [=, where = mil::describe(operation),
              declared = operation.result()->shape()](const Memory& memory) -> Status {
    const int32_t* found = memory.integers(sizes);
    if (std::equal(declared.begin(), declared.end(), found, found + sizes.count())) return {};
    return fail("{}: the computed shape is {}, the declared one {}", where,
                mil::shape_text(mil::Shape(found, found + sizes.count())), mil::shape_text(declared));
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_fill(Lowering& lowering, const mil::Operation& operation) {
  MW_TRY(emit_size_check(lowering, operation, "shape"));
  View value = lowering.operand(operation, "value");
  value = reshaped(value, {}).value();
  lowering.define(operation.result(), splat_view(value, operation.result()->type()));
  return {};
}

// start + i · step, as many as the result type says: bounds that the program computes must agree with it.
Status lower_run_time_range(Lowering& lowering, const mil::Operation& operation) {
  const View y = lowering.dense_result(operation);
  const View start = lowering.operand(operation, "start");
  const View end = lowering.operand(operation, "end");
  const View step = lowering.operand(operation, "step");
  return with_number(operation, y.element, [&]<class T>(T) -> Status {
    Call call{.kernel = "range_1d", .reads = {start, end, step}, .writes = {y}};
    call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
      const auto number = [&](const View& view) {
        return static_cast<double>(*static_cast<const T*>(memory.at(view)));
      };
      const double count = std::max(0.0, std::ceil((number(end) - number(start)) / number(step)));
      if (count != static_cast<double>(y.count())) {
        return fail("{}: from {} to {} by {} are {} numbers; its type has {}", where, number(start), number(end),
                    number(step), count, y.count());
      }
      T* result = static_cast<T*>(memory.at(y));
      for (int64_t i = 0; i < y.count(); ++i) {
        result[i] = static_cast<T>(number(start) + static_cast<double>(i) * number(step));
      }
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

Status lower_range(Lowering& lowering, const mil::Operation& operation) {
  for (const std::string_view name : {"start", "end", "step"}) {
    if (mil::find_parameter(operation, name) == nullptr) return lower_run_time_range(lowering, operation);
  }
  const mil::Type& type = operation.result()->type();
  std::vector<double> numbers(static_cast<size_t>(type.count()));
  const double start = mil::number(operation, "start");
  const double step = mil::number(operation, "step");
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = start + static_cast<double>(i) * step;
  lowering.define(operation.result(), lowering.constant(mil::Literal::numbers(type, numbers)));
  return {};
}

Status lower_shape(Lowering& lowering, const mil::Operation& operation) {
  const std::vector<int64_t> sizes = lowering.operand(operation, "x").sizes;
  lowering.define(operation.result(), lowering.constant(mil::Literal::int32_vector(sizes)));
  return {};
}

// An index outside [0, size) marks no element.
Status lower_one_hot(Lowering& lowering, const mil::Operation& operation) {
  MW_ASSIGN(const View indices, int32_operand(lowering, operation, "indices"));
  const View y = lowering.dense_result(operation);
  const auto axis = static_cast<size_t>(mil::axis_of(operation, "axis", y.rank()));
  const int64_t size = y.sizes[axis];
  int64_t inner = 1;
  for (size_t i = axis + 1; i < y.sizes.size(); ++i) inner *= y.sizes[i];
  const int64_t outer = inner == 0 ? 0 : indices.count() / inner;
  MW_ASSIGN(const View on, lowering.converted(operation, lowering.operand(operation, "on_value"), y.element));
  MW_ASSIGN(const View off, lowering.converted(operation, lowering.operand(operation, "off_value"), y.element));
  const size_t width = mil::element_bytes(y.element);
  Call call{.kernel = "one_hot", .reads = {indices, on, off}, .writes = {y}};
  call.run = [=](const Memory& memory) -> Status {
    auto* destination = static_cast<std::byte*>(memory.at(y));
    parallel_rows(outer, size * inner, [&](int64_t row) {
      for (int64_t position = 0; position < size; ++position) {
        for (int64_t i = 0; i < inner; ++i) {
          const bool is_hot = memory.integers(indices)[row * inner + i] == position;
          const auto at = static_cast<size_t>((row * size + position) * inner + i);
          std::memcpy(destination + at * width, memory.at(is_hot ? on : off), width);
        }
      }
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"const", lower_const, "*"}, {"fill", lower_fill, "*"},   {"fill_like", lower_fill, "*"},
    {"range_1d", lower_range},   {"shape", lower_shape, "*"}, {"one_hot", lower_one_hot, "on_value off_value results"},
};

}  // namespace

std::span<const KernelEntry> creation_kernels() { return kEntries; }

}  // namespace millwright::cpu
