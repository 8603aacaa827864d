// Windows that slide over spatial axes: pooling and transposed convolution.
#include <algorithm>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

// An optional vector with one entry (or two, for pads) per spatial axis, or `count` times the default.
Result<std::vector<int64_t>> per_axis(const Operation& operation, std::string_view name, size_t count, int64_t absent,
                                      int64_t lowest) {
  std::vector<int64_t> entries = integers(operation, name);
  if (entries.empty()) entries.assign(count, absent);
  if (entries.size() != count) return fail("{} has {} entries, expected {}", name, entries.size(), count);
  for (const int64_t entry : entries) {
    if (entry < lowest) return fail("{} has {}, expected {} or more", name, entry, lowest);
  }
  return entries;
}

// Rounding up may add a window; the one that would begin behind x and its padding is dropped.
int64_t pooled(int64_t size, int64_t kernel, int64_t stride, int64_t padding, bool round_up) {
  const int64_t room = size + padding - kernel;
  if (room < 0) return 0;
  int64_t count = (round_up ? room + stride - 1 : room) / stride + 1;
  if (round_up && padding > 0 && 2 * (count - 1) * stride >= 2 * size + padding) --count;
  return count;
}

Types infer_pool(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 3, 5));
  const size_t spatial = static_cast<size_t>(x.rank() - 2);
  const std::vector<int64_t> kernel = integers(operation, "kernel_sizes");
  if (kernel.size() != spatial || std::ranges::any_of(kernel, [](int64_t size) { return size < 1; })) {
    return fail("kernel_sizes {} must be {} positive sizes", shape_text(kernel), spatial);
  }
  MW_ASSIGN(const std::vector<int64_t> strides, per_axis(operation, "strides", spatial, 1, 1));
  MW_ASSIGN(const std::vector<int64_t> pad, per_axis(operation, "pad", 2 * spatial, 0, 0));
  constexpr std::string_view kPadTypes[] = {"valid", "same", "same_lower", "custom"};
  MW_TRY(check_choice(operation, "pad_type", kPadTypes));
  const std::string pad_type = text(operation, "pad_type");
  Shape shape = x.shape();
  for (size_t axis = 0; axis < spatial; ++axis) {
    int64_t& size = shape[axis + 2];
    if (size == kUnknownDimension) continue;
    if (pad_type == "same" || pad_type == "same_lower") {
      size = (size + strides[axis] - 1) / strides[axis];
      continue;
    }
    const int64_t padding = pad_type == "custom" ? pad[2 * axis] + pad[2 * axis + 1] : 0;
    size = pooled(size, kernel[axis], strides[axis], padding, flag(operation, "ceil_mode"));
    if (size < 1) return fail("the kernel is larger than x on axis {}", axis + 2);
  }
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

// The sizes that output_shape asks for, which may leave out batch and channels.
Result<Shape> requested_shape(const Operation& operation, Shape natural) {
  const std::vector<int64_t> requested = integers(operation, "output_shape");
  const size_t skipped = natural.size() - std::min(natural.size(), requested.size());
  if (requested.size() != natural.size() && skipped != 2) {
    return fail("output_shape has {} entries, expected {}", requested.size(), natural.size());
  }
  for (size_t i = 0; i < requested.size(); ++i) {
    if (requested[i] < 0) return fail("output_shape has the negative size {}", requested[i]);
    if (skipped + i < 2 && may_differ(natural[i], requested[i])) {
      return fail("output_shape {} differs from batch and channels of {}", shape_text(requested), shape_text(natural));
    }
    natural[skipped + i] = requested[i];
  }
  return natural;
}

Types infer_conv_transpose(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 3, 5));
  MW_ASSIGN(const Type weight, ranked(operation, "weight", x.rank(), x.rank()));
  const size_t spatial = static_cast<size_t>(x.rank() - 2);
  MW_ASSIGN(const std::vector<int64_t> strides, per_axis(operation, "strides", spatial, 1, 1));
  MW_ASSIGN(const std::vector<int64_t> dilations, per_axis(operation, "dilations", spatial, 1, 1));
  MW_ASSIGN(const std::vector<int64_t> pad, per_axis(operation, "pad", 2 * spatial, 0, 0));
  constexpr std::string_view kPadTypes[] = {"valid", "same", "same_lower", "custom"};
  MW_TRY(check_choice(operation, "pad_type", kPadTypes));
  const std::string pad_type = text(operation, "pad_type");
  const int64_t groups = integer(operation, "groups");
  if (groups < 1) return fail("groups is {}, expected 1 or more", groups);
  const int64_t channels = weight.shape()[0];
  if (may_differ(x.shape()[1], channels) || (channels != kUnknownDimension && channels % groups != 0)) {
    return fail("x {} has {} channels, weight {} with groups = {} expects {}", shape_text(x.shape()), x.shape()[1],
                shape_text(weight.shape()), groups, channels);
  }
  Shape shape = {x.shape()[0], size_product(weight.shape()[1], groups)};
  MW_TRY(check_shape(operation, "bias", {shape[1]}));
  for (size_t axis = 0; axis < spatial; ++axis) {
    const int64_t size = x.shape()[axis + 2];
    const int64_t kernel = weight.shape()[axis + 2];
    if (size == kUnknownDimension || kernel == kUnknownDimension) {
      shape.push_back(kUnknownDimension);
    } else if (pad_type == "same" || pad_type == "same_lower") {
      shape.push_back(size * strides[axis]);
    } else {
      const int64_t padding = pad_type == "custom" ? pad[2 * axis] + pad[2 * axis + 1] : 0;
      shape.push_back((size - 1) * strides[axis] + dilations[axis] * (kernel - 1) + 1 - padding);
    }
    if (shape.back() < 1 && shape.back() != kUnknownDimension) {
      return fail("the padding leaves nothing of axis {}", axis + 2);
    }
  }
  if (!integers(operation, "output_shape").empty()) {
    MW_ASSIGN(shape, requested_shape(operation, std::move(shape)));
  }
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

}  // namespace

std::vector<OperationDefinition> windows() {
  std::vector<OperationDefinition> table;
  for (const std::string_view name : {"avg_pool", "l2_pool", "max_pool"}) {
    OperationDefinition pool = {name,
                                "ios15",
                                "pool",
                                {value("x"), constant("kernel_sizes", Expect::integers),
                                 constant("pad_type", Expect::text), optional_constant("strides", Expect::integers),
                                 optional_constant("pad", Expect::integers), defaulted_flag("ceil_mode", false)},
                                infer_pool};
    if (name == "avg_pool") pool.parameters.push_back(defaulted_flag("exclude_padding_from_average", false));
    table.push_back(std::move(pool));
  }
  table.push_back({"conv_transpose",
                   "ios15",
                   "conv",
                   {value("x"), value("weight"), optional_value("bias"), optional_constant("pad", Expect::integers),
                    optional_constant("output_shape", Expect::integers),
                    defaulted("pad_type", Literal::string("valid")), optional_constant("strides", Expect::integers),
                    optional_constant("dilations", Expect::integers), defaulted("groups", Literal::int32(1))},
                   infer_conv_transpose});
  return table;
}

}  // namespace millwright::mil::operations
