// Section 2 of the catalogue: ranks, axes and sizes.
#include <algorithm>

#include "ane/rules/rule.h"
#include "ane/rules/walk.h"
#include "mil/parameters.h"
#include "mil/statistics.h"

namespace millwright::ane {

namespace {

using mil::Operation;
using mil::Shape;
using mil::Value;

bool is_convolution(const Operation& operation) {
  return operation.kind() == "conv" || operation.kind() == "conv_transpose";
}

// Inputs, and results of operations other than constants.
template <class Visit>
void for_each_computed(const mil::Function& function, Visit&& visit) {
  for (const auto& input : function.inputs()) visit(*input, "input " + input->name(), mil::Location{});
  for_each_operation(function.block(), [&](const Operation& operation) {
    if (is_constant_kind(operation)) return;
    for (const auto& result : operation.results()) visit(*result, subject_of(operation), operation.location());
  });
}

// The same, and constants that are data: weights of convolutions have limits of their own, short vectors of integers
// are parameters.
template <class Visit>
void for_each_tensor(const mil::Function& function, Visit&& visit) {
  for_each_computed(function, visit);
  for_each_operation(function.block(), [&](const Operation& operation) {
    if (is_constant_kind(operation)) return;
    for (const Value* operand : operation.all_operands()) {
      const bool is_weight =
          (is_convolution(operation) || operation.kind() == "linear") && operand == operation.operand("weight");
      if (!is_constant(operand) || is_weight) continue;
      visit(*operand, subject_of(operation), operation.location());
    }
  });
}

// C10.
void rank(const mil::Function& function, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.limits.rank;
  for_each_tensor(function, [&](const Value& value, const std::string& subject, mil::Location location) {
    if (!is_data(value.type()) || value.type().rank() <= limit) return;
    report.add(subject, fmt::format("{} has rank {}, at most {} fit", value.name(), value.type().rank(), limit),
               location);
  });
}

// Its first axis is no batch then.
bool is_weight(const Value& input) {
  return std::ranges::any_of(
      input.users(), [&](const Operation* user) { return is_convolution(*user) && user->operand("weight") == &input; });
}

bool has_batch(const Shape& shape) { return shape.size() >= 4; }

// C11. Many programs run with a batch, but nobody who trains uses one.
void batch(const mil::Function& function, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.limits.batch;
  for_each_computed(function, [&](const Value& value, const std::string& subject, mil::Location location) {
    if (!is_data(value.type()) || !has_batch(value.shape()) || value.shape()[0] <= limit) return;
    Finding& finding = report.add(
        subject, fmt::format("{} has a batch of {}, at most {} fit", value.name(), value.shape()[0], limit), location);
    finding.verdict = Verdict::error;
    finding.effect = "the compile fails (ANECCompile() FAILED)";
    finding.remedy = "split the batch";
  });
  for (const auto& input : function.inputs()) {
    if (!is_data(input->type()) || !has_batch(input->shape()) || is_weight(*input)) continue;
    const int64_t size = input->shape()[0];
    if (size > 1 && size <= limit) report.add("input " + input->name(), fmt::format("has a batch of {}", size));
  }
}

// C12. The batch axis is C11's, the channel axis has a limit of its own.
void axis_lengths(const mil::Function& function, const ChipProfile& profile, Report& report) {
  for_each_tensor(function, [&](const Value& value, const std::string& subject, mil::Location location) {
    if (!is_data(value.type())) return;
    const Shape& shape = value.shape();
    for (size_t axis = has_batch(shape) ? 1 : 0; axis < shape.size(); ++axis) {
      const bool is_channel = shape.size() >= 3 && axis == 1;
      const int64_t limit = is_channel ? *profile.limits.channel_axis : *profile.limits.axis;
      if (shape[axis] <= limit) continue;
      report.add(subject,
                 fmt::format("axis {} of {} has {} elements, at most {} fit", axis, value.name(), shape[axis], limit),
                 location);
    }
  });
}

// The weight of a convolution: [outputs, inputs / groups, …, kernel width]; conv_transpose has the first two swapped.
const Value* weight_of(const Operation& operation) {
  const Value* weight = is_convolution(operation) ? operation.operand("weight") : nullptr;
  return weight != nullptr && is_data(weight->type()) && weight->type().rank() >= 3 ? weight : nullptr;
}

int64_t output_channels(const Operation& operation) {
  const Shape& shape = operation.result()->shape();
  return shape.size() >= 2 ? shape[1] : 1;
}

// C13.
void convolution_outputs(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (!is_convolution(operation)) return;
  const int64_t limit = *profile.limits.conv_output_channels;
  const int64_t channels = output_channels(operation);
  if (channels > limit) report.add(operation, fmt::format("has {} output channels, at most {} fit", channels, limit));
}

// C14.
void padded_width(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (operation.kind() != "pad") return;
  const int64_t limit = *profile.limits.pad_width;
  const int64_t width = width_of(operation.result()->shape());
  if (width > limit) report.add(operation, fmt::format("pads to a width of {}, at most {} fit", width, limit));
}

// C15.
void kernel_width(const Operation& operation, const ChipProfile& profile, Report& report) {
  const Value* weight = weight_of(operation);
  if (weight == nullptr) return;
  const int64_t limit = *profile.limits.kernel_width;
  const int64_t width = width_of(weight->shape());
  if (width > limit) report.add(operation, fmt::format("its kernel is {} wide, at most {} fit", width, limit));
}

// C16.
void runtime_weight(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (operation.kind() != "conv" || !is_runtime(operation.operand("weight"))) return;
  const Value* x = operation.operand("x");
  if (x != nullptr && x->type().rank() >= 1 && x->shape()[0] > 1) {
    report.add(operation, fmt::format("has a computed weight and a batch of {}", x->shape()[0])).effect =
        "the compiler service dies";
  }
  if (const int64_t groups = mil::integer(operation, "groups"); groups > 1) {
    report.add(operation, fmt::format("has a computed weight and {} groups", groups));
  }
  const int64_t limit = *profile.limits.runtime_conv_outputs;
  if (const int64_t channels = output_channels(operation); channels > limit) {
    report.add(operation, fmt::format("has a computed weight and {} output channels, at most {} fit", channels, limit));
  }
}

// C17.
void sizes_are_known(const mil::Function& function, const ChipProfile&, Report& report) {
  for_each_tensor(function, [&](const Value& value, const std::string& subject, mil::Location location) {
    if (!is_data(value.type())) return;
    if (!mil::is_static(value.shape())) {
      report.add(subject, fmt::format("{} has an unknown size: {}", value.name(), mil::shape_text(value.shape())),
                 location);
    } else if (std::ranges::find(value.shape(), 0) != value.shape().end()) {
      report.add(subject, fmt::format("{} is empty: {}", value.name(), mil::shape_text(value.shape())), location);
    }
  });
}

// C18.
void weight_bytes(const mil::Function& function, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.limits.subprogram_weight_bytes;
  const int64_t bytes = mil::statistics(function).constant_bytes;
  if (bytes > limit) {
    report.add("function " + function.name(), fmt::format("has {} bytes of weights, at most {} fit", bytes, limit));
  }
}

// C19.
void convolution_count(const mil::Function& function, const ChipProfile& profile, Report& report) {
  int64_t count = 0;
  for_each_operation(function.block(), [&](const Operation& operation) { count += is_convolution(operation); });
  const int64_t limit = *profile.limits.conv_operations;
  if (count > limit) {
    report.add("function " + function.name(), fmt::format("has {} convolutions, at most {} fit", count, limit));
  }
}

// C1B.
void fan_in(const Operation& operation, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.limits.fan_in;
  for (const mil::Operand& operand : operation.operands()) {
    const auto branches = static_cast<int64_t>(operand.arguments.size());
    if (branches > limit) {
      report.add(operation, fmt::format("{} joins {} branches, at most {} fit", operand.name, branches, limit));
    }
  }
}

// What native attention takes on the E5 route.
constexpr int64_t kMostAttentionPositions = 2048;
constexpr int64_t kSmallerSideBelow = 512;

void attention_limits(const Operation& operation, Report& report) {
  const Value* query = operation.operand("query");
  const Value* key = operation.operand("key");
  if (query == nullptr || key == nullptr || query->type().rank() < 2 || key->type().rank() < 2) return;
  const int64_t queries = query->shape()[query->shape().size() - 2];
  const int64_t keys = key->shape()[key->shape().size() - 2];
  if (std::max(queries, keys) > kMostAttentionPositions || std::min(queries, keys) >= kSmallerSideBelow) {
    report.add(operation, fmt::format("has {} queries and {} keys; at most {} fit, and fewer than {} on one side",
                                      queries, keys, kMostAttentionPositions, kSmallerSideBelow));
  }
  const Value* mask = operation.operand("attn_mask");
  if (mask != nullptr && mask->shape() != Shape{1, 1, queries, keys}) {
    report.add(operation, fmt::format("its mask is {}, expected {}", mil::shape_text(mask->shape()),
                                      mil::shape_text({1, 1, queries, keys})));
  }
}

// C1C.
void e5_limits(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (*profile.rules.route != Route::e5) return;
  constexpr int64_t kMostNormalizedChannels = 15;
  if (operation.kind() == "local_response_norm") {
    const Shape& shape = operation.result()->shape();
    const int64_t channels = shape.size() >= 2 ? shape[1] : 1;
    if (channels > kMostNormalizedChannels) {
      report.add(operation, fmt::format("has {} channels, at most {} fit", channels, kMostNormalizedChannels));
    }
  } else if (operation.kind() == "topk") {
    const mil::Literal* k = mil::find_parameter(operation, "k");
    if (k != nullptr && (k->as_integer() == 3 || k->as_integer() == 4)) {
      report.add(operation, fmt::format("k is {}, which is refused", k->as_integer()));
    }
  } else if (operation.kind() == "scaled_dot_product_attention") {
    attention_limits(operation, report);
  }
}

constexpr std::string_view kFails = "the compile fails (ANECCompile() FAILED)";

}  // namespace

std::span<const Rule> shape_rules() {
  static const Rule rules[] = {
      {"C10", Stage::compile, Verdict::error, "tensors have at most this rank", "limits.rank", "guide ch4; forge",
       "the front end refuses it (tensor rank exceeds the ANE maximum)", "fold axes with reshape", rank},
      {"C11", Stage::compile, Verdict::warning, "the batch is 1; larger ones compile up to this", "limits.batch",
       "iron; guide ch4", "the program runs, but nobody has trained so", "lay the batch into the last axis", batch},
      {"C12", Stage::compile, Verdict::error, "axes have at most this length", "limits.axis", "guide ch4, ch12, ch24",
       "the compile fails (exceeds max dimension)", "split the axis", axis_lengths},
      {"C13", Stage::compile, Verdict::error, "convolutions have at most this many output channels",
       "limits.conv_output_channels", "m5doc; mx#26", kFails, "split the output channels", convolution_outputs},
      {"C14", Stage::compile, Verdict::error, "padded tensors are at most this wide", "limits.pad_width", "m5doc",
       kFails, "split the width", padded_width},
      {"C15", Stage::compile, Verdict::error, "kernels of convolutions are at most this wide", "limits.kernel_width",
       "guide ch4, ch12; forge; iron", kFails, "split the kernel, or swap height and width", kernel_width},
      {"C16", Stage::compile, Verdict::error,
       "a convolution with a computed weight has batch 1, one group and few output channels",
       "limits.runtime_conv_outputs", "guide ch19; im; fs", "the compiler refuses the text (InvalidMILProgram)",
       "use matmul", runtime_weight},
      {"C17", Stage::compile, Verdict::error, "every size is known and positive", "", "guide ch4, ch19", kFails,
       "give every axis a size of 1 or more", sizes_are_known},
      {"C18", Stage::compile, Verdict::error, "a program has at most this many bytes of weights",
       "limits.subprogram_weight_bytes", "iron against mx", kFails, "split the program", weight_bytes},
      {"C19", Stage::compile, Verdict::error, "a program has at most this many convolutions", "limits.conv_operations",
       "sl", "the compiler service dies", "split the program", convolution_count},
      {"C1B", Stage::compile, Verdict::error, "at most this many branches meet in one operation", "limits.fan_in",
       "guide ch19", "compiling takes seconds", "join fewer branches at a time", fan_in},
      {"C1C", Stage::compile, Verdict::error,
       "through E5: lrn has at most 15 channels, k of topk is not 3 or 4, attention is short and has one mask",
       "rules.route", "forge", "the compiler refuses it, or the results are garbage", "decompose it", e5_limits},
  };
  return rules;
}

}  // namespace millwright::ane
