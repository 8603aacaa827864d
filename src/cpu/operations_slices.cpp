// Slices and their updates. With constant bounds they are views; bounds that the program computes are read and checked
// when the call runs: the window must have the size that the result type says.
#include <algorithm>

#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/data_movement.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

int64_t width_of(const View& view) { return static_cast<int64_t>(mil::element_bytes(view.element)); }

std::byte* moved(void* base, int64_t bytes) { return static_cast<std::byte*>(base) + bytes; }

// The strides, masks and sizes of a slice whose bounds are read when the call runs.
struct RunTimeSlice {
  std::string where;  // the operation, for messages
  View whole;
  mil::Shape sizes;  // of the window, 1 on squeezed axes
  std::vector<int64_t> stride;
  std::vector<bool> begin_mask;
  std::vector<bool> end_mask;
  std::vector<bool> squeeze_mask;

  // Of slice_by_index and slice_update; `window` is the type of what is read or written.
  static RunTimeSlice by_index(const mil::Operation& operation, const View& whole, const mil::Shape& window) {
    const size_t rank = whole.sizes.size();
    RunTimeSlice slice{mil::describe(operation),
                       whole,
                       window,
                       mil::integers(operation, "stride"),
                       mil::flags(operation, "begin_mask"),
                       mil::flags(operation, "end_mask"),
                       mil::flags(operation, "squeeze_mask")};
    if (slice.stride.empty()) slice.stride.assign(rank, 1);
    for (auto* mask : {&slice.begin_mask, &slice.end_mask, &slice.squeeze_mask}) mask->resize(rank, false);
    for (size_t axis = 0; axis < rank; ++axis) {
      if (!slice.squeeze_mask[axis]) continue;
      slice.sizes.insert(slice.sizes.begin() + static_cast<int64_t>(axis), 1);
      slice.stride[axis] = 1;
    }
    return slice;
  }

  // The window as a view, at element 0 of `whole`.
  View window() const {
    View view = whole;
    for (size_t axis = 0; axis < sizes.size(); ++axis) view = sliced(view, axis, 0, sizes[axis], stride[axis]);
    return view;
  }

  // Elements from the start of `whole` to the first of the window.
  Result<int64_t> offset(const int32_t* begin, const int32_t* end) const {
    int64_t elements = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      MW_ASSIGN(const int64_t first, first_of(axis, begin[axis], end[axis]));
      elements += first * whole.strides[axis];
    }
    return elements;
  }

 private:
  // As NumPy: negative bounds count from the end, bounds outside are clamped.
  Result<int64_t> first_of(size_t axis, int64_t begin, int64_t end) const {
    const int64_t size = whole.sizes[axis];
    const bool forward = stride[axis] > 0;
    const auto counted = [&](int64_t bound) { return bound < 0 ? bound + size : bound; };
    if (squeeze_mask[axis]) {
      const int64_t index = counted(begin);
      if (index >= 0 && index < size) return index;
      return fail("{}: index {} is outside axis {} of size {}", where, begin, axis, size);
    }
    const auto clamped = [&](int64_t bound) {
      return forward ? std::clamp<int64_t>(counted(bound), 0, size) : std::clamp<int64_t>(counted(bound), -1, size - 1);
    };
    const int64_t first = begin_mask[axis] ? (forward ? 0 : size - 1) : clamped(begin);
    const int64_t last = end_mask[axis] ? (forward ? size : -1) : clamped(end);
    const int64_t distance = forward ? last - first : first - last;
    const int64_t step = forward ? stride[axis] : -stride[axis];
    const int64_t count = std::max<int64_t>(0, (distance + step - 1) / step);
    if (count == sizes[axis]) return first;
    return fail("{}: begin {} and end {} give {} elements of axis {} of size {}; its type has {}", where, begin, end,
                count, axis, size, sizes[axis]);
  }
};

// The bounds of an operation, as int32.
struct Bounds {
  View begin;
  View end;
};

Result<Bounds> bounds_of(Lowering& lowering, const mil::Operation& operation) {
  MW_ASSIGN(const View begin, int32_operand(lowering, operation, "begin"));
  MW_ASSIGN(const View end, int32_operand(lowering, operation, "end"));
  return Bounds{begin, end};
}

Status lower_slice_by_index(Lowering& lowering, const mil::Operation& operation) {
  View view = lowering.operand(operation, "x");
  if (const auto axes = mil::slice_axes(operation, view.sizes)) {
    for (size_t axis = 0; axis < axes->size(); ++axis) {
      view = sliced(view, axis, (*axes)[axis].begin, (*axes)[axis].size, (*axes)[axis].stride);
    }
    lowering.define(operation.result(), reshaped(view, operation.result()->shape()).value());
    return {};
  }
  MW_ASSIGN(const Bounds bounds, bounds_of(lowering, operation));
  const View target = lowering.dense_result(operation);
  const RunTimeSlice slice = RunTimeSlice::by_index(operation, view, target.sizes);
  const View window = slice.window();
  const View placed = reshaped(target, slice.sizes).value();
  Call call{.kernel = "slice", .reads = {view, bounds.begin, bounds.end}, .writes = {target}};
  call.run = [=, width = width_of(view), loop = collapsed(slice.sizes, std::vector{window.strides, placed.strides})](
                 const Memory& memory) -> Status {
    MW_ASSIGN(const int64_t offset, slice.offset(memory.integers(bounds.begin), memory.integers(bounds.end)));
    strided_copy(width, loop.sizes, moved(memory.at(view), offset * width), loop.strides[0], memory.at(target),
                 loop.strides[1]);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// A window of a tensor whose place is read when the call runs.
struct Window {
  std::string where;  // the operation, for messages
  View whole;
  mil::Shape sizes;

  // Elements from the start of `whole`; a window that leaves the tensor is the user's error.
  Result<int64_t> offset(const int32_t* begin) const {
    int64_t elements = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      int64_t first = begin[axis];
      if (first < 0) first += whole.sizes[axis];
      if (first < 0 || first > whole.sizes[axis] - sizes[axis]) {
        return fail("{}: begin {} and size {} leave axis {} of size {}", where, begin[axis], sizes[axis], axis,
                    whole.sizes[axis]);
      }
      elements += first * whole.strides[axis];
    }
    return elements;
  }
};

Status lower_slice_by_size(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const mil::Shape& sizes = operation.result()->shape();
  if (const mil::Literal* begin = operation.constant("begin")) {
    View view = x;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      const int64_t first = begin->integer_at(static_cast<int64_t>(axis));
      view = sliced(view, axis, first < 0 ? first + x.sizes[axis] : first, sizes[axis]);
    }
    lowering.define(operation.result(), view);
    return {};
  }
  MW_ASSIGN(const View begin, int32_operand(lowering, operation, "begin"));
  const View target = lowering.result(operation);
  Call call{.kernel = "slice", .reads = {x, begin}, .writes = {target}};
  call.run = [=, width = width_of(x), window = Window{mil::describe(operation), x, sizes},
              loop = collapsed(sizes, std::vector{x.strides, target.strides})](const Memory& memory) -> Status {
    MW_ASSIGN(const int64_t offset, window.offset(memory.integers(begin)));
    strided_copy(width, loop.sizes, moved(memory.at(x), offset * width), loop.strides[0], memory.at(target),
                 loop.strides[1]);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_slice_update(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View update = lowering.operand(operation, "update");
  if (const auto axes = mil::slice_axes(operation, x.sizes)) {
    MW_ASSIGN(const View copy, lowering.emit_working_copy(operation, x));
    View place = copy;
    for (size_t axis = 0; axis < axes->size(); ++axis) {
      place = sliced(place, axis, (*axes)[axis].begin, (*axes)[axis].size, (*axes)[axis].stride);
    }
    if (update.count() == 0) return {};
    return lowering.emit_copy(operation, update, reshaped(place, update.sizes).value(), /*is_partial=*/true);
  }
  MW_ASSIGN(const Bounds bounds, bounds_of(lowering, operation));
  MW_ASSIGN(const View copy, lowering.emit_working_copy(operation, x));
  const RunTimeSlice slice = RunTimeSlice::by_index(operation, copy, update.sizes);
  const View window = slice.window();
  View source = update;  // with the squeezed axes put back
  source.sizes = slice.sizes;
  for (size_t axis = 0; axis < slice.sizes.size(); ++axis) {
    if (slice.squeeze_mask[axis]) source.strides.insert(source.strides.begin() + static_cast<int64_t>(axis), 0);
  }
  Call call{
      .kernel = "slice_update", .reads = {update, bounds.begin, bounds.end}, .writes = {copy}, .is_partial = true};
  call.run = [=, width = width_of(x), loop = collapsed(slice.sizes, std::vector{source.strides, window.strides})](
                 const Memory& memory) -> Status {
    MW_ASSIGN(const int64_t offset, slice.offset(memory.integers(bounds.begin), memory.integers(bounds.end)));
    strided_copy(width, loop.sizes, memory.at(update), loop.strides[0], moved(memory.at(copy), offset * width),
                 loop.strides[1]);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"slice_by_index", lower_slice_by_index, "*"},
    {"slice_by_size", lower_slice_by_size, "*"},
    {"slice_update", lower_slice_update, "*"},
};

}  // namespace

std::span<const KernelEntry> slice_kernels() { return kEntries; }

}  // namespace millwright::cpu
