// How a kernel's program is evaluated: the iteration space with merged dimensions, its division into blocks, and the
// evaluator that runs the steps over one block. Internal to elementwise.cpp and reduction.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/scratch.h"

namespace millwright::cpu {

// Elements per block at most: a handful of 4 KiB slots stay in L1.
inline constexpr int64_t kElementwiseBlock = 1024;

struct IterationSpace {
  Dims sizes;  // merged: neighbouring dimensions that every operand walks as one are one
  std::vector<ElementwiseInput> inputs;
  std::vector<ElementwiseOutput> outputs;

  // Also reorders dimensions so that the first output is written in memory order.
  static IterationSpace collapse(const Dims& sizes, std::span<const ElementwiseInput> inputs,
                                 std::span<const ElementwiseOutput> outputs);
  // Keeps the order, so that flat indices keep their meaning.
  static IterationSpace merge_in_order(const Dims& sizes, std::span<const ElementwiseInput> inputs);

  int64_t run_length() const { return sizes.rank() == 0 ? 1 : sizes[sizes.rank() - 1]; }
};

// Blocks of a space, by flat index. Long innermost runs are cut so that no block crosses a run's end (operands are then
// used in place); short ones are gathered, many to a block.
class BlockPlan {
 public:
  explicit BlockPlan(const IterationSpace& space);
  int64_t count() const { return count_; }
  int64_t per_task() const { return per_task_; }
  int64_t first(int64_t block) const;
  int64_t length(int64_t block) const;

 private:
  int64_t run_ = 1;  // elements that blocks do not cross
  int64_t blocks_per_run_ = 1;
  int64_t count_ = 0;
  int64_t per_task_ = 1;
};

// One task's slots. Not shared between threads.
class BlockEvaluator {
 public:
  BlockEvaluator(const ElementwiseKernel& kernel, const IterationSpace& space);

  // Evaluates the elements first .. first + count - 1 (count <= kElementwiseBlock) of the flattened space.
  void evaluate_to_outputs(int64_t first, int64_t count);
  // The same for the program's first output, which is float; the values stay valid until the next call.
  const float* evaluate_value(int64_t first, int64_t count);

 private:
  void bind_inputs(int64_t first, int64_t count);
  void bind_outputs(int64_t first, int64_t count);
  void store_outputs(int64_t first, int64_t count);
  float* buffer(int slot) const;

  const ElementwiseKernel& kernel_;
  const IterationSpace& space_;
  ScratchLease scratch_;
  std::vector<float*> slots_;
  std::vector<const void*> broadcast_from_;  // what an input's slot is filled with, if a broadcast element
  std::vector<bool> is_copied_;              // inputs never used in place
  std::vector<bool> may_be_direct_;          // outputs that may be computed in their own memory
  std::vector<bool> stored_;                 // outputs already in memory after the steps of this block
};

// The target's loops. `slots` hold 4-byte lanes, float or int32.
void run_elementwise_steps(std::span<const ElementwiseKernel::Step> steps, float* const* slots, int64_t count);
void load_lanes(Storage storage, const void* source, int64_t stride, int64_t count, float* lanes);
void store_lanes(Storage storage, const float* lanes, int64_t count, void* destination, int64_t stride);

}  // namespace millwright::cpu
