// Bytes and operations counted by hand from the shapes.
#include "ane/operation_work.h"

#include <gtest/gtest.h>

#include "ane/published_programs.h"
#include "ane/rule_testing.h"
#include "mil/builder.h"

namespace millwright::ane {
namespace {

using testing::constant;
using testing::program_text;
using testing::weight;

constexpr double kMebibyte = 1024.0 * 1024.0;

// A program with the work of its operations. Parsed without the verifier, so that programs may hold operations that
// nobody knows.
struct Counted {
  mil::ParseResult parsed;
  std::vector<OperationWork> work;

  const OperationWork& operator[](size_t index) const { return work.at(index); }
};

Counted work_of(const std::string& text, const OnChipRules& rules = {}) {
  Counted counted;
  counted.parsed = mil::parse(text);
  EXPECT_TRUE(counted.parsed.diagnostics.empty()) << text;
  Result<FunctionWork> work = count_work(*counted.parsed.program->functions().front(), rules);
  EXPECT_TRUE(work.has_value()) << (work ? "" : work.error().message);
  counted.work = work->operations;
  return counted;
}

FunctionWork work_of(const ConvChain& chain, const OnChipRules& rules = {}) {
  const auto function = conv_chain(chain);
  EXPECT_TRUE(function.has_value());
  return *count_work(**function, rules);
}

FunctionWork work_of(const MatmulChain& chain, const OnChipRules& rules = {}) {
  const auto function = matmul_chain(chain);
  EXPECT_TRUE(function.has_value());
  return *count_work(**function, rules);
}

std::string relu(std::string_view shape) {
  return program_text(fmt::format("tensor<fp16, {}> x", shape),
                      fmt::format("tensor<fp16, {}> y = relu(x = x)[name = string(\"y\")];\n", shape), "y");
}

TEST(OperationWork, CountsAConvolutionsProductsWeightsAndSurfaces) {
  const FunctionWork work = work_of(ConvChain{.in_channels = 64, .out_channels = 128, .width = 32});
  ASSERT_EQ(work.operations.size(), 1u);
  const OperationWork& conv = work.operations[0];
  EXPECT_EQ(conv.flops, 2.0 * 64 * 128 * 32);
  EXPECT_EQ(conv.lane_flops, conv.flops);
  EXPECT_EQ(conv.positions, 32);
  EXPECT_EQ(conv.weight_bytes, 64 * 128 * 2);
  EXPECT_EQ(conv.activation_bytes, (64 + 128) * 32 * 2);
  EXPECT_EQ(conv.on_chip_bytes, 0);
  EXPECT_EQ(work.constant_bytes, 64 * 128 * 2);
  EXPECT_FALSE(conv.is_matmul);
}

TEST(OperationWork, PadsTheRowsOfSurfacesTo64Bytes) {
  const double full = work_of(relu("[1, 8, 1, 32]"))[0].activation_bytes;
  EXPECT_EQ(full, 2 * 8 * 64);
  EXPECT_EQ(work_of(relu("[1, 8, 1, 1]"))[0].activation_bytes, full);
  EXPECT_EQ(work_of(relu("[1, 8, 1, 33]"))[0].activation_bytes, 2 * full);
  EXPECT_EQ(work_of(relu("[1, 8, 1, 33]"), {.padded_rows = false})[0].activation_bytes, 2 * 8 * 33 * 2);
}

TEST(OperationWork, WastesLanesOnChannelsThatAreNoMultipleOf32) {
  const FunctionWork work = work_of(ConvChain{.in_channels = 48, .out_channels = 32, .width = 32});
  EXPECT_DOUBLE_EQ(work.operations[0].lane_flops, work.operations[0].flops * 64 / 48);
}

TEST(OperationWork, KeepsValuesBetweenOperationsOnChip) {
  const FunctionWork work = work_of(ConvChain{.depth = 3, .in_channels = 64, .out_channels = 64, .width = 32});
  const double value = 64 * 32 * 2;
  EXPECT_EQ(work.operations[0].activation_bytes, value);
  EXPECT_EQ(work.operations[0].on_chip_bytes, value);
  EXPECT_EQ(work.operations[1].activation_bytes, 0);
  EXPECT_EQ(work.operations[1].on_chip_bytes, 2 * value);
  EXPECT_EQ(work.operations[2].activation_bytes, value);
}

TEST(OperationWork, StreamsAWeightThatAllLayersShareOnceWhereItStaysOnChip) {
  ConvChain chain{.depth = 4, .in_channels = 640, .out_channels = 640, .width = 64};
  chain.weights = ConvChain::Weights::shared;
  const FunctionWork shared = work_of(chain);
  EXPECT_EQ(shared.operations[0].weight_bytes, 640 * 640 * 2);
  EXPECT_EQ(shared.operations[1].weight_bytes, 0);
  EXPECT_EQ(shared.constant_bytes, 640 * 640 * 2);

  chain.weights = ConvChain::Weights::distinct;
  const FunctionWork distinct = work_of(chain);
  EXPECT_EQ(distinct.operations[3].weight_bytes, 640 * 640 * 2);
  EXPECT_EQ(distinct.constant_bytes, 4 * 640 * 640 * 2);
}

TEST(OperationWork, StreamsASharedWeightAgainThatDoesNotFitHalfTheChip) {
  ConvChain chain{.depth = 2, .in_channels = 768, .out_channels = 768, .width = 64};
  chain.weights = ConvChain::Weights::shared;
  EXPECT_EQ(work_of(chain).operations[1].weight_bytes, 768 * 768 * 2);
}

TEST(OperationWork, CountsCompressedWeightsAsTheyAreStoredWhereTheyStream) {
  ConvChain chain{.in_channels = 256, .out_channels = 256, .width = 64};
  chain.precision = ConvChain::Precision::int8_weights;
  const double stored = 256 * 256 + 1 + 2;  // with zero point and scale
  EXPECT_EQ(work_of(chain).operations[0].weight_bytes, stored);
  EXPECT_EQ(work_of(chain, {.compressed_weights_stream = false}).operations[0].weight_bytes, 2 * 256 * 256);
}

TEST(OperationWork, CallsAProductInt8OnlyWhenTheActivationsAreInt8Too) {
  ConvChain chain{.depth = 2, .in_channels = 256, .out_channels = 256, .width = 64};
  chain.precision = ConvChain::Precision::int8_weights;
  EXPECT_FALSE(work_of(chain).operations[1].is_int8);
  chain.precision = ConvChain::Precision::int8;
  const FunctionWork work = work_of(chain);
  ASSERT_EQ(work.operations.size(), 2u) << "quantization costs nothing of its own";
  EXPECT_TRUE(work.operations[1].is_int8);
  EXPECT_EQ(work.operations[0].on_chip_bytes, 256 * 64) << "one byte per element between the layers";
}

TEST(OperationWork, StreamsOneOperandOfALargeProductOncePerPanelOfTheOther) {
  // 8 MiB operands, panels below 1 MiB: nine.
  const OperationWork large = work_of(MatmulChain{.m = 2048, .k = 2048, .n = 2048}).operations[0];
  EXPECT_TRUE(large.is_matmul);
  EXPECT_EQ(large.activation_bytes, 3 * 8 * kMebibyte);
  EXPECT_EQ(large.memory_bytes, 8 * 8 * kMebibyte);
  EXPECT_EQ(large.conflict_bytes, 0);
  const OperationWork small = work_of(MatmulChain{.m = 256, .k = 256, .n = 256}).operations[0];
  EXPECT_EQ(small.memory_bytes, 0);
  EXPECT_EQ(small.on_chip_bytes, 0);
}

TEST(OperationWork, FindsRowsOf8KibibytesThatFallOnTheSameBanks) {
  const auto conflicts = [](int64_t channels) {
    const OperationWork work =
        work_of(ConvChain{.in_channels = channels, .out_channels = channels, .width = 64}).operations[0];
    return work.conflict_bytes / work.weight_bytes;
  };
  EXPECT_EQ(conflicts(2048), 0);
  EXPECT_EQ(conflicts(3584), 0);
  EXPECT_EQ(conflicts(4096), 1);
  EXPECT_EQ(conflicts(4608), 0);
  EXPECT_EQ(conflicts(8192), 1);
  MatmulChain chain{.m = 1, .k = 4096, .n = 4096};
  EXPECT_EQ(work_of(chain).operations[0].conflict_bytes, 0) << "operands at run time get the engine's own layout";
  chain.right = MatmulChain::RightOperand::constant;
  EXPECT_EQ(work_of(chain).operations[0].conflict_bytes, 32 * kMebibyte);
}

TEST(OperationWork, StreamsNothingTwiceUnderTheCapacityModel) {
  const OperationWork work =
      work_of(MatmulChain{.m = 4096, .k = 4096, .n = 4096}, {.capacity_model = true}).operations[0];
  EXPECT_EQ(work.memory_bytes, 0);
  EXPECT_EQ(work.working_set_bytes, 3 * 32 * kMebibyte);
}

TEST(OperationWork, MovesTheBytesOfATranspositionAtTheRateOfSurfacesAndNoneOfAReshape) {
  const Counted counted = work_of(program_text(
      "tensor<fp16, [1, 64, 1, 32]> x",
      "tensor<fp16, [1, 64, 1, 32]> a = relu(x = x)[name = string(\"a\")];\n" +
          constant("tensor<int32, [4]>", "s", "[1, 1, 64, 32]") + constant("tensor<int32, [4]>", "p", "[0, 1, 3, 2]") +
          "tensor<fp16, [1, 1, 64, 32]> b = reshape(x = a, shape = s)[name = string(\"b\")];\n"
          "tensor<fp16, [1, 1, 32, 64]> c = transpose(x = b, perm = p)[name = string(\"c\")];\n"
          "tensor<fp16, [1, 1, 32, 64]> d = relu(x = c)[name = string(\"d\")];\n",
      "d"));
  ASSERT_EQ(counted.work.size(), 3u);
  EXPECT_EQ(counted[1].operation->kind(), "transpose");
  EXPECT_EQ(counted[1].activation_bytes, 64 * 32 * 2);
  EXPECT_EQ(counted[1].on_chip_bytes, 0);
}

std::string slice(std::string_view begin, std::string_view size, std::string_view result) {
  return program_text("tensor<fp16, [1, 64, 1, 128]> x",
                      constant("tensor<int32, [4]>", "b", begin) + constant("tensor<int32, [4]>", "s", size) +
                          fmt::format("tensor<fp16, {0}> a = slice_by_size(x = x, begin = b, size = s)[name = "
                                      "string(\"a\")];\ntensor<fp16, {0}> y = relu(x = a)[name = string(\"y\")];\n",
                                      result),
                      "y");
}

TEST(OperationWork, ReadsOnlyThePartOfASurfaceThatASliceTakes) {
  const OperationWork channels = work_of(slice("[0, 16, 0, 0]", "[1, 8, 1, 128]", "[1, 8, 1, 128]"))[0];
  EXPECT_EQ(channels.activation_bytes, 8 * 128 * 2);
  EXPECT_EQ(channels.on_chip_bytes, 8 * 128 * 2);
  const OperationWork columns = work_of(slice("[0, 0, 0, 64]", "[1, 64, 1, 32]", "[1, 64, 1, 32]"))[0];
  EXPECT_EQ(columns.activation_bytes, 64 * 32 * 2);
  EXPECT_EQ(columns.on_chip_bytes, 0) << "parts of rows are moved, not addressed";
}

TEST(OperationWork, CopiesAnInputThatAViewHandsOut) {
  const Counted counted =
      work_of(program_text("tensor<fp16, [1, 64, 1, 32]> x",
                           constant("tensor<int32, [2]>", "s", "[64, 32]") +
                               "tensor<fp16, [64, 32]> y = reshape(x = x, shape = s)[name = string(\"y\")];\n",
                           "y"));
  ASSERT_EQ(counted.work.size(), 1u);
  EXPECT_EQ(counted[0].activation_bytes, 2 * 64 * 32 * 2);
}

TEST(OperationWork, ChargesAnUnknownOperationForTheLargerOfWhatItReadsAndWrites) {
  const Counted counted =
      work_of(program_text("tensor<fp16, [1, 64, 1, 32]> x",
                           "tensor<fp16, [1, 64, 1, 64]> a = frobnicate(x = x)[name = string(\"a\")];\n"
                           "tensor<fp16, [1, 64, 1, 64]> y = relu(x = a)[name = string(\"y\")];\n",
                           "y"));
  ASSERT_EQ(counted.work.size(), 2u);
  EXPECT_EQ(counted[0].flops, 0);
  EXPECT_EQ(counted[0].activation_bytes, 64 * 64 * 2);
}

TEST(OperationWork, RefusesAnUnknownDimensionByName) {
  mil::ParseResult parsed = mil::parse(
      program_text("tensor<fp16, [1, ?]> x", "tensor<fp16, [1, ?]> y = relu(x = x)[name = string(\"y\")];\n", "y"));
  ASSERT_TRUE(parsed.diagnostics.empty());
  const Result<FunctionWork> work = count_work(*parsed.program->functions().front(), {});
  ASSERT_FALSE(work.has_value());
  EXPECT_EQ(work.error().message,
            "line 4, y (relu): x has the unknown shape [1, ?]; the cost model needs every size. Give the program fixed "
            "shapes");
}

TEST(OperationWork, CountsALongChainOfViewsInLinearTime) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  mil::Value* x = b.unary("relu", b.input("x", mil::Type::tensor(mil::ElementType::fp16, {64, 32})));
  for (int i = 0; i < 20000; ++i) x = b.reshape(x, i % 2 == 0 ? mil::Shape{32, 64} : mil::Shape{64, 32});
  function.block().add_result(b.unary("relu", x));
  const Result<FunctionWork> work = count_work(function, {});
  ASSERT_TRUE(work.has_value());
  ASSERT_EQ(work->operations.size(), 2u);
  EXPECT_EQ(work->operations[1].on_chip_bytes, 64 * 32 * 2);
}

TEST(OperationWork, GivesEmptyTensorsNoBytes) {
  EXPECT_EQ(work_of(relu("[1, 0, 1, 32]"))[0].activation_bytes, 0);
  EXPECT_EQ(work_of(relu("[1, 8, 1, 0]"))[0].activation_bytes, 0);
}

}  // namespace
}  // namespace millwright::ane
