// Matrix products: matmul, mw.matmul, linear and einsum as batched GEMM calls. Transposes, broadcast and reduced batch
// axes are strides, so no operand is copied unless neither of its matrix axes is contiguous.
#include <algorithm>
#include <type_traits>

#include "cpu/kernel_table.h"
#include "cpu/kernels/gemm.h"
#include "cpu/number_types.h"
#include "cpu/operations_products.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// A matrix with no contiguous axis and more elements than this is copied first.
constexpr int64_t kLargestStridedMatrix = 1024;

struct PreparedProduct {
  GemmProblem problem;
  Loop outer;  // batch axes that the kernel has no room for, outermost first; strides of a, b, c
};

bool is_fast_matrix(const View& view) {
  const size_t rank = view.sizes.size();
  const auto contiguous = [&](size_t axis) { return view.sizes[axis] == 1 || view.strides[axis] == 1; };
  return contiguous(rank - 1) || contiguous(rank - 2) || view.count() <= kLargestStridedMatrix;
}

void set_matrix_strides(const View& view, int64_t& row_stride, int64_t& column_stride) {
  const size_t rank = view.sizes.size();
  row_stride = view.strides[rank - 2];
  column_stride = view.strides[rank - 1];
  // The stride of an axis of one element is free: choose the one that makes the matrix contiguous.
  if (view.sizes[rank - 1] == 1 && row_stride != 1) column_stride = 1;
  if (view.sizes[rank - 2] == 1 && column_stride != 1) row_stride = 1;
}

PreparedProduct prepare(const Product& product) {
  const size_t rank = product.c.sizes.size();
  PreparedProduct prepared;
  GemmProblem& problem = prepared.problem;
  problem.m = product.c.sizes[rank - 2];
  problem.n = product.c.sizes[rank - 1];
  problem.k = product.a.sizes[rank - 1];
  problem.alpha = product.alpha;
  problem.a.storage = *storage_of(product.a.element);
  problem.b.storage = *storage_of(product.b.element);
  set_matrix_strides(product.a, problem.a.row_stride, problem.a.column_stride);
  set_matrix_strides(product.b, problem.b.row_stride, problem.b.column_stride);
  problem.c.row_stride = product.c.strides[rank - 2];
  problem.c.column_stride = product.c.strides[rank - 1];

  const auto batch_part = [&](const std::vector<int64_t>& values) {
    return std::vector<int64_t>(values.begin(), values.end() - 2);
  };
  mil::Shape sizes;
  for (size_t axis = 0; axis + 2 < rank; ++axis)
    sizes.push_back(std::max(product.a.sizes[axis], product.b.sizes[axis]));
  const Loop loop = collapsed(
      sizes, std::vector{batch_part(product.a.strides), batch_part(product.b.strides), batch_part(product.c.strides)},
      product.reduced);
  const int excess = std::max(0, loop.sizes.rank() - kGemmBatchDims);
  prepared.outer.strides.resize(3);
  for (int axis = 0; axis < loop.sizes.rank(); ++axis) {
    if (axis < excess) {
      prepared.outer.sizes.push_back(loop.sizes[axis]);
      prepared.outer.flags.push_back(loop.flags[static_cast<size_t>(axis)]);
      for (size_t i = 0; i < 3; ++i) prepared.outer.strides[i].push_back(loop.strides[i][axis]);
      continue;
    }
    const auto slot = static_cast<size_t>(axis - excess);
    problem.batch[slot] = {loop.sizes[axis], loop.flags[static_cast<size_t>(axis)] != 0};
    problem.a.batch_strides[slot] = loop.strides[0][axis];
    problem.b.batch_strides[slot] = loop.strides[1][axis];
    problem.c.batch_strides[slot] = loop.strides[2][axis];
  }
  return prepared;
}

// One kernel call per index of the outer axes; sums over a reduced outer axis accumulate in C.
void run_product(const PreparedProduct& prepared, GemmProblem problem) {
  const Loop& outer = prepared.outer;
  const auto* a = static_cast<const std::byte*>(problem.a.data);
  const auto* b = static_cast<const std::byte*>(problem.b.data);
  float* c = problem.c.data;
  const float* addend = problem.addend;
  const int64_t count = element_count(outer.sizes);
  for (int64_t index = 0; index < count; ++index) {
    int64_t offsets[3] = {0, 0, 0};
    bool is_first = true;
    int64_t rest = index;
    for (int axis = outer.sizes.rank() - 1; axis >= 0; --axis) {
      const int64_t position = rest % outer.sizes[axis];
      rest /= outer.sizes[axis];
      for (size_t i = 0; i < 3; ++i) offsets[i] += position * outer.strides[i][axis];
      if (outer.flags[static_cast<size_t>(axis)] != 0 && position > 0) is_first = false;
    }
    problem.a.data = a + offsets[0] * storage_bytes(problem.a.storage);
    problem.b.data = b + offsets[1] * storage_bytes(problem.b.storage);
    problem.c.data = c + offsets[2];
    problem.addend = !is_first ? problem.c.data : (addend == nullptr ? nullptr : addend + offsets[2]);
    gemm(problem);
  }
}

}  // namespace

Status emit_product(Lowering& lowering, const mil::Operation& operation, Product product, bool accumulates) {
  for (const View* view : {&product.a, &product.b}) {
    const bool computable = view->element == mil::ElementType::fp32 || view->element == mil::ElementType::fp16 ||
                            view->element == mil::ElementType::bf16;
    if (!computable) MW_TRY(expect_element(operation, *view, mil::ElementType::fp32));
  }
  MW_TRY(expect_element(operation, product.c, mil::ElementType::fp32));
  if (!is_fast_matrix(product.a)) product.a = lowering.dense(product.a, operation);
  if (!is_fast_matrix(product.b)) product.b = lowering.dense(product.b, operation);

  Call call;
  const size_t rank = product.c.sizes.size();
  double batches = 1;
  for (size_t axis = 0; axis + 2 < rank; ++axis) {
    batches *= static_cast<double>(std::max(product.a.sizes[axis], product.b.sizes[axis]));
  }
  call.kernel = "matmul";
  call.flops = 2 * batches * static_cast<double>(product.c.sizes[rank - 2]) *
               static_cast<double>(product.c.sizes[rank - 1]) * static_cast<double>(product.a.sizes[rank - 1]);
  // Views as large as what is read: without the axes that repeat it.
  const auto without_repeats = [](View view) {
    for (size_t axis = 0; axis < view.sizes.size(); ++axis) {
      if (view.strides[axis] == 0 && view.sizes[axis] > 0) view.sizes[axis] = 1;
    }
    return view;
  };
  call.reads = {without_repeats(product.a), without_repeats(product.b)};
  call.writes = {without_repeats(product.c)};
  call.is_partial = accumulates;
  if (product.addend) {
    call.reads.push_back(without_repeats(*product.addend));
    const int buffer = product.addend->buffer;
    if (buffer != product.a.buffer && buffer != product.b.buffer) call.in_place = {{2, 0}};
  }
  const PreparedProduct prepared = prepare(product);
  call.run = [prepared, a = product.a, b = product.b, c = product.c, addend = product.addend,
              accumulates](const Memory& memory) -> Status {
    GemmProblem problem = prepared.problem;
    problem.a.data = memory.at(a);
    problem.b.data = memory.at(b);
    problem.c.data = memory.floats(c);
    if (addend) problem.addend = memory.floats(*addend);
    if (accumulates) problem.addend = problem.c.data;
    run_product(prepared, problem);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

namespace {

// The operand as [batch…, rows, columns] of the given rank: rank-1 promotion, transpose, batch axes of 1 in front.
View matrix_operand(View view, bool transposed, bool is_left, size_t rank) {
  if (view.sizes.size() == 1) {
    const auto at = is_left ? view.sizes.begin() : view.sizes.end();
    const auto stride_at = is_left ? view.strides.begin() : view.strides.end();
    view.sizes.insert(at, 1);
    view.strides.insert(stride_at, 0);
  } else if (transposed) {
    std::swap(view.sizes[view.sizes.size() - 1], view.sizes[view.sizes.size() - 2]);
    std::swap(view.strides[view.strides.size() - 1], view.strides[view.strides.size() - 2]);
  }
  while (view.sizes.size() < rank) {
    view.sizes.insert(view.sizes.begin(), 1);
    view.strides.insert(view.strides.begin(), 0);
  }
  return view;
}

// Batch axes of one element spread over `batch` with stride 0.
View spread_batch(View view, const mil::Shape& batch) {
  for (size_t axis = 0; axis < batch.size(); ++axis) {
    if (view.sizes[axis] == 1) view.strides[axis] = 0;
    view.sizes[axis] = batch[axis];
  }
  return view;
}

// The result with its dropped axes put back: vectors' missing rows or columns, reduced batch axes (stride 0).
View spread_result(const View& view, const mil::Shape& full, const std::vector<bool>& is_dropped) {
  View result{view.buffer, view.offset, view.element, full, std::vector<int64_t>(full.size(), 0)};
  size_t next = 0;
  for (size_t axis = 0; axis < full.size(); ++axis) {
    if (is_dropped[axis]) continue;
    result.strides[axis] = view.sizes[next] == 1 && full[axis] != 1 ? 0 : view.strides[next];
    ++next;
  }
  return result;
}

// Integers wrap around. One task per row of the result; programs multiply few of them.
template <class T>
Status emit_integer_product(Lowering& lowering, const mil::Operation& operation, const Product& product) {
  using Unsigned = std::make_unsigned_t<T>;
  const View& c = product.c;
  const size_t rank = c.sizes.size();
  const int64_t columns = c.sizes[rank - 1];
  const int64_t depth = product.a.sizes[rank - 1];
  const auto row_offset = [rank](const View& view, int64_t row) {
    int64_t offset = 0;
    for (size_t axis = rank - 1; axis-- > 0;) {
      offset += row % view.sizes[axis] * view.strides[axis];
      row /= view.sizes[axis];
    }
    return offset;
  };
  // The rows of b are k, those of a and c are m: b is walked with the batch axes of c only.
  View batch_of_b = product.b;
  batch_of_b.sizes[rank - 2] = c.sizes[rank - 2];
  batch_of_b.strides[rank - 2] = 0;
  Call call{.kernel = "matmul", .reads = {product.a, product.b}, .writes = {c}};
  call.run = [=, a = product.a, b = product.b,
              rows = columns == 0 ? 0 : c.count() / columns](const Memory& memory) -> Status {
    parallel_rows(rows, columns * depth, [&](int64_t row) {
      const T* left = static_cast<const T*>(memory.at(a)) + row_offset(a, row);
      const T* right = static_cast<const T*>(memory.at(b)) + row_offset(batch_of_b, row);
      T* result = static_cast<T*>(memory.at(c)) + row_offset(c, row);
      for (int64_t column = 0; column < columns; ++column) {
        Unsigned sum = 0;
        for (int64_t k = 0; k < depth; ++k) {
          sum += static_cast<Unsigned>(left[k * a.strides[rank - 1]]) *
                 static_cast<Unsigned>(right[k * b.strides[rank - 2] + column * b.strides[rank - 1]]);
        }
        result[column * c.strides[rank - 1]] = static_cast<T>(sum);
      }
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_matmul(Lowering& lowering, const mil::Operation& operation) {
  View x = lowering.operand(operation, "x");
  View y = lowering.operand(operation, "y");
  const mil::ElementType element = operation.result()->element();
  const bool is_integer = mil::is_integer(element);
  if (is_integer) {
    MW_ASSIGN(x, lowering.converted(operation, x, element));
    MW_ASSIGN(y, lowering.converted(operation, y, element));
  }
  const size_t rank = std::max<size_t>({x.sizes.size(), y.sizes.size(), 2});
  Product product;
  product.a = matrix_operand(x, mil::flag(operation, "transpose_x"), true, rank);
  product.b = matrix_operand(y, mil::flag(operation, "transpose_y"), false, rank);

  mil::Shape full(rank);
  for (size_t axis = 0; axis + 2 < rank; ++axis) {
    full[axis] = product.a.sizes[axis] == 1 ? product.b.sizes[axis] : product.a.sizes[axis];
  }
  const mil::Shape batch(full.begin(), full.end() - 2);
  full[rank - 2] = product.a.sizes[rank - 2];
  full[rank - 1] = product.b.sizes[rank - 1];
  product.a = spread_batch(product.a, batch);
  product.b = spread_batch(product.b, batch);

  const bool is_internal = operation.kind() == "mw.matmul";
  product.reduced.assign(batch.size(), 0);
  std::vector<bool> is_dropped(rank, false);
  is_dropped[rank - 2] = x.sizes.size() == 1;
  is_dropped[rank - 1] = y.sizes.size() == 1;
  if (is_internal) {
    const bool keeps = mil::flag(operation, "keep_dims");
    for (const int64_t axis : mil::integers(operation, "reduce_axes")) {
      product.reduced[static_cast<size_t>(axis)] = 1;
      is_dropped[static_cast<size_t>(axis)] = !keeps;
    }
    product.alpha = static_cast<float>(mil::number(operation, "alpha"));
  }
  // The kernel adds what lies exactly as the result does; anything else is first copied into the result.
  bool accumulates = false;
  View target = lowering.result(operation);
  if (is_internal && operation.find_operand("addend") != nullptr) {
    const View addend = lowering.operand(operation, "addend");
    View placed = target;
    placed.buffer = addend.buffer;
    placed.offset = addend.offset;
    if (is_same_place(placed, addend)) {
      product.addend = spread_result(addend, full, is_dropped);
    } else {
      MW_TRY(lowering.emit_copy(operation, addend, target, /*is_partial=*/true));
      accumulates = true;
    }
  }
  product.c = spread_result(target, full, is_dropped);
  if (is_integer) {
    return with_integer(operation, element,
                        [&]<class T>(T) -> Status { return emit_integer_product<T>(lowering, operation, product); });
  }
  return emit_product(lowering, operation, std::move(product), accumulates);
}

// y = x · weightᵀ + bias
Status lower_linear(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View target = lowering.result(operation);
  const bool has_bias = operation.find_operand("bias") != nullptr;
  if (has_bias) MW_TRY(lowering.emit_copy(operation, lowering.operand(operation, "bias"), target, /*is_partial=*/true));
  Product product;
  const size_t rank = std::max<size_t>(x.sizes.size(), 2);
  product.a = matrix_operand(x, false, true, rank);
  product.b = matrix_operand(lowering.operand(operation, "weight"), true, false, rank);
  product.c = matrix_operand(target, false, true, rank);
  product.b = spread_batch(product.b, mil::Shape(product.a.sizes.begin(), product.a.sizes.end() - 2));
  product.reduced.assign(rank - 2, 0);
  return emit_product(lowering, operation, std::move(product), has_bias);
}

// nchw,nwhu->nchu and, without n, chw,whu->chu: for each batch and h a product of [c, w] and [w, u].
Status lower_einsum(Lowering& lowering, const mil::Operation& operation) {
  const auto& values = operation.find_operand("values")->arguments;
  const auto batched = [](View view) {
    if (view.sizes.size() == 3) {
      view.sizes.insert(view.sizes.begin(), 1);
      view.strides.insert(view.strides.begin(), 0);
    }
    return view;
  };
  constexpr int64_t kHeightFirst[] = {0, 2, 1, 3};
  const View target = permuted(batched(lowering.result(operation)), kHeightFirst);
  const mil::Shape batch(target.sizes.begin(), target.sizes.end() - 2);
  Product product;
  product.a = spread_batch(permuted(batched(lowering.argument(values[0])), kHeightFirst), batch);
  product.b = spread_batch(permuted(batched(lowering.argument(values[1])), kHeightFirst), batch);
  product.c = target;
  product.reduced.assign(2, 0);
  return emit_product(lowering, operation, std::move(product));
}

constexpr KernelEntry kEntries[] = {
    {"matmul", lower_matmul, "x y"},
    {"mw.matmul", lower_matmul, "x y"},
    {"linear", lower_linear, "x weight"},
    {"einsum", lower_einsum, "values"},
};

}  // namespace

std::span<const KernelEntry> product_kernels() { return kEntries; }

}  // namespace millwright::cpu
