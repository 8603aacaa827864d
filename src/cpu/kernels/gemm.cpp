// Blocking, batches and threads of the matrix product. Registers and packing are in gemm_kernels.cpp, products with few
// columns in gemm_skinny.cpp.
//
// Batch dimensions are of four sorts: summed ones lengthen k; those where B is shared add rows (panels of A), those
// where A is shared add columns (panels of B), so that the shared operand is packed once; the rest are independent
// products.
//
// One product: for a super-block of k and of columns, B is packed by all threads together (it stays in L2), then each
// task packs kTaskPanels panels of A for one k block after the other and multiplies them with every B panel: a B panel
// block (32 KiB) is read from L1 while the A block (100 KiB) streams from L2. k is never split between threads.
#include "cpu/kernels/gemm.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/kernels/gemm_kernels.h"
#include "cpu/kernels/gemm_skinny.h"
#include "cpu/kernels/scratch.h"

namespace millwright::cpu {

namespace {

// Packed B at most (floats): 1.5 MiB, so that it stays in a 2 MiB L2 beside the A block.
constexpr int64_t kPackedBFloats = 384 << 10;
// Columns of one B super-block at most: with 384 of k they fill kPackedBFloats.
constexpr int64_t kBlockColumns = 1024;
// A panels of one task: 8 panels of 12 rows by 256 of k are 100 KiB.
constexpr int64_t kTaskPanels = 8;
// A product whose task list is shorter than this is also cut by columns.
constexpr int64_t kTasksWanted = 8;
// Independent products at least this many are computed one per thread instead of with all threads each.
constexpr int64_t kBatchParallel = 4;

// A smaller than this (bytes) was probably just written and is in a cache: it is not prefetched.
constexpr int64_t kPrefetchBytes = 1 << 20;

// Independent or summed dimensions, with the offsets of their flattened index.
struct BatchList {
  std::vector<int64_t> sizes;
  std::vector<int64_t> a_strides, b_strides, c_strides;

  void append(int64_t size, int64_t a_stride, int64_t b_stride, int64_t c_stride) {
    sizes.push_back(size);
    a_strides.push_back(a_stride);
    b_strides.push_back(b_stride);
    c_strides.push_back(c_stride);
  }
  int64_t count() const {
    int64_t product = 1;
    for (int64_t size : sizes) product *= size;
    return product;
  }
  static int64_t offset(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, int64_t index) {
    int64_t offset = 0;
    for (size_t dim = sizes.size(); dim-- > 0;) {
      offset += index % sizes[dim] * strides[dim];
      index /= sizes[dim];
    }
    return offset;
  }
  int64_t a_offset(int64_t index) const { return offset(sizes, a_strides, index); }
  int64_t b_offset(int64_t index) const { return offset(sizes, b_strides, index); }
  int64_t c_offset(int64_t index) const { return offset(sizes, c_strides, index); }
};

struct Plan {
  GemmProblem problem;  // merged; its batch array is replaced by the lists below
  BatchList independent, rows, columns, summed;
};

const void* advance(const GemmInput& input, int64_t elements) {
  return static_cast<const char*>(input.data) + elements * storage_bytes(input.storage);
}

void swap_roles(GemmProblem& problem) {
  std::swap(problem.m, problem.n);
  std::swap(problem.a, problem.b);
  std::swap(problem.a.row_stride, problem.a.column_stride);
  std::swap(problem.b.row_stride, problem.b.column_stride);
  std::swap(problem.c.row_stride, problem.c.column_stride);
}

// Turns batch dimension `dim` into more rows, columns or k where the strides allow; true if it is gone.
bool merge_batch(GemmProblem& problem, size_t dim) {
  const int64_t size = problem.batch[dim].size;
  const int64_t a = problem.a.batch_strides[dim];
  const int64_t b = problem.b.batch_strides[dim];
  const int64_t c = problem.c.batch_strides[dim];
  if (size == 1) return true;
  if (problem.batch[dim].reduce) {
    const bool fits =
        (problem.k == 1 || (a == problem.k * problem.a.column_stride && b == problem.k * problem.b.row_stride));
    if (!fits) return false;
    if (problem.k == 1) {
      problem.a.column_stride = a;
      problem.b.row_stride = b;
    }
    problem.k *= size;
    return true;
  }
  if (b == 0 && a != 0) {
    if (problem.m == 1) {
      problem.a.row_stride = a;
      problem.c.row_stride = c;
    } else if (a != problem.m * problem.a.row_stride || c != problem.m * problem.c.row_stride) {
      return false;
    }
    problem.m *= size;
    return true;
  }
  if (a == 0 && b != 0) {
    if (problem.n == 1) {
      problem.b.column_stride = b;
      problem.c.column_stride = c;
    } else if (b != problem.n * problem.b.column_stride || c != problem.n * problem.c.column_stride) {
      return false;
    }
    problem.n *= size;
    return true;
  }
  return false;
}

Plan make_plan(const GemmProblem& original) {
  Plan plan;
  plan.problem = original;
  GemmProblem& problem = plan.problem;
  // Innermost first: it is the one that lies next to the matrix.
  std::array<bool, kGemmBatchDims> merged{};
  for (size_t dim = kGemmBatchDims; dim-- > 0;) merged[dim] = merge_batch(problem, dim);
  if (problem.c.column_stride != 1 && (problem.c.row_stride == 1 || problem.n == 1)) swap_roles(problem);
  for (size_t dim = 0; dim < kGemmBatchDims; ++dim) {
    if (merged[dim]) continue;
    const GemmBatch& batch = problem.batch[dim];
    const int64_t a = problem.a.batch_strides[dim];
    const int64_t b = problem.b.batch_strides[dim];
    const int64_t c = problem.c.batch_strides[dim];
    BatchList& list = batch.reduce           ? plan.summed
                      : (a != 0) == (b != 0) ? plan.independent
                      : a != 0               ? plan.rows
                                             : plan.columns;
    list.append(batch.size, a, b, batch.reduce ? 0 : c);
  }
  return plan;
}

// Cuts `extent` rows (or columns) of every batch index into panels.
std::vector<GemmPanel> make_panels(const BatchList& batches, const std::vector<int64_t>& source_strides, int64_t extent,
                                   int64_t panel_extent, int64_t source_stride, int64_t c_stride) {
  std::vector<GemmPanel> panels;
  const int64_t count = batches.count();
  panels.reserve(static_cast<size_t>(count * ((extent + panel_extent - 1) / panel_extent)));
  for (int64_t index = 0; index < count; ++index) {
    const int64_t source = BatchList::offset(batches.sizes, source_strides, index);
    const int64_t c = batches.c_offset(index);
    for (int64_t first = 0; first < extent; first += panel_extent) {
      panels.push_back({source + first * source_stride, c + first * c_stride, std::min(panel_extent, extent - first)});
    }
  }
  return panels;
}

// One independent product with its operands at their batch index.
class PackedProduct {
 public:
  PackedProduct(const Plan& plan, int64_t index)
      : plan_(plan),
        problem_(plan.problem),
        kernels_(gemm_kernels()),
        a_panels_(make_panels(plan.rows, plan.rows.a_strides, problem_.m, kernels_.panel_rows, problem_.a.row_stride,
                              problem_.c.row_stride)),
        b_panels_(make_panels(plan.columns, plan.columns.b_strides, problem_.n, kernels_.panel_columns,
                              problem_.b.column_stride, problem_.c.column_stride)),
        total_k_(problem_.k * plan.summed.count()),
        a_k_major_(problem_.a.column_stride != 1 && problem_.a.row_stride == 1) {
    problem_.a.data = advance(problem_.a, plan.independent.a_offset(index));
    problem_.b.data = advance(problem_.b, plan.independent.b_offset(index));
    const int64_t c_offset = plan.independent.c_offset(index);
    problem_.c.data += c_offset;
    if (problem_.addend) problem_.addend += c_offset;
    // Equal k blocks, a multiple of 8 long.
    const int64_t blocks = (total_k_ + kGemmKBlock - 1) / kGemmKBlock;
    k_block_ = std::min(kGemmKBlock, ((total_k_ + blocks - 1) / blocks + 7) / 8 * 8);
  }

  void run() const {
    const auto column_panels = static_cast<int64_t>(b_panels_.size());
    const int64_t panels_at_once = std::min(column_panels, kBlockColumns / kernels_.panel_columns);
    const int64_t columns_at_once = panels_at_once * kernels_.panel_columns;
    const int64_t k_at_once = std::max<int64_t>(kPackedBFloats / columns_at_once / k_block_, 1) * k_block_;
    const ScratchLease packed_b(columns_at_once * std::min(k_at_once, total_k_));
    for (int64_t panel = 0; panel < column_panels; panel += panels_at_once) {
      for (int64_t k = 0; k < total_k_; k += k_at_once) {
        const SuperBlock block{panel, std::min(panels_at_once, column_panels - panel), k,
                               std::min(k_at_once, total_k_ - k), packed_b.data()};
        pack_b(block);
        multiply(block);
      }
    }
  }

 private:
  struct SuperBlock {
    int64_t first_panel, panel_count;
    int64_t first_k, k_count;
    float* packed_b;
  };

  // Calls body(a offset, b offset, k's first index within the summed matrix, count, position in the range) for the
  // pieces of [first_k, first_k + count) that lie in one summed matrix each.
  template <class Body>
  void for_each_k_piece(int64_t first_k, int64_t count, const Body& body) const {
    for (int64_t done = 0; done < count;) {
      const int64_t index = (first_k + done) / problem_.k;
      const int64_t within = (first_k + done) % problem_.k;
      const int64_t length = std::min(count - done, problem_.k - within);
      body(index, within, length, done);
      done += length;
    }
  }

  void pack_b(const SuperBlock& block) const {
    const int64_t panel_floats = block.k_count * kernels_.panel_columns;
    const int64_t panels_per_chunk = std::max<int64_t>(16384 / panel_floats, 1);
    const int64_t chunks = (block.panel_count + panels_per_chunk - 1) / panels_per_chunk;
    parallel_for(chunks, [&](int64_t chunk) {
      const int64_t end = std::min((chunk + 1) * panels_per_chunk, block.panel_count);
      for (int64_t panel = chunk * panels_per_chunk; panel < end; ++panel) {
        pack_b_panel(block, b_panels_[static_cast<size_t>(block.first_panel + panel)],
                     block.packed_b + panel * panel_floats);
      }
    });
  }

  void pack_b_panel(const SuperBlock& block, const GemmPanel& panel, float* packed) const {
    for_each_k_piece(block.first_k, block.k_count, [&](int64_t index, int64_t within, int64_t length, int64_t done) {
      const int64_t offset = panel.source_offset + plan_.summed.b_offset(index) + within * problem_.b.row_stride;
      const GemmPackSource source{advance(problem_.b, offset), problem_.b.column_stride, problem_.b.row_stride,
                                  problem_.b.storage};
      kernels_.pack_b(source, panel.valid, length, packed + done * kernels_.panel_columns);
    });
  }

  // Panels from `panel` on that lie side by side in the source, each full but perhaps the last: at most `count`.
  int64_t neighbours(int64_t panel, int64_t count) const {
    int64_t run = 1;
    while (run < count) {
      const GemmPanel& last = a_panels_[static_cast<size_t>(panel + run - 1)];
      const GemmPanel& next = a_panels_[static_cast<size_t>(panel + run)];
      if (last.valid != kernels_.panel_rows) break;
      if (next.source_offset != last.source_offset + last.valid * problem_.a.row_stride) break;
      ++run;
    }
    return run;
  }

  int64_t rows_in(int64_t panel, int64_t count) const {
    return (count - 1) * kernels_.panel_rows + a_panels_[static_cast<size_t>(panel + count - 1)].valid;
  }

  // Whether these k of a panel are multiplied where they lie. A k-major panel whose k are a multiple of 4 KiB apart
  // would fall into few cache sets.
  bool is_used_in_place(const GemmPanel& panel, int64_t first_k, int64_t k_count) const {
    const GemmInput& a = problem_.a;
    if (a.storage != Storage::float32 || panel.valid != kernels_.panel_rows) return false;
    if (first_k % problem_.k + k_count > problem_.k) return false;
    return a_k_major_ ? a.column_stride * storage_bytes(a.storage) % 4096 != 0 : a.column_stride == 1;
  }

  // Points data[0 .. count) at the panels' elements of one k block, packed into `packed` where they must be.
  void provide_a(int64_t panel, int64_t count, int64_t first_k, int64_t k_count, float* packed,
                 GemmPanelData* data) const {
    for (int64_t done = 0; done < count;) {
      if (is_used_in_place(a_panels_[static_cast<size_t>(panel + done)], first_k, k_count)) {
        const int64_t offset = a_source_offset(panel + done, first_k / problem_.k, first_k % problem_.k);
        data[done++] = {static_cast<const float*>(problem_.a.data) + offset,
                        a_k_major_ ? problem_.a.column_stride : problem_.a.row_stride};
        continue;
      }
      const int64_t run = a_k_major_ ? neighbours(panel + done, count - done) : 1;
      float* destination = packed + done * kernels_.a_panel_floats;
      pack_a_run(panel + done, run, first_k, k_count, destination);
      for (int64_t i = 0; i < run; ++i) {
        data[done++] = {destination + i * kernels_.a_panel_floats, a_k_major_ ? kernels_.k_major_pitch : kGemmRowPitch};
      }
    }
  }

  void pack_a_run(int64_t panel, int64_t count, int64_t first_k, int64_t k_count, float* packed) const {
    const int64_t rows = rows_in(panel, count);
    for_each_k_piece(first_k, k_count, [&](int64_t index, int64_t within, int64_t length, int64_t done) {
      const GemmPackSource source{advance(problem_.a, a_source_offset(panel, index, within)), problem_.a.row_stride,
                                  problem_.a.column_stride, problem_.a.storage};
      if (a_k_major_) {
        kernels_.pack_a_k_major(source, rows, length, packed + done * kernels_.k_major_pitch, kernels_.a_panel_floats);
      } else {
        kernels_.pack_a_rows(source, rows, length, packed + done);
      }
    });
  }

  int64_t a_source_offset(int64_t panel, int64_t summed_index, int64_t k) const {
    return a_panels_[static_cast<size_t>(panel)].source_offset + plan_.summed.a_offset(summed_index) +
           k * problem_.a.column_stride;
  }

  // The lines that packing these panels for this k block will read, if they form one rectangle of a large A.
  GemmPrefetch prefetch_of(int64_t panel, int64_t count, int64_t first_k, int64_t k_count) const {
    const int64_t bytes = storage_bytes(problem_.a.storage);
    const int64_t within = first_k % problem_.k;
    const bool unit_stride = a_k_major_ || problem_.a.column_stride == 1;
    if (!unit_stride || problem_.m * total_k_ * bytes < kPrefetchBytes) return {};
    if (within + k_count > problem_.k || neighbours(panel, count) != count) return {};
    const auto* first =
        static_cast<const char*>(advance(problem_.a, a_source_offset(panel, first_k / problem_.k, within)));
    const int64_t rows = rows_in(panel, count);
    const int64_t row_bytes = (a_k_major_ ? rows : k_count) * bytes;
    return {first, (a_k_major_ ? problem_.a.column_stride : problem_.a.row_stride) * bytes, (row_bytes + 63) / 64,
            a_k_major_ ? k_count : rows};
  }

  void multiply(const SuperBlock& block) const {
    const auto row_panels = static_cast<int64_t>(a_panels_.size());
    const int64_t row_tasks = (row_panels + kTaskPanels - 1) / kTaskPanels;
    // Few rows: cut the columns too, but keep 256 of them per task to pay for packing A again.
    const int64_t min_panels = std::max<int64_t>(256 / kernels_.panel_columns, 1);
    const int64_t column_tasks =
        std::clamp<int64_t>(kTasksWanted / row_tasks, 1, std::max<int64_t>(block.panel_count / min_panels, 1));
    const int64_t panels_per_task = (block.panel_count + column_tasks - 1) / column_tasks;
    parallel_for(row_tasks * column_tasks, [&](int64_t task) {
      const int64_t first_row = task / column_tasks * kTaskPanels;
      const int64_t first_column = task % column_tasks * panels_per_task;
      multiply_task(block, first_row, std::min(kTaskPanels, row_panels - first_row), first_column,
                    std::min(panels_per_task, block.panel_count - first_column));
    });
  }

  // What a thread will probably pack next: the next k block of its task, or else the first of the task that follows
  // when all threads take turns.
  GemmPrefetch next_prefetch(const SuperBlock& super, int64_t first_row, int64_t row_count, int64_t k) const {
    const int64_t next_k = k + k_block_;
    if (next_k < super.k_count) {
      return prefetch_of(first_row, row_count, super.first_k + next_k, std::min(k_block_, super.k_count - next_k));
    }
    const int64_t next_row = first_row + thread_count() * kTaskPanels;
    const int64_t next_count = std::min(kTaskPanels, static_cast<int64_t>(a_panels_.size()) - next_row);
    if (next_count <= 0) return {};
    return prefetch_of(next_row, next_count, super.first_k, std::min(k_block_, super.k_count));
  }

  void multiply_task(const SuperBlock& super, int64_t first_row, int64_t row_count, int64_t first_column,
                     int64_t column_count) const {
    if (column_count <= 0) return;
    const ScratchLease packed_a(row_count * kernels_.a_panel_floats);
    std::array<GemmPanelData, kTaskPanels> a_data;
    GemmBlock block;
    block.a_k_major = a_k_major_;
    block.a_panels = a_panels_.data() + first_row;
    block.a = a_data.data();
    block.a_count = row_count;
    block.b_panels = b_panels_.data() + super.first_panel + first_column;
    block.b_panel_stride = super.k_count * kernels_.panel_columns;
    block.b_count = column_count;
    block.c = problem_.c.data;
    block.c_row_stride = problem_.c.row_stride;
    block.c_column_stride = problem_.c.column_stride;
    block.alpha = problem_.alpha;
    for (int64_t k = 0; k < super.k_count; k += k_block_) {
      block.k = std::min(k_block_, super.k_count - k);
      provide_a(first_row, row_count, super.first_k + k, block.k, packed_a.data(), a_data.data());
      block.prefetch = next_prefetch(super, first_row, row_count, k);
      block.b = super.packed_b + first_column * block.b_panel_stride + k * kernels_.panel_columns;
      block.addend = super.first_k + k == 0 ? problem_.addend : problem_.c.data;
      kernels_.multiply(block);
    }
  }

  const Plan& plan_;
  GemmProblem problem_;
  const GemmKernels& kernels_;
  std::vector<GemmPanel> a_panels_, b_panels_;
  int64_t total_k_;
  int64_t k_block_ = 0;
  bool a_k_major_;
};

// The product with few columns, if this plan is one: few columns (or rows: roles swapped), nothing summed, A
// streamable.
bool make_skinny(Plan& plan) {
  GemmProblem& problem = plan.problem;
  if (plan.summed.count() != 1) return false;
  if (problem.n > kGemmSkinnyColumns && problem.m > kGemmSkinnyColumns) return false;
  if (problem.n > kGemmSkinnyColumns || (problem.m < problem.n && can_stream(problem.b))) {
    swap_roles(problem);
    std::swap(plan.rows, plan.columns);
    for (BatchList* list : {&plan.independent, &plan.rows, &plan.columns}) std::swap(list->a_strides, list->b_strides);
  }
  return can_stream(problem.a);
}

void run_skinny(const Plan& plan) {
  const GemmProblem& problem = plan.problem;
  BatchList batches = plan.independent;
  for (const BatchList* list : {&plan.rows, &plan.columns}) {
    for (size_t dim = 0; dim < list->sizes.size(); ++dim) {
      batches.append(list->sizes[dim], list->a_strides[dim], list->b_strides[dim], list->c_strides[dim]);
    }
  }
  const int64_t count = batches.count();
  parallel_for(count >= kBatchParallel ? count : 1, [&](int64_t chunk) {
    const int64_t end = count >= kBatchParallel ? chunk + 1 : count;
    for (int64_t index = chunk; index < end; ++index) {
      SkinnyProblem skinny{problem.m,
                           problem.n,
                           problem.k,
                           problem.a,
                           problem.b,
                           problem.c.data + batches.c_offset(index),
                           problem.c.row_stride,
                           problem.c.column_stride,
                           problem.addend ? problem.addend + batches.c_offset(index) : nullptr,
                           problem.alpha};
      skinny.a.data = advance(problem.a, batches.a_offset(index));
      skinny.b.data = advance(problem.b, batches.b_offset(index));
      const ScratchLease packed_b(skinny.n * skinny.k);
      pack_skinny_b(skinny, packed_b.data());
      const int64_t rows = skinny_chunk_rows(skinny);
      parallel_for((skinny.m + rows - 1) / rows, [&](int64_t row_chunk) {
        const int64_t first = row_chunk * rows;
        multiply_skinny_rows(skinny, packed_b.data(), first, std::min(rows, skinny.m - first));
      });
    }
  });
}

// C = addend (or zero) where k is 0.
void run_empty_sum(const GemmProblem& problem) {
  BatchList batches;
  for (size_t dim = 0; dim < kGemmBatchDims; ++dim) {
    if (!problem.batch[dim].reduce) batches.append(problem.batch[dim].size, 0, 0, problem.c.batch_strides[dim]);
  }
  for (int64_t index = 0; index < batches.count(); ++index) {
    for (int64_t row = 0; row < problem.m; ++row) {
      for (int64_t column = 0; column < problem.n; ++column) {
        const int64_t offset = batches.c_offset(index) + row * problem.c.row_stride + column * problem.c.column_stride;
        problem.c.data[offset] = problem.addend ? problem.addend[offset] : 0.0f;
      }
    }
  }
}

}  // namespace

void gemm(const GemmProblem& problem) {
  int64_t outputs = problem.m * problem.n;
  int64_t sum_length = problem.k;
  for (const GemmBatch& batch : problem.batch) (batch.reduce ? sum_length : outputs) *= batch.size;
  if (outputs == 0) return;
  if (sum_length == 0) return run_empty_sum(problem);
  Plan plan = make_plan(problem);
  if (make_skinny(plan)) return run_skinny(plan);
  const int64_t count = plan.independent.count();
  if (count >= kBatchParallel) {
    parallel_for(count, [&](int64_t index) { PackedProduct(plan, index).run(); });
  } else {
    for (int64_t index = 0; index < count; ++index) PackedProduct(plan, index).run();
  }
}

}  // namespace millwright::cpu
