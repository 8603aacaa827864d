// Operations that copy elements: concat, stack, pad, band_part.
#include <algorithm>
#include <cstring>

#include "cpu/kernel_table.h"
#include "cpu/kernels/data_movement.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

int64_t width_of(const View& view) { return static_cast<int64_t>(mil::element_bytes(view.element)); }

Status lower_concat(Lowering& lowering, const mil::Operation& operation) {
  const View target = lowering.result(operation);
  const auto axis = static_cast<size_t>(mil::axis_of(operation, "axis", target.rank()));
  const auto& values = operation.find_operand("values")->arguments;
  const bool interleave = mil::flag(operation, "interleave");
  const auto pieces = static_cast<int64_t>(values.size());
  int64_t begin = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const View piece = lowering.argument(values[i]);
    const int64_t size = piece.sizes[axis];
    const View place =
        interleave ? sliced(target, axis, static_cast<int64_t>(i), size, pieces) : sliced(target, axis, begin, size);
    begin += size;
    if (piece.count() == 0 || is_same_place(piece, place)) continue;
    MW_TRY(lowering.emit_copy(operation, piece, place, /*is_partial=*/true));
  }
  return {};
}

Status lower_stack(Lowering& lowering, const mil::Operation& operation) {
  const View target = lowering.result(operation);
  const auto axis = static_cast<size_t>(mil::axis_of(operation, "axis", target.rank()));
  int64_t index = 0;
  for (const mil::Argument& argument : operation.find_operand("values")->arguments) {
    View place = sliced(target, axis, index++, 1);
    place.sizes.erase(place.sizes.begin() + static_cast<int64_t>(axis));
    place.strides.erase(place.strides.begin() + static_cast<int64_t>(axis));
    MW_TRY(lowering.emit_copy(operation, lowering.argument(argument), place, /*is_partial=*/true));
  }
  return {};
}

// The pairs of `pad` stand for the last axes.
std::vector<std::pair<int64_t, int64_t>> pads_of(const mil::Operation& operation, int64_t rank) {
  const std::vector<int64_t> pad = mil::integers(operation, "pad");
  std::vector<std::pair<int64_t, int64_t>> pads(static_cast<size_t>(rank), {0, 0});
  const size_t first = pads.size() - pad.size() / 2;
  for (size_t i = 0; i < pad.size() / 2; ++i) pads[first + i] = {pad[2 * i], pad[2 * i + 1]};
  return pads;
}

// Only the border is filled, axis by axis: the two slabs outside x on that axis, inside x on the earlier ones.
Status lower_constant_pad(Lowering& lowering, const mil::Operation& operation, const View& x, const View& target) {
  const auto pads = pads_of(operation, x.rank());
  const View value = lowering.constant(mil::Literal::number(x.element, mil::number(operation, "constant_val")));
  View inside = target;
  for (size_t axis = 0; axis < pads.size(); ++axis) {
    const auto [before, after] = pads[axis];
    for (const auto& [begin, size] : {std::pair{int64_t{0}, before}, std::pair{target.sizes[axis] - after, after}}) {
      const View slab = sliced(inside, axis, begin, size);
      if (slab.count() > 0) MW_TRY(lowering.emit_copy(operation, value, slab, /*is_partial=*/true));
    }
    inside = sliced(inside, axis, before, x.sizes[axis]);
  }
  if (x.count() == 0) return {};
  return lowering.emit_copy(operation, x, inside, /*is_partial=*/true);
}

// The mirrored or repeated border, axis by axis, each slab copied from what is already there.
Status lower_border_pad(Lowering& lowering, const mil::Operation& operation, const View& x, const View& target,
                        bool reflects) {
  const auto pads = pads_of(operation, x.rank());
  View inside = target;
  for (size_t axis = 0; axis < pads.size(); ++axis) inside = sliced(inside, axis, pads[axis].first, x.sizes[axis]);
  MW_TRY(lowering.emit_copy(operation, x, inside, /*is_partial=*/true));
  View filled = inside;
  for (size_t axis = 0; axis < pads.size(); ++axis) {
    const int64_t size = x.sizes[axis];
    View wider = filled;  // filled, with all of this axis
    wider.offset -= pads[axis].first * filled.strides[axis];
    wider.sizes[axis] = target.sizes[axis];
    for (int64_t i = 0; i < target.sizes[axis]; ++i) {
      const int64_t position = i - pads[axis].first;
      if (position >= 0 && position < size) continue;
      const int64_t clamped = std::clamp<int64_t>(position, 0, size - 1);
      const int64_t source = reflects ? (position < 0 ? -position : 2 * (size - 1) - position) : clamped;
      MW_TRY(lowering.emit_copy(operation, sliced(filled, axis, source, 1), sliced(wider, axis, i, 1), true));
    }
    filled = wider;
  }
  return {};
}

Status lower_pad(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const std::string mode = mil::text(operation, "mode");
  if (mode == "constant") return lower_constant_pad(lowering, operation, x, lowering.result(operation));
  return lower_border_pad(lowering, operation, x, lowering.dense_result(operation), mode == "reflect");
}

// Keeps the elements whose column is at most `lower` left and `upper` right of their row; negative: no limit.
Status lower_band_part(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  const View target = lowering.dense_result(operation);
  const int64_t rows = x.sizes[x.sizes.size() - 2];
  const int64_t columns = x.sizes.back();
  const int64_t matrices = rows * columns == 0 ? 0 : x.count() / (rows * columns);
  const int64_t lower = mil::integer(operation, "lower");
  const int64_t upper = mil::integer(operation, "upper");
  Call call{.kernel = "band_part", .reads = {x}, .writes = {target}};
  call.run = [=, width = width_of(x)](const Memory& memory) -> Status {
    const auto* source = static_cast<const std::byte*>(memory.at(x));
    auto* destination = static_cast<std::byte*>(memory.at(target));
    parallel_rows(matrices, rows * columns, [&](int64_t matrix) {
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t offset = (matrix * rows + row) * columns * width;
        const int64_t first = lower < 0 ? 0 : std::clamp<int64_t>(row - lower, 0, columns);
        const int64_t last = upper < 0 ? columns : std::clamp<int64_t>(row + upper + 1, first, columns);
        std::memset(destination + offset, 0, static_cast<size_t>(columns * width));
        std::memcpy(destination + offset + first * width, source + offset + first * width,
                    static_cast<size_t>((last - first) * width));
      }
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"concat", lower_concat, "*"},
    {"stack", lower_stack, "*"},
    {"pad", lower_pad, "*"},
    {"band_part", lower_band_part, "*"},
};

}  // namespace

std::span<const KernelEntry> movement_kernels() { return kEntries; }

}  // namespace millwright::cpu
