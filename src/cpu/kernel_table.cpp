#include "cpu/kernel_table.h"

#include <algorithm>
#include <unordered_map>

#include "cpu/operations_elementwise.h"

namespace millwright::cpu {
namespace {

const std::unordered_map<std::string_view, const KernelEntry*>& table() {
  static const std::unordered_map<std::string_view, const KernelEntry*> all = [] {
    std::unordered_map<std::string_view, const KernelEntry*> map;
    for (auto rows : {view_kernels, movement_kernels, product_kernels, reduction_kernels, softmax_kernels,
                      gather_kernels, creation_kernels, unfused_kernels, rearrangement_kernels, coordinate_kernels,
                      wide_integer_kernels, recurrent_kernels, sorting_kernels, compression_kernels,
                      convolution_kernels, pooling_kernels, normalization_kernels, attention_kernels, slice_kernels}) {
      for (const KernelEntry& entry : rows()) map.emplace(entry.kind, &entry);
    }
    return map;
  }();
  return all;
}

}  // namespace

bool KernelEntry::keeps(std::string_view name) const {
  if (kept == "*") return true;
  for (std::string_view rest = kept; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == name) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

const KernelEntry* find_kernel(std::string_view kind) {
  const auto found = table().find(kind);
  return found == table().end() ? nullptr : found->second;
}

std::vector<std::string_view> kinds_with_kernels() {
  std::vector<std::string_view> kinds = kinds_with_elementwise_forms();
  for (const auto& [kind, entry] : table()) kinds.push_back(kind);
  std::ranges::sort(kinds);
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  return kinds;
}

Status expect_element(const mil::Operation& operation, const View& view, mil::ElementType element) {
  if (view.element == element) return {};
  return operation_error(operation, "the CPU executor has no kernel of this operation for {}, only for {}",
                         mil::element_name(view.element), mil::element_name(element));
}

}  // namespace millwright::cpu
