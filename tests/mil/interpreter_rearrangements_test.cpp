// Operations that move elements between axes, sort them, or pick them by coordinates. Numbers by hand, from NumPy 1.24
// or PyTorch 1.13.
#include <cmath>

#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

Literal flag(bool value) { return Literal::boolean(value); }

TEST(InterpretedRearrangements, DepthAndSpaceChangePlaces) {
  const NamedConstant block = {"block_size", Literal::int32(2)};
  expect_tensor(result_of("depth_to_space", {{"x", counting({1, 8, 1, 2})}}, {block}), {1, 2, 2, 4},
                {0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15});
  expect_tensor(result_of("space_to_depth", {{"x", counting({1, 2, 2, 4})}}, {block}), {1, 8, 1, 2},
                {0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15});
  expect_tensor(result_of("pixel_shuffle", {{"x", counting({1, 8, 1, 2})}}, {{"upscale_factor", Literal::int32(2)}}),
                {1, 2, 2, 4}, {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15});
  expect_tensor(
      result_of("pixel_unshuffle", {{"x", counting({1, 1, 2, 4})}}, {{"downscale_factor", Literal::int32(2)}}),
      {1, 4, 1, 2}, {0, 2, 1, 3, 4, 6, 5, 7});
}

TEST(InterpretedRearrangements, BatchAndSpaceChangePlaces) {
  const Type edges = Type::tensor(ElementType::int32, {2, 2});
  const std::vector<double> sizes = {1, 1, 0, 1};
  const NamedConstant blocks = {"block_shape", ints({2, 2})};
  const TensorValue x = counting({2, 1, 2, 3});
  const TensorValue batched =
      result_of("space_to_batch", {{"x", x}}, {blocks, {"paddings", Literal::numbers(edges, sizes)}});
  expect_tensor(batched, {8, 1, 2, 2},
                {0, 0, 3, 5, 0, 0, 9, 11, 0, 0, 4, 0, 0, 0, 10, 0, 0, 2, 0, 0, 6, 8, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0});
  expect_tensor(result_of("batch_to_space", {{"x", batched}}, {blocks, {"crops", Literal::numbers(edges, sizes)}}),
                {2, 1, 2, 3}, x.numbers);
}

TEST(InterpretedRearrangements, WindowsSlideAlongAnAxis) {
  expect_tensor(result_of("sliding_windows", {{"x", counting({2, 5})}},
                          {{"axis", Literal::int32(-1)}, {"size", Literal::int32(3)}, {"stride", Literal::int32(2)}}),
                {2, 2, 3}, {0, 1, 2, 2, 3, 4, 5, 6, 7, 7, 8, 9});
}

TEST(InterpretedRearrangements, SequencesAreReversedUpToTheirLength) {
  const NamedConstant axis = {"seq_axis", Literal::int32(1)};
  expect_tensor(result_of("reverse_sequence", {{"x", counting({2, 4})}, {"lengths", int32({2}, {3, 1})}}, {axis}),
                {2, 4}, {2, 1, 0, 3, 4, 5, 6, 7});
  EXPECT_EQ(error_of("reverse_sequence", {{"x", counting({2, 4})}, {"lengths", int32({2}, {3, 5})}}, {axis}),
            "tested (reverse_sequence): length 5 is outside axis 1 of size 4");
}

TEST(InterpretedRearrangements, Flatten2dCutsTheAxesInTwo) {
  const auto flattened = [](int64_t axis) {
    return result_of("flatten2d", {{"x", counting({2, 3, 4})}}, {{"axis", Literal::int32(axis)}}).type.shape();
  };
  EXPECT_EQ(flattened(0), (Shape{1, 24}));
  EXPECT_EQ(flattened(1), (Shape{2, 12}));
  EXPECT_EQ(flattened(-1), (Shape{6, 4}));
}

TEST(InterpretedRearrangements, ReshapeLikeTakesAxesOfItsReferences) {
  Function function("main", "ios18");
  Builder b(function);
  const TensorValue x = counting({6, 4});
  const TensorValue first = counting({3, 7});
  const TensorValue second = counting({5, 2, 4});
  const auto number = [&](int64_t value) { return Argument(b.constant(Literal::int32(value))); };
  const auto truth = [&](bool value) { return Argument(b.constant(flag(value))); };
  std::vector<Operand> operands = {
      operand("x", b.input("x", x.type)),
      {"ref_tensors", {b.input("first", first.type), b.input("second", second.type)}, true},
      {"begins", {number(0), number(-2)}, true},
      {"ends", {number(-1), number(0)}, true},
      {"end_masks", {truth(false), truth(true)}, true}};
  function.block().set_results(b.emit_all("reshape_like", std::move(operands), "tested"));
  const auto results = interpret(function, std::vector{x, first, second}, Precision::fp64);
  ASSERT_TRUE(results) << results.error().message;
  expect_tensor((*results)[0], {3, 2, 4}, x.numbers);
}

TEST(InterpretedRearrangements, ReshapeCopiesAxesFromTheRight) {
  EXPECT_EQ(result_of("reshape", {{"x", counting({2, 3, 4})}}, {{"shape", ints({-1, 0})}}).type.shape(), (Shape{6, 4}));
  EXPECT_EQ(result_of("reshape", {{"x", counting({3, 4})}}, {{"shape", ints({0, 0, 0})}}).type.shape(),
            (Shape{1, 3, 4}));
  const NamedTensor shape = {"shape", int32({3}, {2147483647, 2147483647, 2147483647})};
  EXPECT_EQ(error_of("reshape", {{"x", counting({3, 4})}, shape}),
            "tested (reshape): x [3, 4] does not fill shape [2147483647, 2147483647, 2147483647]");
}

TEST(InterpretedSorting, ArgsortKeepsTheOrderOfEqualElements) {
  const NamedTensor x = {"x", fp64({2, 4}, {3, 1, 3, 2, 0, NAN, -1, 0})};
  expect_tensor(result_of("argsort", {x}), {2, 4}, {0, 2, 3, 1, 1, 0, 3, 2});
  expect_tensor(result_of("argsort", {x}, {{"ascending", flag(true)}}), {2, 4}, {1, 3, 0, 2, 2, 0, 3, 1});
  expect_tensor(result_of("argsort", {{"x", fp64({2, 2}, {1, 5, 2, 4})}}, {{"axis", Literal::int32(0)}}), {2, 2},
                {1, 0, 0, 1});
}

TEST(InterpretedSorting, TopkGivesValuesAndPlaces) {
  const NamedTensor x = {"x", fp64({2, 4}, {3, 1, 4, 2, 5, 9, 2, 6})};
  const auto results = run_operation("topk", {x}, {{"k", Literal::int32(2)}});
  ASSERT_TRUE(results) << results.error().message;
  expect_tensor((*results)[0], {2, 2}, {4, 3, 9, 6});
  expect_tensor((*results)[1], {2, 2}, {2, 0, 1, 3});
  expect_tensor(
      result_of("topk", {x}, {{"k", Literal::int32(-1)}, {"ascending", flag(true)}, {"axis", Literal::int32(0)}}),
      {2, 4}, {3, 1, 2, 2, 5, 9, 4, 6});
  const auto alone = run_operation("topk", {x}, {{"return_indices", flag(false)}});
  ASSERT_TRUE(alone) << alone.error().message;
  ASSERT_EQ(alone->size(), 1u);
  expect_tensor((*alone)[0], {2, 1}, {4, 9});
  EXPECT_EQ(error_of("topk", {x, {"k", int32({}, {5})}}), "tested (topk): k is 5, axis 1 of x has size 4");
}

TEST(InterpretedCoordinates, NonZeroListsThem) {
  expect_tensor(result_of("non_zero", {{"x", fp64({2, 3}, {0, 5, 0, -1, 0, 2})}}), {3, 2}, {0, 1, 1, 0, 1, 2});
  expect_tensor(result_of("non_zero", {{"x", fp64({2}, {0, 0})}}), {0, 1}, {});
}

TEST(InterpretedCoordinates, GatherNdReadsElementsAndSlices) {
  const NamedTensor x = {"x", counting({2, 3, 2})};
  expect_tensor(result_of("gather_nd", {x, {"indices", int32({2, 2}, {1, 2, 0, -1})}}), {2, 2}, {10, 11, 4, 5});
  expect_tensor(
      result_of("gather_nd", {x, {"indices", int32({2, 2, 1}, {2, 0, 1, 1})}}, {{"batch_dims", Literal::int32(1)}}),
      {2, 2, 2}, {4, 5, 0, 1, 8, 9, 8, 9});
  EXPECT_EQ(error_of("gather_nd", {x, {"indices", int32({1, 2}, {0, 3})}}),
            "tested (gather_nd): index 3 is outside axis 1 of size 3");
}

TEST(InterpretedCoordinates, ScatterNdCombinesByMode) {
  const std::vector<NamedTensor> tensors = {{"data", counting({2, 3})},
                                            {"indices", int32({3, 2}, {0, 1, 1, -1, 0, 1})},
                                            {"updates", fp64({3}, {10, 20, 30})}};
  expect_tensor(result_of("scatter_nd", tensors), {2, 3}, {0, 41, 2, 3, 4, 25});
  expect_tensor(result_of("scatter_nd", tensors, {{"mode", Literal::string("update")}}), {2, 3}, {0, 30, 2, 3, 4, 20});
  expect_tensor(
      result_of("scatter_nd",
                {{"data", counting({2, 3})}, {"indices", int32({1, 1}, {1})}, {"updates", fp64({1, 3}, {4, 4, 4})}},
                {{"mode", Literal::string("max")}}),
      {2, 3}, {0, 1, 2, 4, 4, 5});
}

// Boxes 0 and 1 overlap by 3/5, box 2 stands alone, box 3 has too low a score.
TEST(InterpretedCoordinates, SuppressionDropsBoxesThatOverlapABetterOne) {
  const std::vector<NamedTensor> tensors = {
      {"boxes", fp64({1, 4, 4}, {2, 2, 4, 4, 3, 2, 4, 4, 10, 10, 2, 2, 20, 20, 2, 2})},
      {"scores", fp64({1, 4, 2}, {0.25, 0.5, 0.75, 0.125, 0.375, 0, 0.0625, 0})}};
  const auto with = [&](double overlap, bool per_class) {
    return run_operation("non_maximum_suppression", tensors,
                         {{"iou_threshold", Literal::number(ElementType::fp64, overlap)},
                          {"score_threshold", Literal::number(ElementType::fp64, 0.1)},
                          {"max_boxes", Literal::int32(3)},
                          {"per_class_suppression", flag(per_class)}});
  };
  const auto strict = with(0.5, false);
  ASSERT_TRUE(strict) << strict.error().message;
  expect_tensor((*strict)[0], {1, 3, 4}, {3, 2, 4, 4, 10, 10, 2, 2, 0, 0, 0, 0});
  expect_tensor((*strict)[1], {1, 3, 2}, {0.75, 0.125, 0.375, 0, 0, 0});
  expect_tensor((*strict)[2], {1, 3}, {1, 2, -1});
  expect_tensor((*strict)[3], {1}, {2});
  const auto loose = with(0.625, false);
  ASSERT_TRUE(loose) << loose.error().message;
  expect_tensor((*loose)[2], {1, 3}, {1, 0, 2});
  const auto apart = with(0.5, true);
  ASSERT_TRUE(apart) << apart.error().message;
  expect_tensor((*apart)[2], {1, 3}, {1, 0, 2});
}

}  // namespace
}  // namespace millwright::mil
