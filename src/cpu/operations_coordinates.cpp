// Gather and scatter by rows of coordinates, and non_zero, which finds them. Every coordinate is checked before
// anything is read or written by it.
#include <algorithm>
#include <cstring>

#include "cpu/element_dispatch.h"
#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "cpu/parallel_rows.h"
#include "cpu/scatter_modes.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// A row of `count` coordinates names a slice of `slice` elements of a tensor [batch…, indexed…, slice…].
struct Coordinates {
  std::string where;  // the operation, for messages
  View indices;       // [rows, count], int32
  int64_t rows = 0;
  int64_t rows_per_batch = 1;
  int64_t batch_stride = 0;      // elements from one batch to the next
  size_t batch_axes = 0;         // the first indexed axis
  std::vector<int64_t> sizes;    // of the indexed axes
  std::vector<int64_t> strides;  // in elements
  int64_t slice = 1;

  Status check(const Memory& memory) const {
    const int32_t* index = memory.integers(indices);
    for (int64_t row = 0; row < rows; ++row) {
      for (size_t axis = 0; axis < sizes.size(); ++axis, ++index) {
        if (*index >= -sizes[axis] && *index < sizes[axis]) continue;
        return fail("{}: index {} is outside axis {} of size {}", where, *index, batch_axes + axis, sizes[axis]);
      }
    }
    return {};
  }

  // Elements from the start of the tensor to the row's slice.
  int64_t offset(const int32_t* all_indices, int64_t row) const {
    const int32_t* index = all_indices + row * static_cast<int64_t>(sizes.size());
    int64_t elements = row / rows_per_batch * batch_stride;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      elements += (index[axis] < 0 ? index[axis] + sizes[axis] : index[axis]) * strides[axis];
    }
    return elements;
  }
};

Result<Coordinates> coordinates_of(Lowering& lowering, const mil::Operation& operation, const mil::Shape& shape,
                                   int64_t batch_dims) {
  Coordinates c;
  c.where = mil::describe(operation);
  MW_ASSIGN(c.indices, int32_operand(lowering, operation, "indices"));
  const mil::Shape& index_shape = c.indices.sizes;
  const std::vector<int64_t> strides = mil::contiguous_strides(shape);
  const int64_t end = batch_dims + index_shape.back();
  c.batch_axes = static_cast<size_t>(batch_dims);
  c.sizes.assign(shape.begin() + batch_dims, shape.begin() + end);
  c.strides.assign(strides.begin() + batch_dims, strides.begin() + end);
  c.slice = mil::element_count(mil::Shape(shape.begin() + end, shape.end()));
  c.rows = mil::element_count(mil::Shape(index_shape.begin(), index_shape.end() - 1));
  c.batch_stride = mil::element_count(mil::Shape(shape.begin() + batch_dims, shape.end()));
  c.rows_per_batch =
      std::max<int64_t>(1, mil::element_count(mil::Shape(index_shape.begin() + batch_dims, index_shape.end() - 1)));
  return c;
}

Status lower_gather_nd(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_ASSIGN(const Coordinates c, coordinates_of(lowering, operation, x.sizes, mil::integer(operation, "batch_dims")));
  const View y = lowering.dense_result(operation);
  Call call{.kernel = "gather_nd", .reads = {x, c.indices}, .writes = {y}};
  call.run = [=, width = static_cast<int64_t>(mil::element_bytes(x.element))](const Memory& memory) -> Status {
    MW_TRY(c.check(memory));
    const int32_t* indices = memory.integers(c.indices);
    const auto* source = static_cast<const std::byte*>(memory.at(x));
    auto* destination = static_cast<std::byte*>(memory.at(y));
    const int64_t bytes = c.slice * width;
    if (bytes == 0) return {};
    parallel_rows(c.rows, c.slice, [&](int64_t row) {
      std::memcpy(destination + row * bytes, source + c.offset(indices, row) * width, static_cast<size_t>(bytes));
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// Rows in their order, since several may name one slice; wide slices are cut between threads.
template <class T>
void scatter_rows(ScatterMode mode, const Coordinates& c, const int32_t* indices, const T* updates, T* data) {
  constexpr int64_t kColumns = 4096;
  parallel_for((c.slice + kColumns - 1) / kColumns, [&](int64_t strip) {
    const int64_t end = std::min(c.slice, (strip + 1) * kColumns);
    for (int64_t row = 0; row < c.rows; ++row) {
      T* target = data + c.offset(indices, row);
      for (int64_t i = strip * kColumns; i < end; ++i) {
        target[i] = scattered(mode, target[i], updates[row * c.slice + i]);
      }
    }
  });
}

Status lower_scatter_nd(Lowering& lowering, const mil::Operation& operation) {
  MW_ASSIGN(const Coordinates c, coordinates_of(lowering, operation, operation.result()->shape(), 0));
  const View updates = lowering.dense_operand(operation, "updates");
  const ScatterMode mode = scatter_mode(mil::text(operation, "mode"));
  MW_TRY(check_scatter(operation, updates));
  MW_ASSIGN(const View data, lowering.emit_working_copy(operation, lowering.operand(operation, "data")));
  Call call{.kernel = "scatter_nd", .reads = {c.indices, updates}, .writes = {data}, .is_partial = true};
  call.run = [=](const Memory& memory) -> Status {
    MW_TRY(c.check(memory));
    with_scattered_type(updates.element, [&]<class T>(T*) {
      scatter_rows(mode, c, memory.integers(c.indices), static_cast<const T*>(memory.at(updates)),
                   static_cast<T*>(memory.at(data)));
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

bool is_zero(Half value) { return (value.bits & 0x7fffu) == 0; }
bool is_zero(BFloat16 value) { return (value.bits & 0x7fffu) == 0; }
template <class T>
bool is_zero(T value) {
  return value == T{0};
}

// Writes the coordinates of the elements that are not zero as far as there is room; returns how many there are.
template <class T>
int64_t write_coordinates(const T* x, const mil::Shape& shape, int32_t* rows, int64_t room) {
  mil::Shape place(shape.size(), 0);
  int64_t found = 0;
  for (int64_t i = 0, count = mil::element_count(shape); i < count; ++i) {
    if (!is_zero(x[i]) && found++ < room) {
      for (const int64_t position : place) *rows++ = static_cast<int32_t>(position);
    }
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (++place[axis] < shape[axis]) break;
      place[axis] = 0;
    }
  }
  return found;
}

// The number of rows that the result's type declares must be that of the run.
Status lower_non_zero(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  if (!has_number_type(x.element)) {
    return operation_error(operation, "the CPU executor has no kernel of this operation for {}",
                           mil::element_name(x.element));
  }
  const View y = lowering.dense_result(operation);
  Call call{.kernel = "non_zero", .reads = {x}, .writes = {y}};
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    const int64_t found = with_number_type(x.element, [&]<class T>(T*) {
      return write_coordinates(static_cast<const T*>(memory.at(x)), x.sizes, memory.integers(y), y.sizes[0]);
    });
    if (found == y.sizes[0]) return {};
    return fail("{}: {} elements are not zero, the declared result has {} rows", where, found, y.sizes[0]);
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"non_zero", lower_non_zero, "*"},
    {"gather_nd", lower_gather_nd, "*"},
    {"scatter_nd", lower_scatter_nd, "indices"},
};

}  // namespace

std::span<const KernelEntry> coordinate_kernels() { return kEntries; }

}  // namespace millwright::cpu
