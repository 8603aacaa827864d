// Pooling, transposed and quantized convolution, normalisations, einsum and attention. Numbers from PyTorch 1.13 in
// double precision, or by hand.
#include <cmath>

#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

Literal word(const char* text) { return Literal::string(text); }
Literal real(double number) { return Literal::number(ElementType::fp64, number); }
NamedTensor per_channel(const char* name, std::vector<double> numbers) {
  const auto count = static_cast<int64_t>(numbers.size());
  return {name, fp64({count}, std::move(numbers))};
}

TensorValue pooled(const char* kind, const TensorValue& x, const std::vector<int64_t>& kernel,
                   std::vector<NamedConstant> constants, const char* pad_type) {
  constants.push_back({"kernel_sizes", ints(kernel)});
  constants.push_back({"pad_type", word(pad_type)});
  return result_of(kind, {{"x", x}}, constants);
}

TEST(InterpretedWindows, MaxPoolTakesTheLargest) {
  expect_tensor(pooled("max_pool", counting({1, 1, 3, 4}), {2, 2}, {{"strides", ints({1, 2})}}, "valid"), {1, 1, 2, 2},
                {5, 7, 9, 11});
  expect_tensor(pooled("max_pool", counting({1, 1, 6}), {3},
                       {{"strides", ints({2})}, {"ceil_mode", Literal::boolean(true)}}, "valid"),
                {1, 1, 3}, {2, 4, 5});
  expect_tensor(pooled("max_pool", counting({1, 1, 6}), {3}, {{"strides", ints({2})}}, "valid"), {1, 1, 2}, {2, 4});
}

TEST(InterpretedWindows, AveragePoolCountsPaddingOrNot) {
  const std::vector<NamedConstant> constants = {{"strides", ints({2, 2})}, {"pad", ints({1, 1, 1, 1})}};
  expect_tensor(pooled("avg_pool", counting({1, 1, 3, 4}), {2, 2}, constants, "custom"), {1, 1, 2, 3},
                {0, 0.75, 0.75, 3, 7.5, 4.5});
  std::vector<NamedConstant> excluding = constants;
  excluding.push_back({"exclude_padding_from_average", Literal::boolean(true)});
  expect_tensor(pooled("avg_pool", counting({1, 1, 3, 4}), {2, 2}, excluding, "custom"), {1, 1, 2, 3},
                {0, 1.5, 3, 6, 7.5, 9});
}

TEST(InterpretedWindows, SamePaddingPutsTheOddElementBehindOrInFront) {
  const std::vector<NamedConstant> constants = {{"strides", ints({2})}};
  expect_tensor(pooled("l2_pool", fp64({1, 1, 4}, {3, 4, 5, 12}), {3}, constants, "same"), {1, 1, 2},
                {std::sqrt(50.0), 13});
  expect_tensor(pooled("l2_pool", fp64({1, 1, 4}, {3, 4, 5, 12}), {3}, constants, "same_lower"), {1, 1, 2},
                {5, std::sqrt(16.0 + 25 + 144)});
}

TEST(InterpretedWindows, ConvTransposeSpreadsEachElement) {
  const NamedTensor x = {"x", counting({1, 2, 3})};
  const NamedTensor weight = {"weight", counting({2, 2, 2}, 1)};
  expect_tensor(result_of("conv_transpose", {x, weight, per_channel("bias", {10, 20})}, {{"strides", ints({2})}}),
                {1, 2, 6}, {25, 28, 31, 36, 37, 44, 41, 44, 51, 56, 61, 68});
  expect_tensor(result_of("conv_transpose", {{"x", counting({1, 2, 2, 2})}, {"weight", counting({2, 1, 2, 2})}},
                          {{"strides", ints({2, 1})},
                           {"pad_type", word("custom")},
                           {"pad", ints({1, 1, 0, 0})},
                           {"dilations", ints({1, 2})},
                           {"groups", Literal::int32(2)}}),
                {1, 2, 2, 4}, {0, 2, 0, 3, 0, 0, 2, 3, 24, 30, 28, 35, 24, 28, 30, 35});
}

// x = (1, 2) with the kernel (1, 10, 100) and stride 2 gives (1, 10, 102, 20, 200).
TEST(InterpretedWindows, ConvTransposeKeepsTheRequestedSize) {
  const NamedTensor x = {"x", fp64({1, 1, 2}, {1, 2})};
  const NamedTensor weight = {"weight", fp64({1, 1, 3}, {1, 10, 100})};
  const NamedConstant strides = {"strides", ints({2})};
  expect_tensor(result_of("conv_transpose", {x, weight}, {strides, {"pad_type", word("same")}}), {1, 1, 4},
                {1, 10, 102, 20});
  expect_tensor(result_of("conv_transpose", {x, weight}, {strides, {"pad_type", word("same_lower")}}), {1, 1, 4},
                {10, 102, 20, 200});
  expect_tensor(result_of("conv_transpose", {x, weight}, {strides, {"output_shape", ints({1, 1, 6})}}), {1, 1, 6},
                {1, 10, 102, 20, 200, 0});
}

TEST(InterpretedWindows, QuantizedConvolutionUnpacksItsWeight) {
  const std::vector<NamedTensor> tensors = {
      {"x", counting({1, 1, 2, 2})},
      {"weight", tensor(ElementType::uint8, {2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})},
      per_channel("quant_scale", {0.5, 2}),
      per_channel("quant_bias", {1, -1})};
  expect_tensor(result_of("conv_quantized", tensors, {{"quantization_type", word("linear")}}), {1, 2, 1, 1}, {16, 82});
  EXPECT_EQ(error_of("conv_quantized", tensors, {{"quantization_type", word("lut")}}),
            "tested (conv_quantized): the reference interpreter runs the quantization_type linear only");
}

const TensorValue kNormalised = fp64({1, 2, 4}, {1, 2, 4, 8, -1, -3, 0, 5});

TEST(InterpretedNormalizations, BatchNormUsesTheGivenMoments) {
  expect_near(result_of("batch_norm",
                        {{"x", kNormalised},
                         per_channel("mean", {1, 2}),
                         per_channel("variance", {4, 9}),
                         per_channel("gamma", {2, 3}),
                         per_channel("beta", {0.5, -1})},
                        {{"epsilon", real(0.25)}}),
              {0.5, 1.4701425001453319, 3.4104275004359956, 7.290997501017323, -3.9591817714964312, -5.931969619160719,
               -2.9727878476642875, 1.9591817714964312});
}

TEST(InterpretedNormalizations, InstanceNormTakesEachChannelByItself) {
  expect_near(
      result_of("instance_norm", {{"x", kNormalised}, per_channel("gamma", {2, 3}), per_channel("beta", {0.5, -1})},
                {{"epsilon", real(0.25)}}),
      {-1.5167366934620647, -0.7833778958394957, 0.6833396994056424, 3.6167748898959187, -2.254363015010636,
       -4.261343839027654, -1.250872603002127, 3.766579457040417});
}

TEST(InterpretedNormalizations, L2NormDividesByTheLengthOfTheLastThreeAxes) {
  expect_near(result_of("l2_norm", {{"x", kNormalised}}, {{"epsilon", real(0.5)}}),
              {0.09109750373485538, 0.18219500746971076, 0.3643900149394215, 0.728780029878843, -0.09109750373485538,
               -0.27329251120456616, 0.0, 0.45548751867427695});
}

TEST(InterpretedNormalizations, LocalResponseNormLooksAtTheChannelsAround) {
  const std::vector<NamedConstant> constants = {{"alpha", real(0.5)}, {"beta", real(0.75)}, {"k", real(2)}};
  const auto with_size = [&](int64_t size) {
    std::vector<NamedConstant> all = constants;
    all.push_back({"size", Literal::int32(size)});
    return result_of("local_response_norm", {{"x", counting({1, 4, 1}, 1)}}, all);
  };
  expect_near(with_size(3), {0.45790643500456496, 0.6659067581404804, 0.7098176595685814, 1.0221676593361009});
  expect_near(with_size(2), {0.5443310539518174, 0.826261419779277, 0.8649714582957403, 0.8217118119442895});
}

TEST(InterpretedActivations, TakeOneNumberPerChannel) {
  expect_tensor(result_of("prelu", {{"x", kNormalised}, per_channel("alpha", {0.5, 0.25})}), {1, 2, 4},
                {1, 2, 4, 8, -0.25, -0.75, 0, 5});
  expect_near(result_of("softplus_parametric",
                        {{"x", kNormalised}, per_channel("alpha", {2, 0.5}), per_channel("beta", {1, -2})}),
              {2.6265233750364456, 4.253856022085945, 8.036299855835619, 16.000670812745792, 1.0634640055214863,
               3.001237842568865, 0.34657359027997264, 2.2699449608432323e-05});
}

TEST(InterpretedActivations, TakeAlphaAndBeta) {
  const NamedTensor x = {"x", fp64({4}, {-2, -0.5, 0.5, 3})};
  const std::vector<NamedConstant> constants = {{"alpha", real(0.5)}, {"beta", real(2)}};
  expect_tensor(result_of("clamped_relu", {x}, constants), {4}, {-1, -0.25, 0.5, 2});
  expect_tensor(result_of("linear_activation", {x}, constants), {4}, {1, 1.75, 2.25, 3.5});
  expect_tensor(result_of("sigmoid_hard", {x}, {{"alpha", real(0.5)}, {"beta", real(0.25)}}), {4}, {0, 0, 0.5, 1});
  expect_tensor(result_of("threshold", {x}, {{"alpha", real(0.5)}}), {4}, {0.5, 0.5, 0.5, 3});
  expect_near(result_of("scaled_tanh", {{"x", fp64({2}, {0, 0.5})}}, constants), {0, 0.5 * std::tanh(1.0)});
}

TensorValue contracted(const char* equation, const TensorValue& x, const TensorValue& y) {
  Function function("main", "ios18");
  Builder b(function);
  std::vector<Operand> operands = {{"values", {b.input("x", x.type), b.input("y", y.type)}, true},
                                   operand("equation", b.constant(word(equation)))};
  function.block().set_results(b.emit_all("einsum", std::move(operands), "tested"));
  const auto results = interpret(function, std::vector{x, y}, Precision::fp64);
  EXPECT_TRUE(results) << results.error().message;
  return results ? results->at(0) : TensorValue();
}

TEST(InterpretedProducts, EinsumContractsTheLastAxisWithTheThirdLast) {
  expect_tensor(contracted("nchw,nwhu->nchu", counting({1, 2, 2, 2}), counting({1, 2, 2, 1})), {1, 2, 2, 1},
                {2, 11, 10, 27});
  expect_tensor(contracted("chw,whu->chu", counting({2, 1, 2}), counting({2, 1, 2})), {2, 1, 2}, {2, 3, 6, 11});
}

TEST(InterpretedProducts, AttentionWeighsTheValues) {
  TensorValue query = counting({1, 2, 3}, -2);
  TensorValue key = counting({1, 2, 3});
  for (double& number : query.numbers) number /= 4;
  for (double& number : key.numbers) number = (2 * number - 5) / 8;
  std::vector<NamedTensor> tensors = {{"query", query}, {"key", key}, {"value", counting({1, 2, 2}, 1)}};
  expect_near(result_of("scaled_dot_product_attention", tensors),
              {1.8390325094824589, 2.8390325094824593, 2.3138041482940683, 3.3138041482940683});
  tensors.push_back({"attn_mask", fp64({2, 2}, {0, -1, 0.5, 0})});
  expect_near(result_of("scaled_dot_product_attention", tensors),
              {1.4200550443939757, 2.4200550443939757, 2.074620560414027, 3.0746205604140266});
  tensors.back().value = tensor(ElementType::boolean, {2, 2}, {1, 0, 1, 1});
  expect_near(result_of("scaled_dot_product_attention", tensors), {1, 2, 2.3138041482940683, 3.3138041482940683});
}

}  // namespace
}  // namespace millwright::mil
