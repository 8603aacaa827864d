// Iteration spaces, blocks, and the binding of operands to slots.
#include "cpu/kernels/elementwise_evaluation.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace millwright::cpu {

namespace {

// Slots are this far apart (floats): equal offsets in neighbouring slots must not share a cache set.
constexpr int64_t kSlotPitch = kElementwiseBlock + 16;

// Runs shorter than this are gathered into blocks.
constexpr int64_t kShortRun = 128;

// Elements of one task, about.
constexpr int64_t kTaskElements = 32768;

const void* advance(const void* data, Storage storage, int64_t elements) {
  return static_cast<const char*>(data) + elements * storage_bytes(storage);
}

void* advance(void* data, Storage storage, int64_t elements) {
  return static_cast<char*>(data) + elements * storage_bytes(storage);
}

IterationSpace merge(const Dims& sizes, std::span<const int> order, std::span<const ElementwiseInput> inputs,
                     std::span<const ElementwiseOutput> outputs) {
  IterationSpace space;
  for (const ElementwiseInput& input : inputs) space.inputs.push_back({input.data, {}});
  for (const ElementwiseOutput& output : outputs) space.outputs.push_back({output.data, {}});
  for (int dim : order) {
    if (sizes[dim] == 1) continue;
    const int last = space.sizes.rank() - 1;
    bool mergeable = last >= 0;
    for (size_t i = 0; mergeable && i < inputs.size(); ++i) {
      mergeable = space.inputs[i].strides[last] == inputs[i].strides[dim] * sizes[dim];
    }
    for (size_t i = 0; mergeable && i < outputs.size(); ++i) {
      mergeable = space.outputs[i].strides[last] == outputs[i].strides[dim] * sizes[dim];
    }
    if (mergeable) {
      space.sizes[last] *= sizes[dim];
      for (size_t i = 0; i < inputs.size(); ++i) space.inputs[i].strides[last] = inputs[i].strides[dim];
      for (size_t i = 0; i < outputs.size(); ++i) space.outputs[i].strides[last] = outputs[i].strides[dim];
      continue;
    }
    space.sizes.push_back(sizes[dim]);
    for (size_t i = 0; i < inputs.size(); ++i) space.inputs[i].strides.push_back(inputs[i].strides[dim]);
    for (size_t i = 0; i < outputs.size(); ++i) space.outputs[i].strides.push_back(outputs[i].strides[dim]);
  }
  return space;
}

std::vector<int> dims_in_order(const Dims& sizes) {
  std::vector<int> order(static_cast<size_t>(sizes.rank()));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Walks the runs that make up a range of the flattened space: body(indices of the run's start, offset in the range,
// length). Indices count from the range's first element.
template <class Body>
void for_each_run(const Dims& sizes, int64_t first, int64_t count, const Body& body) {
  Dims index = sizes;
  int64_t rest = first;
  for (int dim = sizes.rank() - 1; dim >= 0; --dim) {
    index[dim] = rest % sizes[dim];
    rest /= sizes[dim];
  }
  const int inner = sizes.rank() - 1;
  for (int64_t done = 0; done < count;) {
    const int64_t length = inner < 0 ? 1 : std::min(count - done, sizes[inner] - index[inner]);
    body(index, done, length);
    done += length;
    if (inner < 0) continue;
    index[inner] += length;
    for (int dim = inner; dim > 0 && index[dim] == sizes[dim]; --dim) {
      index[dim] = 0;
      ++index[dim - 1];
    }
  }
}

int64_t offset_of(const Dims& index, const Dims& strides) {
  int64_t offset = 0;
  for (int dim = 0; dim < index.rank(); ++dim) offset += index[dim] * strides[dim];
  return offset;
}

int64_t inner_stride(const Dims& strides) { return strides.rank() == 0 ? 0 : strides[strides.rank() - 1]; }

}  // namespace

IterationSpace IterationSpace::collapse(const Dims& sizes, std::span<const ElementwiseInput> inputs,
                                        std::span<const ElementwiseOutput> outputs) {
  std::vector<int> order = dims_in_order(sizes);
  if (!outputs.empty()) {
    const Dims& strides = outputs[0].strides;
    std::sort(order.begin(), order.end(), [&](int left, int right) {
      return strides[left] != strides[right] ? strides[left] > strides[right] : left < right;
    });
  }
  return merge(sizes, order, inputs, outputs);
}

IterationSpace IterationSpace::merge_in_order(const Dims& sizes, std::span<const ElementwiseInput> inputs) {
  return merge(sizes, dims_in_order(sizes), inputs, {});
}

BlockPlan::BlockPlan(const IterationSpace& space) {
  const int64_t total = element_count(space.sizes);
  run_ = space.run_length() >= kShortRun ? space.run_length() : total;
  blocks_per_run_ = (run_ + kElementwiseBlock - 1) / kElementwiseBlock;
  count_ = total / run_ * blocks_per_run_;
  per_task_ = std::max<int64_t>(kTaskElements * blocks_per_run_ / run_, 1);
}

int64_t BlockPlan::first(int64_t block) const {
  return block / blocks_per_run_ * run_ + block % blocks_per_run_ * kElementwiseBlock;
}

int64_t BlockPlan::length(int64_t block) const {
  return std::min(kElementwiseBlock, run_ - block % blocks_per_run_ * kElementwiseBlock);
}

BlockEvaluator::BlockEvaluator(const ElementwiseKernel& kernel, const IterationSpace& space)
    : kernel_(kernel),
      space_(space),
      scratch_(kernel.slot_count() * kSlotPitch),
      slots_(static_cast<size_t>(kernel.slot_count())),
      broadcast_from_(space.inputs.size(), nullptr),
      stored_(space.outputs.size(), false) {
  for (int slot = 0; slot < kernel.slot_count(); ++slot) slots_[static_cast<size_t>(slot)] = buffer(slot);
  run_elementwise_steps(kernel.constants(), slots_.data(), kElementwiseBlock);
  for (size_t i = 0; i < space.outputs.size(); ++i) {
    const ElementwiseKernel::OutputSlot& output = kernel.outputs()[i];
    const bool four_bytes = output.storage == Storage::float32 || output.storage == Storage::int32;
    may_be_direct_.push_back(output.defined_at >= 0 && four_bytes && inner_stride(space.outputs[i].strides) == 1);
  }
  // An input whose memory an output takes over before the input was last read is copied first.
  for (size_t i = 0; i < space.inputs.size(); ++i) {
    bool copied = false;
    for (size_t j = 0; j < space.outputs.size(); ++j) {
      copied |=
          space.outputs[j].data == space.inputs[i].data && kernel.input_last_use()[i] > kernel.outputs()[j].defined_at;
    }
    is_copied_.push_back(copied);
  }
}

float* BlockEvaluator::buffer(int slot) const { return scratch_.data() + slot * kSlotPitch; }

void BlockEvaluator::bind_inputs(int64_t first, int64_t count) {
  const int64_t run = space_.run_length();
  const bool one_run = first % run + count <= run;
  for (size_t i = 0; i < space_.inputs.size(); ++i) {
    const ElementwiseInput& input = space_.inputs[i];
    const Storage storage = kernel_.program().inputs[i];
    const int64_t stride = inner_stride(input.strides);
    if (!one_run) {
      broadcast_from_[i] = nullptr;
      slots_[i] = buffer(static_cast<int>(i));
      for_each_run(space_.sizes, first, count, [&](const Dims& index, int64_t done, int64_t length) {
        load_lanes(storage, advance(input.data, storage, offset_of(index, input.strides)), stride, length,
                   slots_[i] + done);
      });
      continue;
    }
    const void* source = nullptr;
    for_each_run(space_.sizes, first, count, [&](const Dims& index, int64_t, int64_t) {
      source = advance(input.data, storage, offset_of(index, input.strides));
    });
    if (stride == 1 && storage_bytes(storage) == 4 && !is_copied_[i]) {
      slots_[i] = const_cast<float*>(static_cast<const float*>(source));  // steps only read input slots
      continue;
    }
    slots_[i] = buffer(static_cast<int>(i));
    if (stride != 0) {
      load_lanes(storage, source, stride, count, slots_[i]);
    } else if (broadcast_from_[i] != source) {
      load_lanes(storage, source, 0, kElementwiseBlock, slots_[i]);
      broadcast_from_[i] = source;
    }
  }
}

void BlockEvaluator::bind_outputs(int64_t first, int64_t count) {
  const int64_t run = space_.run_length();
  const bool one_run = first % run + count <= run;
  for (size_t i = 0; i < space_.outputs.size(); ++i) {
    const ElementwiseKernel::OutputSlot& output = kernel_.outputs()[i];
    stored_[i] = one_run && may_be_direct_[i];
    if (output.defined_at < 0) continue;
    float*& slot = slots_[static_cast<size_t>(output.slot)];
    slot = buffer(output.slot);
    if (!stored_[i]) continue;
    for_each_run(space_.sizes, first, count, [&](const Dims& index, int64_t, int64_t) {
      slot = static_cast<float*>(
          advance(space_.outputs[i].data, output.storage, offset_of(index, space_.outputs[i].strides)));
    });
  }
}

void BlockEvaluator::store_outputs(int64_t first, int64_t count) {
  for (size_t i = 0; i < space_.outputs.size(); ++i) {
    if (stored_[i]) continue;
    const ElementwiseKernel::OutputSlot& output = kernel_.outputs()[i];
    const ElementwiseOutput& target = space_.outputs[i];
    const float* lanes = slots_[static_cast<size_t>(output.slot)];
    for_each_run(space_.sizes, first, count, [&](const Dims& index, int64_t done, int64_t length) {
      store_lanes(output.storage, lanes + done, length,
                  advance(target.data, output.storage, offset_of(index, target.strides)), inner_stride(target.strides));
    });
  }
}

void BlockEvaluator::evaluate_to_outputs(int64_t first, int64_t count) {
  bind_inputs(first, count);
  bind_outputs(first, count);
  run_elementwise_steps(kernel_.steps(), slots_.data(), count);
  store_outputs(first, count);
}

const float* BlockEvaluator::evaluate_value(int64_t first, int64_t count) {
  bind_inputs(first, count);
  run_elementwise_steps(kernel_.steps(), slots_.data(), count);
  return slots_[static_cast<size_t>(kernel_.outputs()[0].slot)];
}

}  // namespace millwright::cpu
