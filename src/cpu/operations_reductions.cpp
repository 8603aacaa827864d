// Reductions that the fused float kernel does not do: integers, arg-reductions, running sums. Plain loops.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "cpu/axis_split.h"
#include "cpu/kernel_table.h"
#include "cpu/number_types.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

enum class IntegerReduction : uint8_t { sum, mean, max, min, prod, sum_square, l1_norm };

constexpr std::pair<std::string_view, IntegerReduction> kIntegerReductions[] = {
    {"reduce_sum", IntegerReduction::sum},         {"reduce_mean", IntegerReduction::mean},
    {"reduce_max", IntegerReduction::max},         {"reduce_min", IntegerReduction::min},
    {"reduce_prod", IntegerReduction::prod},       {"reduce_sum_square", IntegerReduction::sum_square},
    {"reduce_l1_norm", IntegerReduction::l1_norm},
};

// Modulo 2^bits: computed in the unsigned type, where nothing overflows; extremes and quotients in the type itself.
template <class T>
T reduced_row(IntegerReduction kind, const T* row, int64_t count) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned total = kind == IntegerReduction::prod ? 1 : 0;
  T extreme = kind == IntegerReduction::max ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  for (int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<Unsigned>(row[i]);
    switch (kind) {
      case IntegerReduction::sum:
      case IntegerReduction::mean:
        total += x;
        break;
      case IntegerReduction::max:
        extreme = std::max(extreme, row[i]);
        break;
      case IntegerReduction::min:
        extreme = std::min(extreme, row[i]);
        break;
      case IntegerReduction::prod:
        total *= x;
        break;
      case IntegerReduction::sum_square:
        total += x * x;
        break;
      case IntegerReduction::l1_norm:
        total += row[i] < 0 ? Unsigned{0} - x : x;
        break;
    }
  }
  if (kind == IntegerReduction::max || kind == IntegerReduction::min) return extreme;
  return static_cast<T>(total);
}

// The mean of int32 is exact; that of wider types is the wrapped sum's.
template <class T>
T mean_row(const T* row, int64_t count) {
  if (count == 0) return 0;
  if constexpr (std::is_same_v<T, int32_t>) {
    int64_t total = 0;
    for (int64_t i = 0; i < count; ++i) total += row[i];
    return static_cast<T>(total / count);
  } else {
    const T total = reduced_row(IntegerReduction::sum, row, count);
    if constexpr (std::is_signed_v<T>) return static_cast<T>(total / count);
    return static_cast<T>(total / static_cast<std::make_unsigned_t<T>>(count));
  }
}

// The reduced axes last, so that each result is one row.
Status lower_integer_reduction(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const std::vector<int64_t> axes = mil::reduction_axes(operation, x.rank());
  std::vector<int64_t> permutation;
  int64_t count = 1;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (!std::ranges::binary_search(axes, axis)) permutation.push_back(axis);
  }
  for (const int64_t axis : axes) {
    permutation.push_back(axis);
    count *= x.sizes[static_cast<size_t>(axis)];
  }
  const View rows = lowering.dense(permuted(x, permutation), operation);
  const View y = lowering.dense_result(operation);
  const auto* kind =
      std::ranges::find(kIntegerReductions, operation.kind(), &std::pair<std::string_view, IntegerReduction>::first);
  return with_integer(operation, x.element, [&]<class T>(T) -> Status {
    Call call{.kernel = std::string(operation.kind()), .reads = {rows}, .writes = {y}};
    call.run = [=, kind = kind->second, results = y.count()](const Memory& memory) -> Status {
      const T* source = static_cast<const T*>(memory.at(rows));
      T* destination = static_cast<T*>(memory.at(y));
      parallel_rows(results, count, [&](int64_t row) {
        const T* first = source + row * count;
        destination[row] = kind == IntegerReduction::mean ? mean_row(first, count) : reduced_row(kind, first, count);
      });
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

// The first of equal extremes.
template <class T>
void plain_arg(bool wants_largest, const AxisSplit& split, const T* x, int32_t* y) {
  parallel_rows(split.outer, split.axis * split.inner, [&](int64_t outer) {
    for (int64_t inner = 0; inner < split.inner; ++inner) {
      const T* first = x + outer * split.axis * split.inner + inner;
      int64_t best = 0;
      for (int64_t i = 1; i < split.axis; ++i) {
        const T candidate = first[i * split.inner];
        const T leader = first[best * split.inner];
        if (wants_largest ? candidate > leader : candidate < leader) best = i;
      }
      y[outer * split.inner + inner] = static_cast<int32_t>(best);
    }
  });
}

Status lower_arg_reduction(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  const View y = lowering.dense_result(operation);
  MW_TRY(expect_element(operation, y, mil::ElementType::int32));
  const int64_t axis = mil::axis_of(operation, "axis", x.rank());
  if (x.sizes[static_cast<size_t>(axis)] == 0) return operation_error(operation, "axis {} of x is empty", axis);
  const AxisSplit split = split_at(x.sizes, axis);
  const bool wants_largest = operation.kind() == "reduce_argmax";
  return with_number(operation, x.element, [&]<class T>(T) -> Status {
    Call call{.kernel = std::string(operation.kind()), .reads = {x}, .writes = {y}};
    call.run = [=](const Memory& memory) -> Status {
      plain_arg(wants_largest, split, static_cast<const T*>(memory.at(x)), memory.integers(y));
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

// Float sums run in double, integers wrap around.
template <class T>
void plain_cumsum(bool exclusive, bool reverse, const AxisSplit& split, const T* x, T* y) {
  using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
  parallel_rows(split.outer, split.axis * split.inner, [&](int64_t outer) {
    for (int64_t inner = 0; inner < split.inner; ++inner) {
      Sum total = 0;
      for (int64_t i = 0; i < split.axis; ++i) {
        const int64_t row = reverse ? split.axis - 1 - i : i;
        const int64_t at = (outer * split.axis + row) * split.inner + inner;
        const Sum with = total + static_cast<Sum>(x[at]);
        y[at] = static_cast<T>(exclusive ? total : with);
        total = with;
      }
    }
  });
}

Status lower_cumsum(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  const View y = lowering.dense_result(operation);
  const AxisSplit split = split_at(x.sizes, mil::axis_of(operation, "axis", x.rank()));
  const bool exclusive = mil::flag(operation, "exclusive");
  const bool reverse = mil::flag(operation, "reverse");
  return with_number(operation, x.element, [&]<class T>(T) -> Status {
    Call call{.kernel = "cumsum", .reads = {x}, .writes = {y}};
    call.run = [=](const Memory& memory) -> Status {
      plain_cumsum(exclusive, reverse, split, static_cast<const T*>(memory.at(x)), static_cast<T*>(memory.at(y)));
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

constexpr KernelEntry kEntries[] = {
    {"reduce_sum", lower_integer_reduction},     {"reduce_mean", lower_integer_reduction},
    {"reduce_max", lower_integer_reduction},     {"reduce_min", lower_integer_reduction},
    {"reduce_prod", lower_integer_reduction},    {"reduce_sum_square", lower_integer_reduction},
    {"reduce_l1_norm", lower_integer_reduction}, {"reduce_argmax", lower_arg_reduction},
    {"reduce_argmin", lower_arg_reduction},      {"cumsum", lower_cumsum},
};

}  // namespace

std::span<const KernelEntry> reduction_kernels() { return kEntries; }

}  // namespace millwright::cpu
