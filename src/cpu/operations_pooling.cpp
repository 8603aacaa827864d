// Pools over one to three spatial axes.
#include "cpu/kernel_table.h"
#include "cpu/kernels/windows.h"
#include "cpu/spatial_windows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

PoolKind kind_of(const mil::Operation& operation) {
  if (operation.kind() == "max_pool") return PoolKind::max;
  if (operation.kind() == "l2_pool") return PoolKind::l2;
  return mil::flag(operation, "exclude_padding_from_average") ? PoolKind::average_without_padding : PoolKind::average;
}

Status lower_pool(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_TRY(expect_element(operation, x, mil::ElementType::fp32));
  const View y = lowering.dense_result(operation);
  const Windows windows = pool_windows(operation, x.sizes, y.sizes);
  Call call{.kernel = std::string(operation.kind()), .reads = {x}, .writes = {y}};
  call.run = [=, kind = kind_of(operation), planes = x.sizes[0] * x.sizes[1]](const Memory& memory) -> Status {
    pool(kind, windows, planes, memory.floats(x), memory.floats(y));
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"avg_pool", lower_pool},
    {"l2_pool", lower_pool},
    {"max_pool", lower_pool},
};

}  // namespace

std::span<const KernelEntry> pooling_kernels() { return kEntries; }

}  // namespace millwright::cpu
