// Softmax along one axis, with the attention's scale and mask in the same pass, and its gradient; log-sum-exp.
#include <algorithm>

#include "cpu/axis_split.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/softmax.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

Status lower_softmax(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_TRY(expect_element(operation, x, mil::ElementType::fp32));
  const View y = lowering.dense_result(operation);
  const bool is_internal = operation.kind() == "mw.softmax";
  const int64_t axis = is_internal ? x.rank() - 1 : mil::axis_of(operation, "axis", x.rank());
  const AxisSplit split = split_at(x.sizes, axis);
  Call call{.kernel = "softmax", .reads = {x}, .writes = {y}};
  SoftmaxOptions options;
  std::optional<View> mask;
  if (is_internal) {
    options.scale = static_cast<float>(mil::number(operation, "scale"));
    if (operation.find_operand("mask") != nullptr) {
      // [rows, columns], the last two axes of x.
      mask = lowering.dense_operand(operation, "mask");
      options.mask_rows = mask->sizes[mask->sizes.size() - 2];
      call.reads.push_back(*mask);
    }
  }
  // A mask that is a part of x is read again for later rows.
  if (!mask || mask->buffer != x.buffer) call.in_place = {{0, 0}};
  if (split.outer * split.axis * split.inner == 0) return {};
  call.run = [=](const Memory& memory) -> Status {
    SoftmaxOptions bound = options;
    if (mask) bound.mask = memory.floats(*mask);
    softmax(memory.floats(x), memory.floats(y), split.outer, split.axis, split.inner, bound);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_softmax_backward(Lowering& lowering, const mil::Operation& operation) {
  const View p = lowering.dense_operand(operation, "p");
  const View dp = lowering.dense_operand(operation, "dp");
  const View dx = lowering.dense_result(operation);
  MW_TRY(expect_element(operation, p, mil::ElementType::fp32));
  const AxisSplit split = split_at(p.sizes, mil::axis_of(operation, "axis", p.rank()));
  const auto scale = static_cast<float>(mil::number(operation, "scale"));
  Call call{.kernel = "softmax_backward", .reads = {p, dp}, .writes = {dx}, .in_place = {{1, 0}, {0, 0}}};
  call.run = [=](const Memory& memory) -> Status {
    softmax_backward(memory.floats(p), memory.floats(dp), memory.floats(dx), split.outer, split.axis, split.inner,
                     scale);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// Axes that do not stand together are first brought to the end.
Status lower_log_sum_exp(Lowering& lowering, const mil::Operation& operation) {
  View x = lowering.operand(operation, "x");
  MW_TRY(expect_element(operation, x, mil::ElementType::fp32));
  const std::vector<int64_t> axes = mil::reduction_axes(operation, x.rank());
  if (axes.empty()) return lowering.emit_copy(operation, x, lowering.result(operation));
  const bool moves = axes.back() - axes.front() + 1 != static_cast<int64_t>(axes.size());
  if (moves) {
    std::vector<int64_t> permutation;
    for (int64_t axis = 0; axis < x.rank(); ++axis) {
      if (!std::ranges::binary_search(axes, axis)) permutation.push_back(axis);
    }
    permutation.insert(permutation.end(), axes.begin(), axes.end());
    x = permuted(x, permutation);
  }
  x = lowering.dense(x, operation);
  AxisSplit split;
  const int64_t first = moves ? x.rank() - static_cast<int64_t>(axes.size()) : axes.front();
  const int64_t last = first + static_cast<int64_t>(axes.size());
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    const int64_t size = x.sizes[static_cast<size_t>(axis)];
    (axis < first ? split.outer : (axis < last ? split.axis : split.inner)) *= size;
  }
  const View y = lowering.dense_result(operation);
  Call call{.kernel = "reduce_log_sum_exp", .reads = {x}, .writes = {y}};
  call.run = [=](const Memory& memory) -> Status {
    log_sum_exp(memory.floats(x), memory.floats(y), split.outer, split.axis, split.inner);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"softmax", lower_softmax},
    {"mw.softmax", lower_softmax},
    {"mw.softmax_backward", lower_softmax_backward},
    {"reduce_log_sum_exp", lower_log_sum_exp},
};

}  // namespace

std::span<const KernelEntry> softmax_kernels() { return kEntries; }

}  // namespace millwright::cpu
