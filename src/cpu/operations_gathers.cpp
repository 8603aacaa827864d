// Gather and scatter. Indices are checked before every use: one outside its axis is an error that names the operation.
#include <algorithm>

#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/gather.h"
#include "cpu/parallel_rows.h"
#include "cpu/scatter_modes.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// x as [batch, outer, axis, inner], indices as [batch, count] (gather) or along the axis.
struct GatherShape {
  int64_t batch = 1;
  int64_t outer = 1;
  int64_t axis = 1;
  int64_t inner = 1;
  int64_t count = 1;
};

GatherShape gather_shape(const mil::Shape& x, const mil::Shape& indices, int64_t axis, int64_t batch_dims) {
  GatherShape shape;
  for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
    const int64_t size = x[static_cast<size_t>(i)];
    (i < batch_dims ? shape.batch : (i < axis ? shape.outer : (i == axis ? shape.axis : shape.inner))) *= size;
  }
  for (size_t i = static_cast<size_t>(batch_dims); i < indices.size(); ++i) shape.count *= indices[i];
  return shape;
}

Status lower_gather(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_ASSIGN(const View indices, int32_operand(lowering, operation, "indices"));
  const int64_t axis = mil::axis_of(operation, "axis", x.rank());
  const GatherShape shape = gather_shape(x.sizes, indices.sizes, axis, mil::integer(operation, "batch_dims"));
  const View y = lowering.dense_result(operation);
  const auto width = static_cast<int64_t>(mil::element_bytes(x.element));
  Call call{.kernel = "gather", .reads = {x, indices}, .writes = {y}};
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    const int32_t* index = memory.integers(indices);
    MW_TRY(check_indices(where, index, shape.batch * shape.count, shape.axis, axis));
    const auto* source = static_cast<const std::byte*>(memory.at(x));
    auto* destination = static_cast<std::byte*>(memory.at(y));
    for (int64_t batch = 0; batch < shape.batch; ++batch) {
      gather(width, source + batch * shape.outer * shape.axis * shape.inner * width, shape.outer, shape.axis,
             shape.inner, index + batch * shape.count, shape.count,
             destination + batch * shape.outer * shape.count * shape.inner * width);
    }
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_gather_along_axis(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_ASSIGN(const View indices, int32_operand(lowering, operation, "indices"));
  const int64_t axis = mil::axis_of(operation, "axis", x.rank());
  const GatherShape shape = gather_shape(x.sizes, {}, axis, 0);
  const int64_t count = indices.sizes[static_cast<size_t>(axis)];
  const View y = lowering.dense_result(operation);
  const auto width = static_cast<int64_t>(mil::element_bytes(x.element));
  Call call{.kernel = "gather_along_axis", .reads = {x, indices}, .writes = {y}};
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    const int32_t* index = memory.integers(indices);
    MW_TRY(check_indices(where, index, indices.count(), shape.axis, axis));
    gather_along_axis(width, memory.at(x), shape.outer, shape.axis, shape.inner, index, count, memory.at(y));
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// The modes other than fp32 addition: each outer index by one thread, updates in their order.
// `per_element`: one index per update (scatter_along_axis) instead of one per slice.
template <class T>
void plain_scatter(ScatterMode mode, const GatherShape& shape, bool per_element, const int32_t* indices,
                   const T* updates, T* data) {
  parallel_rows(shape.outer, shape.count * shape.inner, [&](int64_t outer) {
    for (int64_t i = 0; i < shape.count; ++i) {
      for (int64_t j = 0; j < shape.inner; ++j) {
        const int64_t at = (outer * shape.count + i) * shape.inner + j;
        int64_t index = per_element ? indices[at] : indices[i];
        if (index < 0) index += shape.axis;
        T& target = data[(outer * shape.axis + index) * shape.inner + j];
        target = scattered(mode, target, updates[at]);
      }
    }
  });
}

// fp32 addition, the scatter of every embedding's gradient, has kernels of its own.
void scatter_floats(const GatherShape& shape, bool per_element, const int32_t* indices, const float* updates,
                    float* data) {
  if (per_element) {
    scatter_add_along_axis(updates, shape.outer, shape.count, shape.inner, indices, shape.axis, data);
  } else {
    scatter_add(updates, shape.outer, shape.count, shape.inner, indices, shape.axis, data);
  }
}

Status emit_scatter(Lowering& lowering, const mil::Operation& operation, GatherShape shape, int64_t axis,
                    bool per_element) {
  MW_ASSIGN(const View indices, int32_operand(lowering, operation, "indices"));
  const View updates = lowering.dense_operand(operation, "updates");
  const ScatterMode mode = scatter_mode(mil::text(operation, "mode"));
  MW_TRY(check_scatter(operation, updates));
  MW_ASSIGN(const View data, lowering.emit_working_copy(operation, lowering.operand(operation, "data")));
  Call call{.kernel = std::string(operation.kind()), .reads = {indices, updates}, .writes = {data}, .is_partial = true};
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    const int32_t* index = memory.integers(indices);
    MW_TRY(check_indices(where, index, indices.count(), shape.axis, axis));
    if (updates.element == mil::ElementType::fp32 && mode == ScatterMode::add) {
      scatter_floats(shape, per_element, index, memory.floats(updates), memory.floats(data));
      return {};
    }
    with_scattered_type(updates.element, [&]<class T>(T*) {
      plain_scatter(mode, shape, per_element, index, static_cast<const T*>(memory.at(updates)),
                    static_cast<T*>(memory.at(data)));
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_scatter(Lowering& lowering, const mil::Operation& operation) {
  const mil::Shape& data = operation.result()->shape();
  const int64_t axis = mil::axis_of(operation, "axis", operation.result()->type().rank());
  const View indices = lowering.operand(operation, "indices");
  return emit_scatter(lowering, operation, gather_shape(data, indices.sizes, axis, 0), axis, false);
}

Status lower_scatter_along_axis(Lowering& lowering, const mil::Operation& operation) {
  const mil::Shape& data = operation.result()->shape();
  const int64_t axis = mil::axis_of(operation, "axis", operation.result()->type().rank());
  GatherShape shape = gather_shape(data, {}, axis, 0);
  shape.count = lowering.operand(operation, "indices").sizes[static_cast<size_t>(axis)];
  return emit_scatter(lowering, operation, shape, axis, true);
}

constexpr KernelEntry kEntries[] = {
    {"gather", lower_gather, "*"},
    {"gather_along_axis", lower_gather_along_axis, "*"},
    {"scatter", lower_scatter, "indices"},
    {"scatter_along_axis", lower_scatter_along_axis, "indices"},
};

}  // namespace

std::span<const KernelEntry> gather_kernels() { return kEntries; }

}  // namespace millwright::cpu
