// Operations that only look at memory differently: no call, unless strides cannot express the result.
#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

Status lower_identity(Lowering& lowering, const mil::Operation& operation) {
  lowering.define(operation.result(), lowering.operand(operation, "x"));
  return {};
}

// A shape that is computed at run time must be the one that the type declares: −1 takes any size, 0 that of x.
Status emit_shape_check(Lowering& lowering, const mil::Operation& operation) {
  if (operation.operand("shape") == nullptr || operation.constant("shape") != nullptr) return {};
  MW_ASSIGN(const View shape, int32_operand(lowering, operation, "shape"));
  Call call{.kernel = "check_shape", .reads = {shape}};
  call.run = [=, where = mil::describe(operation),
              declared = operation.result()->shape()](const Memory& memory) -> Status {
    const int32_t* sizes = memory.integers(shape);
    for (size_t axis = 0; axis < declared.size(); ++axis) {
      if (sizes[axis] == -1 || sizes[axis] == 0 || sizes[axis] == declared[axis]) continue;
      return fail("{}: the computed shape is {}, the declared one {}", where,
                  mil::shape_text(mil::Shape(sizes, sizes + declared.size())), mil::shape_text(declared));
    }
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_reshape(Lowering& lowering, const mil::Operation& operation) {
  if (operation.kind() == "reshape") MW_TRY(emit_shape_check(lowering, operation));
  const View x = lowering.operand(operation, "x");
  const mil::Shape& shape = operation.result()->shape();
  std::optional<View> view = reshaped(x, shape);
  if (!view) view = reshaped(lowering.dense(x, operation), shape);
  lowering.define(operation.result(), *view);
  return {};
}

Status lower_transpose(Lowering& lowering, const mil::Operation& operation) {
  lowering.define(operation.result(), permuted(lowering.operand(operation, "x"), mil::integers(operation, "perm")));
  return {};
}

Status lower_split(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const auto axis = static_cast<size_t>(mil::axis_of(operation, "axis", x.rank()));
  int64_t begin = 0;
  for (const auto& result : operation.results()) {
    lowering.define(result.get(), sliced(x, axis, begin, result->shape()[axis]));
    begin += result->shape()[axis];
  }
  return {};
}

Status lower_reverse(Lowering& lowering, const mil::Operation& operation) {
  View view = lowering.operand(operation, "x");
  for (const int64_t axis : mil::reduction_axes(operation, view.rank())) {
    const auto index = static_cast<size_t>(axis);
    if (view.sizes[index] > 0) view = sliced(view, index, view.sizes[index] - 1, view.sizes[index], -1);
  }
  lowering.define(operation.result(), view);
  return {};
}

// Axis by axis: one of a single element repeats with stride 0; a longer one is walked with an extra axis of stride 0
// before it, which joins it in a copy.
Status lower_tile(Lowering& lowering, const mil::Operation& operation) {
  View view = lowering.operand(operation, "x");
  const std::vector<int64_t> repetitions = mil::integers(operation, "reps");
  for (size_t axis = 0; axis < repetitions.size(); ++axis) {
    if (repetitions[axis] == 1) continue;
    mil::Shape shape = view.sizes;
    shape[axis] *= repetitions[axis];
    View spread = view;
    spread.sizes.insert(spread.sizes.begin() + static_cast<int64_t>(axis), repetitions[axis]);
    spread.strides.insert(spread.strides.begin() + static_cast<int64_t>(axis), 0);
    const std::optional<View> joined = reshaped(spread, shape);
    view = joined ? *joined : reshaped(lowering.dense(spread, operation), shape).value();
  }
  lowering.define(operation.result(), view);
  return {};
}

constexpr KernelEntry kEntries[] = {
    {"identity", lower_identity, "*"}, {"reshape", lower_reshape, "*"},      {"expand_dims", lower_reshape, "*"},
    {"squeeze", lower_reshape, "*"},   {"transpose", lower_transpose, "*"},

    {"split", lower_split, "*"},       {"reverse", lower_reverse, "*"},      {"tile", lower_tile, "*"},
    {"flatten2d", lower_reshape, "*"}, {"reshape_like", lower_reshape, "*"},
};

}  // namespace

std::span<const KernelEntry> view_kernels() { return kEntries; }

}  // namespace millwright::cpu
