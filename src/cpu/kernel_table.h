// The kernel table: for each kind of operation the function that lowers it to kernel calls or to a view. Adding an
// operation to the executor is one row in operations_<category>.cpp.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cpu/lowering.h"

namespace millwright::cpu {

using LowerFunction = Status (*)(Lowering& lowering, const mil::Operation& operation);

struct KernelEntry {
  std::string_view kind;
  LowerFunction lower;
};

// Nothing for a kind that has no kernel. Elementwise kinds are not here: operations_elementwise.h.
LowerFunction find_kernel(std::string_view kind);
std::vector<std::string_view> kinds_with_kernels();

// The rows of the table, one function per category file.
std::span<const KernelEntry> view_kernels();
std::span<const KernelEntry> movement_kernels();
std::span<const KernelEntry> product_kernels();
std::span<const KernelEntry> reduction_kernels();
std::span<const KernelEntry> softmax_kernels();
std::span<const KernelEntry> gather_kernels();
std::span<const KernelEntry> creation_kernels();
std::span<const KernelEntry> unfused_kernels();
std::span<const KernelEntry> rearrangement_kernels();
std::span<const KernelEntry> coordinate_kernels();

// fail("{}: …") with the operation's name and place in front.
template <class... Args>
tl::unexpected<Error> operation_error(const mil::Operation& operation, fmt::format_string<Args...> format,
                                      Args&&... args) {
  return fail("{}: {}", mil::describe(operation), fmt::format(format, std::forward<Args>(args)...));
}
// An error unless the view's element type is the one given: "no kernel for fp64".
Status expect_element(const mil::Operation& operation, const View& view, mil::ElementType element);

}  // namespace millwright::cpu
