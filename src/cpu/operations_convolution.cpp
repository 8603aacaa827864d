// Convolutions and their transposes as matrix products over unfolded windows; depthwise ones in a kernel of their own.
#include <algorithm>

#include "cpu/kernel_table.h"
#include "cpu/kernels/depthwise.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/scratch.h"
#include "cpu/operations_products.h"
#include "cpu/parallel_rows.h"
#include "cpu/spatial_windows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// All windows of one image up to this many elements are unfolded into the arena, where one product with all threads
// reads them. Larger ones are unfolded and multiplied in tiles, one per task.
constexpr int64_t kWholeUnfold = int64_t{1} << 21;
// Elements of one unfolded tile, about: it stays in the L2 cache.
constexpr int64_t kTileElements = int64_t{1} << 18;
constexpr int64_t kNarrowestTile = 32;
constexpr int64_t kWidestTile = 2048;
// Products of one tile of a transposed convolution at most.
constexpr int64_t kFoldElements = int64_t{1} << 22;
// What a thread of the depthwise kernel may lay out: a plane of 64 MiB, and lines of few phases.
constexpr int64_t kLargestPlane = int64_t{1} << 24;
constexpr int64_t kMostPhases = 8;

double flops_of(const View& weight, int64_t products_per_weight) {
  return 2 * static_cast<double>(weight.count()) * static_cast<double>(products_per_weight);
}

// The weight's channel axes and the number of groups.
struct Groups {
  int64_t count = 1;
  int64_t inputs = 0;   // channels of one group
  int64_t outputs = 0;  // channels of one group
};

Status expect_floats(const mil::Operation& operation, std::initializer_list<View> views) {
  for (const View& view : views) {
    const auto storage = storage_of(view.element);
    if (!storage || !is_float(*storage)) MW_TRY(expect_element(operation, view, mil::ElementType::fp32));
  }
  return {};
}

// [O] along axis 1 of the result.
Status emit_bias(Lowering& lowering, const mil::Operation& operation, const View& target) {
  View bias = lowering.operand(operation, "bias");
  MW_TRY(expect_element(operation, bias, mil::ElementType::fp32));
  bias.sizes.insert(bias.sizes.end(), target.sizes.size() - 2, 1);
  bias.strides.insert(bias.strides.end(), target.sizes.size() - 2, 0);
  return lowering.emit_copy(operation, bias, target, /*is_partial=*/true);
}

bool is_pointwise(const Windows& windows) {
  return std::ranges::all_of(windows.axes, [](const WindowAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.before == 0 && axis.output == axis.input;
  });
}

// Kernels of one element: x itself is the right operand.
Status emit_pointwise(Lowering& lowering, const mil::Operation& operation, const View& x, const View& weight,
                      const View& target, const Groups& groups, int64_t positions) {
  const int64_t batch = x.sizes[0];
  const mil::Shape columns = {batch, groups.count, groups.inputs, positions};
  std::optional<View> right = reshaped(x, columns);
  if (!right) right = reshaped(lowering.dense(x, operation), columns);
  const bool has_bias = operation.find_operand("bias") != nullptr;
  if (has_bias) MW_TRY(emit_bias(lowering, operation, target));
  Product product;
  product.a = reshaped(weight, {1, groups.count, groups.outputs, groups.inputs}).value();
  product.a.sizes[0] = batch;
  product.a.strides[0] = 0;
  product.b = *right;
  product.c = reshaped(target, {batch, groups.count, groups.outputs, positions}).value();
  product.reduced.assign(2, 0);
  return emit_product(lowering, operation, std::move(product), has_bias);
}

WindowSource source_of(const View& x) {
  WindowSource source;
  source.element_bytes = static_cast<int64_t>(mil::element_bytes(x.element));
  source.channel_stride = x.strides[1];
  source.strides = spatial_strides(x);
  return source;
}

bool fits_depthwise(const Windows& windows, const Groups& groups) {
  const WindowAxis& width = windows.axes[2];
  if (groups.inputs != 1 || groups.count == 1 || width.stride > kMostPhases) return false;
  const int64_t line = (width.output + width.kernel * width.dilation) * width.stride;
  return line * windows.axes[0].input * windows.axes[1].input <= kLargestPlane;
}

Status emit_depthwise(Lowering& lowering, const mil::Operation& operation, const Windows& windows, const View& x,
                      const View& weight, const View& target, const Groups& groups) {
  DepthwiseProblem problem;
  problem.windows = windows;
  problem.batch = x.sizes[0];
  problem.channels = weight.sizes[0];
  problem.multiplier = groups.outputs;
  problem.x_storage = *storage_of(x.element);
  problem.batch_stride = x.strides[0];
  problem.channel_stride = x.strides[1];
  problem.strides = spatial_strides(x);
  problem.weight_storage = *storage_of(weight.element);
  Call call{.kernel = "depthwise", .reads = {x, weight}, .writes = {target}};
  std::optional<View> bias;
  if (operation.find_operand("bias") != nullptr) {
    bias = lowering.dense_operand(operation, "bias");
    MW_TRY(expect_element(operation, *bias, mil::ElementType::fp32));
    call.reads.push_back(*bias);
  }
  call.flops = flops_of(weight, problem.batch * windows.outputs());
  call.run = [=](const Memory& memory) -> Status {
    DepthwiseProblem bound = problem;
    bound.x = memory.at(x);
    bound.weight = memory.at(weight);
    bound.bias = bias ? memory.floats(*bias) : nullptr;
    bound.y = memory.floats(target);
    depthwise_convolution(bound);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// The product of one image: weight [G, O/G, K] and columns [G, K, count] at `first` of the result [G, O/G, outputs].
GemmProblem group_product(const View& weight, const View& x, const Groups& groups, int64_t taps, int64_t count,
                          int64_t outputs) {
  GemmProblem problem;
  problem.m = groups.outputs;
  problem.n = count;
  problem.k = taps;
  problem.batch[0].size = groups.count;
  problem.a.storage = *storage_of(weight.element);
  problem.a.row_stride = taps;
  problem.a.batch_strides[0] = groups.outputs * taps;
  problem.b.storage = *storage_of(x.element);
  problem.b.row_stride = count;
  problem.b.batch_strides[0] = taps * count;
  problem.c.row_stride = outputs;
  problem.c.batch_strides[0] = groups.outputs * outputs;
  return problem;
}

const void* element_at(const Memory& memory, const View& view, int64_t offset) {
  return static_cast<const std::byte*>(memory.at(view)) +
         offset * static_cast<int64_t>(mil::element_bytes(view.element));
}

// One image after the other: its windows unfolded, then one product for all groups, each step with all threads.
Status emit_whole_unfold(Lowering& lowering, const mil::Operation& operation, const Windows& windows, const View& x,
                         const View& weight, const View& target, const Groups& groups) {
  const bool has_bias = operation.find_operand("bias") != nullptr;
  if (has_bias) MW_TRY(emit_bias(lowering, operation, target));
  const int64_t taps = groups.inputs * windows.taps();
  const int64_t outputs = windows.outputs();
  const View columns = lowering.temporary(mil::Type::tensor(x.element, {groups.count, taps, outputs}));
  const GemmProblem problem = group_product(weight, x, groups, taps, outputs, outputs);
  Call call{.kernel = "conv", .reads = {x, weight}, .writes = {target, columns}, .is_partial = has_bias};
  call.flops = flops_of(weight, x.sizes[0] * outputs);
  call.run = [=, source = source_of(x)](const Memory& memory) -> Status {
    for (int64_t image = 0; image < x.sizes[0]; ++image) {
      WindowSource bound = source;
      bound.data = element_at(memory, x, image * x.strides[0]);
      unfold(windows, bound, groups.count * groups.inputs, 0, outputs, memory.at(columns));
      GemmProblem product = problem;
      product.a.data = memory.at(weight);
      product.b.data = memory.at(columns);
      product.c.data = memory.floats(target) + image * groups.count * groups.outputs * outputs;
      if (has_bias) product.addend = product.c.data;
      gemm(product);
    }
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// One task per image, group and run of windows: unfolded into scratch memory, multiplied there and then.
Status emit_tiled_unfold(Lowering& lowering, const mil::Operation& operation, const Windows& windows, const View& x,
                         const View& weight, const View& target, const Groups& groups) {
  const bool has_bias = operation.find_operand("bias") != nullptr;
  if (has_bias) MW_TRY(emit_bias(lowering, operation, target));
  const int64_t taps = groups.inputs * windows.taps();
  const int64_t outputs = windows.outputs();
  const int64_t tile = std::clamp(kTileElements / taps / 16 * 16, kNarrowestTile, kWidestTile);
  const int64_t tiles = (outputs + tile - 1) / tile;
  Call call{.kernel = "conv", .reads = {x, weight}, .writes = {target}, .is_partial = has_bias};
  call.flops = flops_of(weight, x.sizes[0] * outputs);
  call.run = [=, source = source_of(x)](const Memory& memory) -> Status {
    parallel_for(x.sizes[0] * groups.count * tiles, [&](int64_t task) {
      const int64_t first = task % tiles * tile;
      const int64_t count = std::min(tile, outputs - first);
      const int64_t group = task / tiles % groups.count;
      const int64_t image = task / tiles / groups.count;
      const ScratchLease columns(taps * count);
      WindowSource bound = source;
      bound.data = element_at(memory, x, image * x.strides[0] + group * groups.inputs * x.strides[1]);
      unfold(windows, bound, groups.inputs, first, count, columns.data());
      GemmProblem product = group_product(weight, x, groups, taps, count, outputs);
      product.batch[0].size = 1;
      product.a.data = element_at(memory, weight, group * groups.outputs * taps);
      product.b.data = columns.data();
      product.c.data = memory.floats(target) + (image * groups.count + group) * groups.outputs * outputs + first;
      if (has_bias) product.addend = product.c.data;
      gemm(product);
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_conv(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View weight = lowering.dense_operand(operation, "weight");
  const View target = lowering.dense_result(operation);
  MW_TRY(expect_floats(operation, {x, weight}));
  MW_TRY(expect_element(operation, target, mil::ElementType::fp32));
  const Windows windows = convolution_windows(operation, x.sizes, weight.sizes, target.sizes);
  Groups groups{mil::integer(operation, "groups"), weight.sizes[1], 0};
  groups.outputs = weight.sizes[0] / groups.count;
  if (target.count() == 0) return {};
  if (weight.count() == 0) {
    const View zero = lowering.constant(mil::Literal::number(target.element, 0));
    return operation.find_operand("bias") != nullptr ? emit_bias(lowering, operation, target)
                                                     : lowering.emit_copy(operation, zero, target);
  }
  if (is_pointwise(windows)) {
    return emit_pointwise(lowering, operation, x, weight, target, groups, windows.outputs());
  }
  if (fits_depthwise(windows, groups)) {
    return emit_depthwise(lowering, operation, windows, x, weight, target, groups);
  }
  // The weight exists, so its size is no surprise; the outputs may be as many.
  const int64_t columns = weight.count() / groups.outputs;
  const bool is_small = columns <= kWholeUnfold / windows.outputs();
  return is_small ? emit_whole_unfold(lowering, operation, windows, x, weight, target, groups)
                  : emit_tiled_unfold(lowering, operation, windows, x, weight, target, groups);
}

// weightᵀ · x gives for each output channel and tap one product per position of x; fold adds them where they belong.
// Output channels are taken in runs, so that the products of one run fit a cache.
Status lower_conv_transpose(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  const View weight = lowering.dense_operand(operation, "weight");  // [I, O/G, kernel…]
  const View target = lowering.dense_result(operation);
  MW_TRY(expect_floats(operation, {x, weight}));
  MW_TRY(expect_element(operation, target, mil::ElementType::fp32));
  const Windows windows = transposed_windows(operation, x.sizes, weight.sizes, target.sizes);
  Groups groups{mil::integer(operation, "groups"), 0, weight.sizes[1]};
  groups.inputs = weight.sizes[0] / groups.count;
  if (target.count() == 0) return {};
  Call call{.kernel = "conv_transpose", .reads = {x, weight}, .writes = {target}};
  std::optional<View> bias;
  if (operation.find_operand("bias") != nullptr) {
    bias = lowering.dense_operand(operation, "bias");
    MW_TRY(expect_element(operation, *bias, mil::ElementType::fp32));
    call.reads.push_back(*bias);
  }
  const int64_t taps = windows.taps();
  const int64_t positions = windows.outputs();
  const int64_t per_channel = std::max<int64_t>(taps * positions, 1);
  // A run is several whole groups, or a part of one.
  const int64_t channels_per_run = std::max<int64_t>(kFoldElements / per_channel, 1);
  const int64_t groups_per_run =
      std::clamp<int64_t>(channels_per_run / std::max<int64_t>(groups.outputs, 1), 1, groups.count);
  const int64_t outputs_per_run = std::min(groups.outputs, channels_per_run);
  const View products = lowering.temporary(
      mil::Type::tensor(mil::ElementType::fp32, {groups_per_run * outputs_per_run, taps, positions}));
  call.writes.push_back(products);
  call.flops = flops_of(weight, x.sizes[0] * positions);
  call.run = [=](const Memory& memory) -> Status {
    for (int64_t image = 0; image < x.sizes[0]; ++image) {
      for (int64_t group = 0; group < groups.count; group += groups_per_run) {
        const int64_t run_groups = std::min(groups_per_run, groups.count - group);
        for (int64_t output = 0; output < groups.outputs; output += outputs_per_run) {
          const int64_t run_outputs = std::min(outputs_per_run, groups.outputs - output);
          GemmProblem product;
          product.m = run_outputs * taps;
          product.n = positions;
          product.k = groups.inputs;
          product.batch[0].size = run_groups;
          product.a.storage = *storage_of(weight.element);
          product.a.data = element_at(memory, weight, (group * groups.inputs * groups.outputs + output) * taps);
          product.a.row_stride = 1;
          product.a.column_stride = groups.outputs * taps;
          product.a.batch_strides[0] = groups.inputs * groups.outputs * taps;
          product.b.storage = *storage_of(x.element);
          product.b.data = element_at(memory, x, (image * groups.count + group) * groups.inputs * positions);
          product.b.row_stride = positions;
          product.b.batch_strides[0] = groups.inputs * positions;
          product.c.data = memory.floats(products);
          product.c.row_stride = positions;
          product.c.batch_strides[0] = product.m * positions;
          gemm(product);
          const int64_t channel = group * groups.outputs + output;
          fold(windows, memory.floats(products), run_groups * run_outputs,
               bias ? memory.floats(*bias) + channel : nullptr,
               memory.floats(target) + (image * groups.count * groups.outputs + channel) * windows.inputs());
        }
      }
    }
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"conv", lower_conv, "x weight"},
    {"conv_transpose", lower_conv_transpose, "x weight"},
};

}  // namespace

std::span<const KernelEntry> convolution_kernels() { return kEntries; }

}  // namespace millwright::cpu
