// Order of the reductions. Dimensions are put in the order kept, reduced, and kept again when the innermost one is
// kept: [outer, length, inner]. Each output's length is cut into chunks whose size depends on the shape only; a chunk
// is summed in float by blocks, the chunks' partial results are combined in double in order.
#include "cpu/kernels/reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/kernels/elementwise_evaluation.h"
#include "cpu/kernels/reduction_blocks.h"
#include "cpu/kernels/scratch.h"

namespace millwright::cpu {

namespace {

// Elements that one chunk reduces, about.
constexpr int64_t kChunkElements = 32768;

// Rows that one chunk adds one after the other in float at most.
constexpr int64_t kChunkRows = 1024;

struct ReductionSpace {
  int64_t outer = 1, length = 1, inner = 1;
  IterationSpace elements;          // of the map, flat index (outer, length, inner)
  Dims outer_sizes, outer_strides;  // of the output
  Dims inner_sizes, inner_strides;

  int64_t output_offset(int64_t outer_index, int64_t inner_index) const {
    return offset(outer_sizes, outer_strides, outer_index) + offset(inner_sizes, inner_strides, inner_index);
  }
  static int64_t offset(const Dims& sizes, const Dims& strides, int64_t flat) {
    int64_t result = 0;
    for (int dim = sizes.rank() - 1; dim >= 0; --dim) {
      result += flat % sizes[dim] * strides[dim];
      flat /= sizes[dim];
    }
    return result;
  }
};

ReductionSpace arrange(const Dims& sizes, const std::array<bool, kMaxRank>& reduced,
                       std::span<const ElementwiseInput> inputs, const Dims& output_strides) {
  const auto is_reduced = [&](int dim) { return reduced[static_cast<size_t>(dim)]; };
  // Kept dimensions after the last reduced one (of size over 1) stay inside, if wide enough to be worth vectors.
  int last_reduced = -1;
  for (int dim = 0; dim < sizes.rank(); ++dim) {
    if (is_reduced(dim) && sizes[dim] > 1) last_reduced = dim;
  }
  ReductionSpace space;
  Dims order;
  for (int dim = 0; dim < sizes.rank(); ++dim) {
    if (is_reduced(dim) || dim > last_reduced) continue;
    order.push_back(dim);
    space.outer *= sizes[dim];
    space.outer_sizes.push_back(sizes[dim]);
    space.outer_strides.push_back(output_strides[dim]);
  }
  for (int dim = 0; dim < sizes.rank(); ++dim) {
    if (!is_reduced(dim)) continue;
    order.push_back(dim);
    space.length *= sizes[dim];
  }
  for (int dim = std::max(last_reduced, 0); dim < sizes.rank(); ++dim) {
    if (is_reduced(dim) || dim <= last_reduced) continue;
    order.push_back(dim);
    space.inner *= sizes[dim];
    space.inner_sizes.push_back(sizes[dim]);
    space.inner_strides.push_back(output_strides[dim]);
  }
  Dims ordered_sizes;
  std::vector<ElementwiseInput> ordered(inputs.begin(), inputs.end());
  for (ElementwiseInput& input : ordered) input.strides = {};
  for (int64_t dim : order) {
    ordered_sizes.push_back(sizes[static_cast<int>(dim)]);
    for (size_t i = 0; i < inputs.size(); ++i) ordered[i].strides.push_back(inputs[i].strides[static_cast<int>(dim)]);
  }
  space.elements = IterationSpace::merge_in_order(ordered_sizes, ordered);
  return space;
}

double neutral(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::max:
      return -std::numeric_limits<double>::infinity();
    case ReductionKind::min:
      return std::numeric_limits<double>::infinity();
    case ReductionKind::prod:
      return 1.0;
    default:
      return 0.0;
  }
}

double combine(ReductionKind kind, double left, double right) {
  switch (kind) {
    case ReductionKind::max:
      return std::isnan(left) || left > right ? left : right;
    case ReductionKind::min:
      return std::isnan(left) || left < right ? left : right;
    case ReductionKind::prod:
      return left * right;
    default:
      return left + right;
  }
}

float finish(ReductionKind kind, double total, int64_t length) {
  return static_cast<float>(kind == ReductionKind::mean ? total / static_cast<double>(length) : total);
}

class Reducer {
 public:
  Reducer(ReductionKind kind, const ElementwiseKernel& map, const ReductionSpace& space, float* output)
      : kind_(kind), map_(map), space_(space), output_(output) {}

  // inner == 1: each output is the reduction of `length` neighbours of the flat index.
  void reduce_rows() const {
    const int64_t chunks = (space_.length + kChunkElements - 1) / kChunkElements;
    if (chunks <= 1) {
      const int64_t rows_per_task = std::max<int64_t>(kChunkElements / std::max<int64_t>(space_.length, 1), 1);
      parallel_for((space_.outer + rows_per_task - 1) / rows_per_task, [&](int64_t task) {
        BlockEvaluator evaluator(map_, space_.elements);
        const int64_t end = std::min((task + 1) * rows_per_task, space_.outer);
        for (int64_t row = task * rows_per_task; row < end; ++row) {
          const double total = reduce_range(evaluator, row * space_.length, space_.length);
          output_[space_.output_offset(row, 0)] = finish(kind_, total, space_.length);
        }
      });
      return;
    }
    std::vector<double> partials(static_cast<size_t>(space_.outer * chunks));
    parallel_for(space_.outer * chunks, [&](int64_t task) {
      BlockEvaluator evaluator(map_, space_.elements);
      const int64_t first = task % chunks * kChunkElements;
      partials[static_cast<size_t>(task)] = reduce_range(evaluator, task / chunks * space_.length + first,
                                                         std::min(kChunkElements, space_.length - first));
    });
    for (int64_t row = 0; row < space_.outer; ++row) {
      double total = neutral(kind_);
      for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        total = combine(kind_, total, partials[static_cast<size_t>(row * chunks + chunk)]);
      }
      output_[space_.output_offset(row, 0)] = finish(kind_, total, space_.length);
    }
  }

  // inner > 1: `length` rows of `inner` elements are added element by element.
  void reduce_columns() const {
    const int64_t strip = std::min(space_.inner, kElementwiseBlock);
    const int64_t strips = (space_.inner + strip - 1) / strip;
    const int64_t rows_per_chunk = std::clamp<int64_t>(kChunkElements / strip, 1, kChunkRows);
    const int64_t chunks = std::max<int64_t>((space_.length + rows_per_chunk - 1) / rows_per_chunk, 1);
    // partial [outer, chunks, inner]
    const ScratchLease partials(space_.outer * chunks * space_.inner);
    parallel_for(space_.outer * chunks * strips, [&](int64_t task) {
      const int64_t column = task % strips * strip;
      const int64_t chunk = task / strips % chunks;
      const int64_t outer = task / strips / chunks;
      const int64_t row = chunk * rows_per_chunk;
      reduce_strip(outer, row, std::min(rows_per_chunk, space_.length - row), column,
                   std::min(strip, space_.inner - column),
                   partials.data() + (outer * chunks + chunk) * space_.inner + column);
    });
    parallel_for(space_.outer * strips, [&](int64_t task) {
      const int64_t outer = task / strips;
      const int64_t end = std::min((task % strips + 1) * strip, space_.inner);
      for (int64_t column = task % strips * strip; column < end; ++column) {
        double total = neutral(kind_);
        for (int64_t chunk = 0; chunk < chunks; ++chunk) {
          total = combine(kind_, total, partials.data()[(outer * chunks + chunk) * space_.inner + column]);
        }
        output_[space_.output_offset(outer, column)] = finish(kind_, total, space_.length);
      }
    });
  }

 private:
  double reduce_range(BlockEvaluator& evaluator, int64_t first, int64_t count) const {
    double total = neutral(kind_);
    for (int64_t done = 0; done < count; done += kElementwiseBlock) {
      const int64_t length = std::min(kElementwiseBlock, count - done);
      total = combine(kind_, total, reduce_block(kind_, evaluator.evaluate_value(first + done, length), length));
    }
    return total;
  }

  // sums[width] over rows [row, row + count) of one strip of columns.
  void reduce_strip(int64_t outer, int64_t row, int64_t count, int64_t column, int64_t width, float* sums) const {
    BlockEvaluator evaluator(map_, space_.elements);
    std::fill_n(sums, width, static_cast<float>(neutral(kind_)));
    // Whole rows are neighbours of the flat index: several fit one block.
    const int64_t rows_per_block = width == space_.inner ? std::max<int64_t>(kElementwiseBlock / width, 1) : 1;
    for (int64_t done = 0; done < count; done += rows_per_block) {
      const int64_t rows = std::min(rows_per_block, count - done);
      const int64_t first = (outer * space_.length + row + done) * space_.inner + column;
      accumulate_rows(kind_, evaluator.evaluate_value(first, rows * width), rows, width, sums);
    }
  }

  ReductionKind kind_;
  const ElementwiseKernel& map_;
  const ReductionSpace& space_;
  float* output_;
};

}  // namespace

void reduce(ReductionKind kind, const ElementwiseKernel& map, const Dims& sizes, std::array<bool, kMaxRank> reduced,
            std::span<const ElementwiseInput> inputs, float* output, const Dims& output_strides) {
  MW_CHECK(map.outputs().size() == 1 && map.program().outputs[0].storage == Storage::float32,
           "a reduction's map has one float output");
  const ReductionSpace space = arrange(sizes, reduced, inputs, output_strides);
  if (space.outer * space.inner == 0) return;
  const Reducer reducer(kind, map, space, output);
  if (space.inner == 1) {
    reducer.reduce_rows();
  } else {
    reducer.reduce_columns();
  }
}

void reduce(ReductionKind kind, const Dims& sizes, std::array<bool, kMaxRank> reduced, const float* input,
            const Dims& input_strides, float* output, const Dims& output_strides) {
  ElementwiseProgram identity;
  identity.inputs = {Storage::float32};
  identity.outputs = {{0, Storage::float32}};
  const ElementwiseInput operand{input, input_strides};
  reduce(kind, ElementwiseKernel(identity), sizes, reduced, {&operand, 1}, output, output_strides);
}

}  // namespace millwright::cpu
