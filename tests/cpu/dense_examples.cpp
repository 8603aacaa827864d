// Convolutions, pools, normalisations, attention and einsum on random shapes; and what the random ones are too small
// for.
#include "cpu/passes/passes.h"
#include "operation_examples.h"

namespace millwright::cpu {
namespace {

using mil::Shape;
using mil::Value;

std::vector<int64_t> random_integers(TestFunction& f, size_t count, int64_t low, int64_t high) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < count; ++i) values.push_back(low + f.below(high - low));
  return values;
}

// pad_type, with a pad where it is custom, strides and dilations for the axes.
std::vector<mil::Operand> window_operands(TestFunction& f, size_t spatial, const std::string& pad_type) {
  std::vector<mil::Operand> operands = {text(f, "pad_type", pad_type),
                                        integers(f, "strides", random_integers(f, spatial, 1, 4))};
  if (pad_type == "custom") operands.push_back(integers(f, "pad", random_integers(f, 2 * spatial, 0, 3)));
  return operands;
}

Value* convolution(TestFunction& f, size_t spatial, const std::string& pad_type, bool is_depthwise) {
  const int64_t groups = is_depthwise ? 2 + f.below(3) : f.size(2);
  const int64_t inputs = is_depthwise ? 1 : f.size(3);
  const int64_t outputs = groups * f.size(2);
  Shape x = {f.size(2), groups * inputs};
  Shape weight = {outputs, inputs};
  for (size_t axis = 0; axis < spatial; ++axis) {
    x.push_back(5 + f.below(4));
    weight.push_back(f.size(3));
  }
  std::vector<mil::Operand> operands = window_operands(f, spatial, pad_type);
  operands.push_back(mil::operand("x", viewed(f, x)));
  operands.push_back(mil::operand("weight", f.floats(weight)));
  operands.push_back(integer(f, "groups", groups));
  operands.push_back(integers(f, "dilations", random_integers(f, spatial, 1, 3)));
  if (f.below(2) == 0) operands.push_back(mil::operand("bias", f.floats({outputs})));
  return f.b().emit("conv", std::move(operands));
}

Value* transposed_convolution(TestFunction& f, size_t spatial, const std::string& pad_type) {
  const int64_t groups = f.size(3);
  const int64_t outputs = f.size(2);
  Shape x = {f.size(2), groups * f.size(2)};
  Shape weight = {x[1], outputs};
  for (size_t axis = 0; axis < spatial; ++axis) {
    x.push_back(3 + f.below(3));
    weight.push_back(3 + f.below(2));
  }
  std::vector<mil::Operand> operands = {text(f, "pad_type", pad_type),
                                        integers(f, "strides", random_integers(f, spatial, 1, 4))};
  if (pad_type == "custom") operands.push_back(integers(f, "pad", random_integers(f, 2 * spatial, 0, 2)));
  operands.push_back(mil::operand("x", viewed(f, x)));
  operands.push_back(mil::operand("weight", f.floats(weight)));
  operands.push_back(integer(f, "groups", groups));
  if (f.below(2) == 0) operands.push_back(mil::operand("bias", f.floats({groups * outputs})));
  return f.b().emit("conv_transpose", std::move(operands));
}

Value* pooled(TestFunction& f, const std::string& kind, size_t spatial, const std::string& pad_type) {
  Shape x = {f.size(2), f.size(3)};
  for (size_t axis = 0; axis < spatial; ++axis) x.push_back(5 + f.below(4));
  std::vector<mil::Operand> operands = {mil::operand("x", viewed(f, x)), text(f, "pad_type", pad_type),
                                        integers(f, "kernel_sizes", random_integers(f, spatial, 2, 5)),
                                        integers(f, "strides", random_integers(f, spatial, 1, 4))};
  if (pad_type == "custom") {
    operands.push_back(integers(f, "pad", random_integers(f, 2 * spatial, 0, 2)));
    operands.push_back(flag(f, "ceil_mode", f.below(2) == 0));
  }
  if (kind == "avg_pool") operands.push_back(flag(f, "exclude_padding_from_average", f.below(2) == 0));
  return f.b().emit(kind, std::move(operands));
}

Value* channel_norm(TestFunction& f, const std::string& kind) {
  Shape x = f.shape(3 + f.below(3), 5);
  std::vector<mil::Operand> operands = {mil::operand("x", viewed(f, x))};
  if (kind == "batch_norm") {
    operands.push_back(mil::operand("mean", f.floats({x[1]})));
    operands.push_back(mil::operand("variance", f.floats({x[1]}, 0.5, 2)));
  }
  if (f.below(3) > 0) operands.push_back(mil::operand("gamma", f.floats({x[1]})));
  if (f.below(3) > 0) operands.push_back(mil::operand("beta", f.floats({x[1]})));
  operands.push_back(mil::operand("epsilon", f.scalar(0.125)));
  return f.b().emit(kind, std::move(operands));
}

Value* attention(TestFunction& f) {
  Shape batch = f.shape(1 + f.below(3), 3);
  const int64_t rows = f.size(20), keys = f.size(20), width = f.size(9);
  const auto matrix = [&](int64_t m, int64_t n) {
    Shape shape = batch;
    shape.insert(shape.end(), {m, n});
    return viewed(f, shape);
  };
  std::vector<mil::Operand> operands = {mil::operand("query", matrix(rows, width)),
                                        mil::operand("key", matrix(keys, width)),
                                        mil::operand("value", matrix(keys, f.size(9)))};
  if (f.below(2) == 0) {
    Shape mask = batch;
    mask.insert(mask.end(), {rows, keys});
    operands.push_back(mil::operand("attn_mask", f.floats(narrowed(f, mask))));
  }
  return f.b().emit("scaled_dot_product_attention", std::move(operands));
}

}  // namespace

std::vector<Example> dense_examples() {
  std::vector<Example> all;
  for (const char* pad_type : {"valid", "same", "same_lower", "custom"}) {
    for (const size_t spatial : {1u, 2u, 3u}) {
      all.push_back({"conv", [=](TestFunction& f) { return convolution(f, spatial, pad_type, false); }});
      all.push_back({"conv depthwise", [=](TestFunction& f) { return convolution(f, spatial, pad_type, true); }});
      all.push_back({"conv_transpose", [=](TestFunction& f) { return transposed_convolution(f, spatial, pad_type); }});
      for (const char* kind : {"max_pool", "avg_pool", "l2_pool"}) {
        all.push_back({kind, [=](TestFunction& f) { return pooled(f, kind, spatial, pad_type); }});
      }
    }
  }
  for (const char* kind : {"batch_norm", "instance_norm"}) {
    all.push_back({kind, [=](TestFunction& f) { return channel_norm(f, kind); }});
  }
  all.push_back({"l2_norm", [](TestFunction& f) {
                   return f.b().emit("l2_norm", {mil::operand("x", viewed(f, f.shape(3 + f.below(3), 4)))});
                 }});
  all.push_back({"local_response_norm", [](TestFunction& f) {
                   return f.b().emit("local_response_norm",
                                     {mil::operand("x", viewed(f, f.shape(3 + f.below(3), 5))),
                                      integer(f, "size", f.size(6)), mil::operand("alpha", f.scalar(0.5))});
                 }});
  all.push_back({"einsum", [](TestFunction& f) {
                   const bool has_batch = f.below(2) == 0;
                   const int64_t depth = f.size(9);
                   Shape x = {f.size(4), f.size(3), depth}, y = {depth, x[1], f.size(5)};
                   if (f.below(2) == 0) y[1] = 1;
                   if (has_batch) x.insert(x.begin(), 3);
                   if (has_batch) y.insert(y.begin(), f.below(2) == 0 ? 1 : 3);
                   const std::vector<Value*> values = {viewed(f, x), viewed(f, y)};
                   return f.b().emit("einsum", {mil::operand("values", values),
                                                text(f, "equation", has_batch ? "nchw,nwhu->nchu" : "chw,whu->chu")});
                 }});
  all.push_back({"scaled_dot_product_attention", attention});
  all.push_back({"attention with a boolean mask", [](TestFunction& f) {
                   Value* mask = f.b().binary("less_equal", f.integers({5, 7}, 0, 3), f.integers({5, 7}, 0, 6));
                   std::vector<mil::Operand> operands = {
                       mil::operand("query", f.floats({2, 5, 4})), mil::operand("key", f.floats({2, 7, 4})),
                       mil::operand("value", f.floats({2, 7, 3})), mil::operand("attn_mask", mask)};
                   return f.b().emit("scaled_dot_product_attention", std::move(operands));
                 }});
  return all;
}

namespace {

// More windows than are unfolded at once: done in tiles. A convolution by four plain loops is the oracle.
TEST(Dense, ALargeConvolutionIsDoneInTiles) {
  constexpr int64_t kSize = 270, kChannels = 5, kOutputs = 3;
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {1, kChannels, kSize, kSize}));
  Value* weight = b.input("weight", mil::Type::tensor(mil::ElementType::fp32, {kOutputs, kChannels, 3, 3}));
  Value* bias = b.input("bias", mil::Type::tensor(mil::ElementType::fp32, {kOutputs}));
  function.block().set_results(
      {b.emit("conv", {mil::operand("x", x), mil::operand("weight", weight), mil::operand("bias", bias),
                       mil::operand("pad_type", b.text("same"))})});
  RandomStream random(3);
  std::vector<mil::TensorValue> inputs;
  for (const auto& input : function.inputs()) {
    inputs.push_back({input->type(), {}});
    // Multiples of 1/8: every sum is exact in fp32.
    for (int64_t i = 0; i < input->type().count(); ++i) {
      inputs.back().numbers.push_back((static_cast<double>(random.below(33)) - 16) / 8);
    }
  }
  const auto compiled = compile(function);
  ASSERT_NE(compiled, nullptr);
  const auto results = run(*compiled, function, inputs);
  ASSERT_TRUE(results) << results.error().message;
  for (int64_t place = 0; place < kOutputs * kSize * kSize; place += 7) {
    const int64_t output = place / kSize / kSize, row = place / kSize % kSize, column = place % kSize;
    double sum = inputs[2].numbers[static_cast<size_t>(output)];
    for (int64_t tap = 0; tap < kChannels * 9; ++tap) {
      const int64_t y = row + tap / 3 % 3 - 1, z = column + tap % 3 - 1;
      if (y < 0 || y >= kSize || z < 0 || z >= kSize) continue;
      sum += inputs[0].numbers[static_cast<size_t>((tap / 9 * kSize + y) * kSize + z)] *
             inputs[1].numbers[static_cast<size_t>(output * kChannels * 9 + tap)];
    }
    ASSERT_EQ((*results)[0].numbers[static_cast<size_t>(place)], sum) << place;
  }
}

// More rows than one block of attention, and more products of a transposed convolution than one run.
TEST(Dense, LongAttentionAndWideTransposesAreCutInPieces) {
  TestFunction f(1);
  std::vector<mil::Operand> operands = {mil::operand("query", f.floats({1, 300, 2})),
                                        mil::operand("key", f.floats({1, 1100, 2})),
                                        mil::operand("value", f.floats({1, 1100, 1}))};
  Value* attended = f.b().emit("scaled_dot_product_attention", std::move(operands));
  f.returns({attended});
  expect_same_as_interpreter(f.function(), f.inputs());

  TestFunction g(2);
  Value* ones =
      g.input({mil::Type::tensor(mil::ElementType::fp32, {1, 1, 1100, 1000}), std::vector<double>(1100 * 1000, 1.0)});
  Value* weight = g.floats({1, 3, 2, 2});
  g.returns({g.b().emit("conv_transpose",
                        {mil::operand("x", ones), mil::operand("weight", weight), integers(g, "strides", {2, 2})})});
  const auto compiled = compile(g.function());
  ASSERT_NE(compiled, nullptr);
  const auto results = run(*compiled, g.function(), g.inputs());
  ASSERT_TRUE(results) << results.error().message;
  // Each output is one tap of the kernel.
  for (size_t place = 0; place < (*results)[0].numbers.size(); place += 1001) {
    const size_t channel = place / (2200 * 2000), row = place / 2000 % 2200, column = place % 2000;
    ASSERT_EQ((*results)[0].numbers[place], g.inputs()[1].numbers[channel * 4 + row % 2 * 2 + column % 2]) << place;
  }
}

// The gradient of nothing is nothing: every kind of dense operation with an axis of no elements.
TEST(Dense, AxesWithoutElementsAreNoProblem) {
  TestFunction f(1, mil::ElementType::fp16);
  std::vector<Value*> results;
  Value* images = f.floats({0, 3, 5, 5});
  Value* no_channels = f.floats({2, 0, 5, 5});
  const auto conv = [&](Value* x, const Shape& weight, std::string_view kind) {
    return f.b().emit(kind, {mil::operand("x", x), mil::operand("weight", f.floats(weight))});
  };
  results.push_back(conv(images, {4, 3, 3, 3}, "conv"));
  results.push_back(conv(images, {4, 3, 1, 1}, "conv"));
  results.push_back(conv(no_channels, {4, 0, 3, 3}, "conv"));
  results.push_back(conv(images, {3, 2, 3, 3}, "conv_transpose"));
  results.push_back(conv(no_channels, {0, 2, 3, 3}, "conv_transpose"));
  for (const char* kind : {"max_pool", "avg_pool", "l2_pool"}) {
    results.push_back(f.b().emit(
        kind, {mil::operand("x", images), integers(f, "kernel_sizes", {2, 2}), text(f, "pad_type", "valid")}));
  }
  for (Value* x : {images, no_channels}) {
    for (const char* kind : {"instance_norm", "l2_norm"}) results.push_back(f.b().emit(kind, {mil::operand("x", x)}));
    results.push_back(f.b().emit("layer_norm", {mil::operand("x", x), integers(f, "axes", {-1})}));
    results.push_back(f.b().emit("local_response_norm", {mil::operand("x", x), integer(f, "size", 3)}));
    results.push_back(f.b().softmax(x, 1));
    results.push_back(f.b().softmax(x, 0));
    results.push_back(f.b().reduce("reduce_sum", x, std::vector<int64_t>{0, 1}, false));
    results.push_back(f.b().reduce("reduce_log_sum_exp", x, std::vector<int64_t>{2}, false));
    results.push_back(f.b().emit("cumsum", {mil::operand("x", x), integer(f, "axis", 1)}));
    results.push_back(f.b().matmul(x, x, false, true));
  }
  for (const Shape& sizes : {Shape{0, 3, 4}, Shape{2, 0, 4}, Shape{2, 3, 0}}) {
    Value* x = f.floats(sizes);
    std::vector<mil::Operand> operands = {mil::operand("query", f.floats({sizes[0], 3, sizes[2]})),
                                          mil::operand("key", x),
                                          mil::operand("value", f.floats({sizes[0], sizes[1], 2}))};
    if (sizes[2] > 0) results.push_back(f.b().emit("scaled_dot_product_attention", std::move(operands)));
    results.push_back(f.b().matmul(x, x, false, true));
    results.push_back(f.b().emit("linear", {mil::operand("x", x), mil::operand("weight", f.floats({2, sizes[2]})),
                                            mil::operand("bias", f.floats({2}))}));
  }
  f.returns(results);
  expect_same_as_interpreter(f.function(), f.inputs(), tolerance_of(mil::ElementType::fp16));
}

}  // namespace
}  // namespace millwright::cpu
