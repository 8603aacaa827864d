// Operations that move elements between axes: depth and space, batch and space, windows, sequences, reshapes by
// example. Splitting, permuting and joining axes is arithmetic on views: at most one copy each, of any element type.
#include <algorithm>

#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/data_movement.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

using Permutation = std::vector<int64_t>;

// The axes of x are split to `split`, permuted, and joined to `joined`, the result's shape. A view where strides can
// express that, else one copy to `target`.
Status lower_regrouped(Lowering& lowering, const mil::Operation& operation, const View& x, const mil::Shape& split,
                       const Permutation& permutation) {
  const View moved = permuted(reshaped(x, split).value(), permutation);
  if (const auto view = reshaped(moved, operation.result()->shape())) {
    lowering.define(operation.result(), *view);
    return {};
  }
  return lowering.emit_copy(operation, moved, reshaped(lowering.result(operation), moved.sizes).value());
}

// depth_to_space and pixel_shuffle: a channel is (row in block, column in block, channel), or the channel comes first.
template <const std::string_view& kFactor, bool kChannelsFirst>
Status lower_to_space(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const int64_t block = mil::integer(operation, kFactor);
  const mil::Shape& y = operation.result()->shape();
  if (kChannelsFirst) {
    return lower_regrouped(lowering, operation, x, {y[0], y[1], block, block, x.sizes[2], x.sizes[3]},
                           {0, 1, 4, 2, 5, 3});
  }
  return lower_regrouped(lowering, operation, x, {y[0], block, block, y[1], x.sizes[2], x.sizes[3]},
                         {0, 3, 4, 1, 5, 2});
}

// space_to_depth and pixel_unshuffle: the way back.
template <const std::string_view& kFactor, bool kChannelsFirst>
Status lower_to_depth(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const int64_t block = mil::integer(operation, kFactor);
  const mil::Shape& y = operation.result()->shape();
  const mil::Shape split = {x.sizes[0], x.sizes[1], y[2], block, y[3], block};
  return lower_regrouped(lowering, operation, x, split,
                         kChannelsFirst ? Permutation{0, 1, 3, 5, 2, 4} : Permutation{0, 3, 5, 1, 2, 4});
}

constexpr std::string_view kBlockSize = "block_size";
constexpr std::string_view kUpscale = "upscale_factor";
constexpr std::string_view kDownscale = "downscale_factor";

View zero(Lowering& lowering, mil::ElementType element) {
  const mil::Type type = mil::Type::scalar(element);
  return lowering.constant(mil::Literal::bytes(type, std::vector<std::byte>(mil::element_bytes(element))));
}

// x with zeros before and after its axes from 2 on.
Result<View> zero_padded(Lowering& lowering, const mil::Operation& operation, const View& x,
                         const std::vector<int64_t>& edges) {
  if (std::ranges::all_of(edges, [](int64_t edge) { return edge == 0; })) return x;
  mil::Shape shape = x.sizes;
  for (size_t i = 0; i < edges.size(); ++i) shape[i / 2 + 2] += edges[i];
  const View padded = lowering.temporary(mil::Type::tensor(x.element, shape));
  View inside = padded;
  for (size_t i = 0; i < edges.size() / 2; ++i) inside = sliced(inside, i + 2, edges[2 * i], x.sizes[i + 2]);
  MW_TRY(lowering.emit_copy(operation, zero(lowering, x.element), padded, /*is_partial=*/true));
  if (x.count() > 0) MW_TRY(lowering.emit_copy(operation, x, inside, /*is_partial=*/true));
  return padded;
}

// [N, C, H·a, W·b] → [a, b, N, C, H, W] → [a·b·N, C, H, W]; axes without a block stay behind.
Status lower_space_to_batch(Lowering& lowering, const mil::Operation& operation) {
  const std::vector<int64_t> blocks = mil::integers(operation, "block_shape");
  MW_ASSIGN(const View x,
            zero_padded(lowering, operation, lowering.operand(operation, "x"), mil::integers(operation, "paddings")));
  mil::Shape split = {x.sizes[0], x.sizes[1]};
  Permutation inside_block;
  Permutation block_numbers = {0, 1};
  for (size_t axis = 2; axis < x.sizes.size(); ++axis) {
    block_numbers.push_back(static_cast<int64_t>(split.size()));
    const bool has_block = axis - 2 < blocks.size();
    split.push_back(operation.result()->shape()[axis]);
    if (!has_block) continue;
    inside_block.push_back(static_cast<int64_t>(split.size()));
    split.push_back(blocks[axis - 2]);
  }
  Permutation permutation = inside_block;
  permutation.insert(permutation.end(), block_numbers.begin(), block_numbers.end());
  return lower_regrouped(lowering, operation, x, split, permutation);
}

// The way back; the crops are a slice of the joined image.
Status lower_batch_to_space(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const std::vector<int64_t> blocks = mil::integers(operation, "block_shape");
  const std::vector<int64_t> crops = mil::integers(operation, "crops");
  const auto block_axes = static_cast<int64_t>(blocks.size());
  mil::Shape split = blocks;
  split.push_back(operation.result()->shape()[0]);
  split.insert(split.end(), x.sizes.begin() + 1, x.sizes.end());
  Permutation permutation = {block_axes, block_axes + 1};
  mil::Shape image = {split[blocks.size()], x.sizes[1]};
  for (int64_t axis = 2; axis < x.rank(); ++axis) {
    permutation.push_back(block_axes + axis);
    image.push_back(x.sizes[static_cast<size_t>(axis)]);
    if (axis - 2 >= block_axes) continue;
    permutation.push_back(axis - 2);
    image.back() *= blocks[static_cast<size_t>(axis - 2)];
  }
  if (image == operation.result()->shape()) return lower_regrouped(lowering, operation, x, split, permutation);
  const View moved = permuted(reshaped(x, split).value(), permutation);
  View view = reshaped(lowering.dense(moved, operation), image).value();
  for (size_t i = 0; i < blocks.size(); ++i) {
    view = sliced(view, i + 2, crops[2 * i], operation.result()->shape()[i + 2]);
  }
  lowering.define(operation.result(), view);
  return {};
}

// The windows overlap in memory: a second axis over the same elements.
Status lower_sliding_windows(Lowering& lowering, const mil::Operation& operation) {
  View view = lowering.operand(operation, "x");
  const auto axis = static_cast<size_t>(mil::axis_of(operation, "axis", view.rank()));
  const int64_t element_stride = view.strides[axis];
  view.sizes = operation.result()->shape();
  view.strides[axis] *= mil::integer(operation, "stride");
  view.strides.insert(view.strides.begin() + static_cast<int64_t>(axis) + 1, element_stride);
  lowering.define(operation.result(), view);
  return {};
}

// Per batch, the first `length` elements of the sequence backwards and the others as they are.
struct SequenceReversal {
  std::string where;  // the operation, for messages
  View x, lengths, y;
  size_t batch = 0;
  size_t sequence = 0;

  Status run(const Memory& memory) const {
    const int32_t* length = memory.integers(lengths);
    for (int64_t i = 0; i < lengths.count(); ++i) {
      if (length[i] >= 0 && length[i] <= x.sizes[sequence]) continue;
      return fail("{}: length {} is outside axis {} of size {}", where, length[i], sequence, x.sizes[sequence]);
    }
    for (int64_t i = 0; i < x.sizes[batch]; ++i) {
      const View from = sliced(x, batch, i, 1);
      const View to = sliced(y, batch, i, 1);
      if (batch == sequence) {  // one length per place: it moves alone
        copy(memory, sliced(x, batch, i < length[i] ? length[i] - 1 - i : i, 1), to);
        continue;
      }
      const int64_t rest = x.sizes[sequence] - length[i];
      copy(memory, sliced(from, sequence, length[i] - 1, length[i], -1), sliced(to, sequence, 0, length[i]));
      copy(memory, sliced(from, sequence, length[i], rest), sliced(to, sequence, length[i], rest));
    }
    return {};
  }

 private:
  static void copy(const Memory& memory, const View& from, const View& to) {
    if (from.count() == 0) return;
    const Loop loop = collapsed(to.sizes, std::vector{from.strides, to.strides});
    strided_copy(static_cast<int64_t>(mil::element_bytes(from.element)), loop.sizes, memory.at(from), loop.strides[0],
                 memory.at(to), loop.strides[1]);
  }
};

Status lower_reverse_sequence(Lowering& lowering, const mil::Operation& operation) {
  SequenceReversal reversal;
  reversal.where = mil::describe(operation);
  reversal.x = lowering.operand(operation, "x");
  MW_ASSIGN(reversal.lengths, int32_operand(lowering, operation, "lengths"));
  reversal.y = lowering.result(operation);
  reversal.batch = static_cast<size_t>(mil::axis_of(operation, "batch_axis", reversal.x.rank()));
  reversal.sequence = static_cast<size_t>(mil::axis_of(operation, "seq_axis", reversal.x.rank()));
  Call call{.kernel = "reverse_sequence", .reads = {reversal.x, reversal.lengths}, .writes = {reversal.y}};
  call.run = [reversal](const Memory& memory) { return reversal.run(memory); };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"depth_to_space", lower_to_space<kBlockSize, false>, "*"},
    {"pixel_shuffle", lower_to_space<kUpscale, true>, "*"},
    {"space_to_depth", lower_to_depth<kBlockSize, false>, "*"},
    {"pixel_unshuffle", lower_to_depth<kDownscale, true>, "*"},
    {"space_to_batch", lower_space_to_batch, "*"},
    {"batch_to_space", lower_batch_to_space, "*"},
    {"sliding_windows", lower_sliding_windows, "*"},
    {"reverse_sequence", lower_reverse_sequence, "*"},
};

}  // namespace

std::span<const KernelEntry> rearrangement_kernels() { return kEntries; }

}  // namespace millwright::cpu
