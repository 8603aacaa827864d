// The kernel table: for each kind of operation the function that lowers it to kernel calls or to a view. Adding an
// operation to the executor is one row in operations_<category>.cpp.
//
// Element types. A kernel is written for fp32 and, where it makes sense, int32. The pass widen_elements brings all
// other types there before lowering: operands of fp16 and bf16 arrive as fp32, those of bool and integers of up to 16
// bits as int32, the result is declared likewise, and a cast takes it back to the type of the program with one rounding
// (or wrap-around). These casts fuse with elementwise neighbours, and those of constants run once at compile time. So a
// row works for every such type as soon as it works for fp32 and int32; it refuses the rest (fp64, int64, uint32,
// uint64) with expect_element. A kernel that moves bytes, or that reads half precision itself, names in `kept` what it
// wants to get as it is.
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
  // Names of operands, separated by spaces, that stay as they are, and "results" for the results; "*" for all.
  std::string_view kept = "";

  bool keeps(std::string_view name) const;
};

// Nothing for a kind that has no kernel. Elementwise kinds are here for 64-bit integers and uint32 only; see also
// operations_elementwise.h.
const KernelEntry* find_kernel(std::string_view kind);
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
std::span<const KernelEntry> wide_integer_kernels();
std::span<const KernelEntry> recurrent_kernels();
std::span<const KernelEntry> sorting_kernels();
std::span<const KernelEntry> compression_kernels();
std::span<const KernelEntry> convolution_kernels();
std::span<const KernelEntry> pooling_kernels();
std::span<const KernelEntry> normalization_kernels();
std::span<const KernelEntry> attention_kernels();
std::span<const KernelEntry> slice_kernels();

// fail("{}: …") with the operation's name and place in front.
template <class... Args>
tl::unexpected<Error> operation_error(const mil::Operation& operation, fmt::format_string<Args...> format,
                                      Args&&... args) {
  return fail("{}: {}", mil::describe(operation), fmt::format(format, std::forward<Args>(args)...));
}
// An error unless the view's element type is the one given: "no kernel for fp64, only for fp32".
Status expect_element(const mil::Operation& operation, const View& view, mil::ElementType element);

}  // namespace millwright::cpu
