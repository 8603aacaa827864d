// Compressed weights in both of their forms, and quantization. Numbers by hand.
#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

TensorValue bytes(std::vector<double> numbers) {
  const auto count = static_cast<int64_t>(numbers.size());
  return tensor(ElementType::uint8, {count}, std::move(numbers));
}
NamedConstant shape(const std::vector<double>& sizes) {
  const Type type = Type::tensor(ElementType::uint32, {static_cast<int64_t>(sizes.size())});
  return {"shape", Literal::numbers(type, sizes)};
}
TensorValue halves(Shape shape, std::vector<double> numbers) {
  return tensor(ElementType::fp16, std::move(shape), std::move(numbers));
}
TensorValue bits(Shape shape, std::vector<double> numbers) {
  return tensor(ElementType::uint1, std::move(shape), std::move(numbers));
}

TEST(InterpretedCompression, AffineWeightsAreShiftedAndScaledAlongTheirAxis) {
  const NamedTensor data = {"quantized_data", tensor(ElementType::uint8, {2, 3}, {1, 2, 3, 4, 5, 6})};
  const NamedConstant axis = {"axis", Literal::int32(0)};
  expect_tensor(result_of("constexpr_affine_dequantize",
                          {data, {"zero_point", bytes({1, 4})}, {"scale", halves({2}, {0.5, 2})}}, {axis}),
                {2, 3}, {0, 0.5, 1, 0, 2, 4});
}

TEST(InterpretedCompression, CastsAreExact) {
  expect_tensor(result_of("constexpr_cast", {{"source_val", halves({2}, {0.5, -3})}},
                          {{"output_dtype", Literal::string("fp32")}}),
                {2}, {0.5, -3});
}

// Two bits each from the lowest: 0b11100100 holds 0, 1, 2, 3.
TEST(InterpretedCompression, PalettesAreReadFromPackedIndices) {
  const NamedTensor lut = {"lut", halves({4}, {10, 20, 30, 40})};
  expect_tensor(result_of("constexpr_lut_to_dense", {{"indices", bytes({0xE4, 0x02})}, lut}, {shape({5})}), {5},
                {10, 20, 30, 40, 30});
}

// Six bits each: 1, 2 and 63 straddle the bytes 0x81, 0xF0, 0x03.
TEST(InterpretedCompression, SixBitIndicesStraddleBytes) {
  TensorValue lut = counting({64}, 100);
  expect_tensor(
      result_of("constexpr_lut_to_dense", {{"indices", bytes({0x81, 0xF0, 0x03})}, {"lut", lut}}, {shape({3})}), {3},
      {101, 102, 163});
}

TEST(InterpretedCompression, PalettesMayDifferByGroup) {
  expect_tensor(result_of("constexpr_lut_to_dense", {{"indices", bits({2, 4}, {0, 1, 1, 0, 0, 1, 0, 1})},
                                                     {"lut", halves({2, 1, 2, 1}, {1, 2, 3, 4})}}),
                {2, 4}, {1, 2, 2, 1, 3, 4, 3, 4});
}

TEST(InterpretedCompression, PalettesMayHoldVectors) {
  const std::vector<NamedTensor> tensors = {{"indices", bits({1, 2}, {1, 0})},
                                            {"lut", halves({1, 1, 2, 2}, {1, 2, 3, 4})}};
  expect_tensor(result_of("constexpr_lut_to_dense", tensors, {{"vector_axis", Literal::int32(0)}}), {2, 2},
                {3, 1, 4, 2});
  expect_tensor(result_of("constexpr_lut_to_dense", tensors, {{"vector_axis", Literal::int32(1)}}), {1, 4},
                {3, 4, 1, 2});
}

TEST(InterpretedCompression, SparseWeightsStandWhereTheMaskIs) {
  const NamedTensor data = {"nonzero_data", halves({3}, {5, 6, 7})};
  expect_tensor(result_of("constexpr_sparse_to_dense", {data, {"mask", bytes({0x82, 0x01})}}, {shape({3, 3})}), {3, 3},
                {0, 5, 0, 0, 0, 0, 0, 6, 7});
  expect_tensor(result_of("constexpr_sparse_to_dense", {data, {"mask", bits({2, 2}, {1, 1, 0, 1})}}), {2, 2},
                {5, 6, 0, 7});
  EXPECT_EQ(error_of("constexpr_sparse_to_dense", {data, {"mask", bits({2, 2}, {1, 1, 0, 0})}}),
            "tested (constexpr_sparse_to_dense): the mask marks 2 elements, 3 are stored");
}

TEST(InterpretedCompression, BlocksHaveTheirOwnScaleAndOffset) {
  expect_tensor(result_of("constexpr_blockwise_shift_scale",
                          {{"data", tensor(ElementType::int4, {2, 4}, {1, 2, 3, 4, 5, 6, 7, -8})},
                           {"scale", halves({1, 2}, {1, 0.5})},
                           {"offset", tensor(ElementType::int4, {1, 2}, {0, 2})}}),
                {2, 4}, {1, 2, 0.5, 1, 5, 6, 2.5, -5});
}

TEST(InterpretedCompression, SparsePalettesAndBlocksKeepTheMask) {
  const TensorValue mask = bits({2, 2}, {0, 1, 1, 0});
  const auto palette = run_operation("constexpr_lut_to_sparse", {{"indices_mask", mask},
                                                                 {"indices_nonzero_data", bits({2}, {1, 0})},
                                                                 {"lut", halves({2, 1, 2, 1}, {1, 2, 3, 4})}});
  ASSERT_TRUE(palette) << palette.error().message;
  expect_tensor((*palette)[0], {2, 2}, {0, 1, 1, 0});
  expect_tensor((*palette)[1], {2}, {2, 3});
  const auto vectors = run_operation("constexpr_lut_to_sparse",
                                     {{"indices_mask", mask},
                                      {"indices_nonzero_data", bits({2}, {1, 0})},
                                      {"lut", halves({1, 1, 2, 2}, {1, 2, 3, 4})}},
                                     {{"vector_axis", Literal::int32(0)}});
  ASSERT_TRUE(vectors) << vectors.error().message;
  expect_tensor((*vectors)[0], {4, 2}, {0, 1, 0, 1, 1, 0, 1, 0});
  expect_tensor((*vectors)[1], {4}, {3, 4, 1, 2});
  const auto blocks =
      run_operation("constexpr_sparse_blockwise_shift_scale", {{"data_mask", mask},
                                                               {"nonzero_data", tensor(ElementType::int8, {2}, {4, 6})},
                                                               {"scale", halves({2, 1}, {1, 0.5})},
                                                               {"offset", tensor(ElementType::int8, {2, 1}, {1, 2})}});
  ASSERT_TRUE(blocks) << blocks.error().message;
  expect_tensor((*blocks)[0], {2, 2}, {0, 1, 1, 0});
  expect_tensor((*blocks)[1], {2}, {3, 2});
}

TEST(InterpretedCompression, QuantizeRoundsHalvesToEvenAndClamps) {
  const NamedTensor input = {"input", fp64({6}, {0.5, 1.5, -0.75, 1000, -1000, 3})};
  const NamedTensor scale = {"scale", fp64({}, {1})};
  const NamedConstant type = {"output_dtype", Literal::string("int8")};
  expect_tensor(result_of("quantize", {input, scale}, {type}), {6}, {0, 2, -1, 127, -128, 3});
  expect_tensor(result_of("quantize", {input, scale, {"zero_point", tensor(ElementType::uint8, {}, {10})}},
                          {{"output_dtype", Literal::string("uint8")}}),
                {6}, {10, 12, 9, 255, 0, 13});
}

TEST(InterpretedCompression, DequantizeUndoesItAlongAnAxis) {
  expect_tensor(result_of("dequantize",
                          {{"input", tensor(ElementType::int8, {2, 2}, {1, 2, 3, 4})},
                           {"scale", fp64({2}, {0.5, 2})},
                           {"zero_point", tensor(ElementType::int8, {2}, {1, -1})}},
                          {{"axis", Literal::int32(-1)}}),
                {2, 2}, {0, 6, 1, 10});
}

TEST(InterpretedCompression, AWeightFileMustBeLoadedFirst) {
  Function function("main", "ios18");
  Operation* const operation = function.block().add_operation("constexpr_cast");
  operation->set_attribute("source_val", Literal::blob(Type::tensor(ElementType::fp16, {4}), {"weights.bin", 64}));
  operation->set_attribute("output_dtype", Literal::string("fp32"));
  operation->add_result("w", Type::tensor(ElementType::fp32, {4}));
  const auto results = interpret(function, {}, Precision::fp64);
  ASSERT_FALSE(results.has_value());
  EXPECT_EQ(results.error().message,
            "w (constexpr_cast): source_val is in weights.bin; load the weights before interpreting");
}

}  // namespace
}  // namespace millwright::mil
