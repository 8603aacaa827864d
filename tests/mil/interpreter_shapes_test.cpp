// Operations that rearrange, slice, gather, scatter and make tensors. Numbers by hand or from NumPy 1.24.
#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

TensorValue reshape(const TensorValue& x, const std::vector<int64_t>& shape) {
  return result_of("reshape", {{"x", x}}, {{"shape", ints(shape)}});
}

TEST(InterpretedShapes, ReshapeCopiesZerosAndInfersMinusOne) {
  expect_tensor(reshape(counting({2, 3}), {3, 2}), {3, 2}, {0, 1, 2, 3, 4, 5});
  EXPECT_EQ(reshape(counting({2, 3, 2}), {0, -1, 1}).type.shape(), (Shape{2, 6, 1}));
  EXPECT_EQ(reshape(counting({1}), {}).type.shape(), Shape{});
}

TEST(InterpretedShapes, ReshapeTakesARunTimeShape) {
  const NamedTensor x = {"x", counting({2, 3})};
  EXPECT_EQ(result_of("reshape", {x, {"shape", int32({2}, {-1, 2})}}).type.shape(), (Shape{3, 2}));
  EXPECT_EQ(error_of("reshape", {x, {"shape", int32({2}, {4, 2})}}),
            "tested (reshape): x [2, 3] does not fill shape [4, 2]");
}

TEST(InterpretedShapes, AxesOfSizeOneComeAndGo) {
  EXPECT_EQ(result_of("expand_dims", {{"x", counting({2, 3})}}, {{"axes", ints({0, -1})}}).type.shape(),
            (Shape{1, 2, 3, 1}));
  EXPECT_EQ(result_of("squeeze", {{"x", counting({1, 2, 1})}}, {{"axes", ints({-1})}}).type.shape(), (Shape{1, 2}));
  EXPECT_EQ(result_of("squeeze", {{"x", counting({1, 2, 1})}}).type.shape(), Shape{2});
}

TEST(InterpretedShapes, TransposePutsAxisPermIAtI) {
  expect_tensor(result_of("transpose", {{"x", counting({1, 2, 3})}}, {{"perm", ints({2, 0, 1})}}), {3, 1, 2},
                {0, 3, 1, 4, 2, 5});
}

TEST(InterpretedShapes, ReverseFlipsTheListedAxesOrAll) {
  expect_tensor(result_of("reverse", {{"x", counting({2, 3})}}, {{"axes", ints({-1})}}), {2, 3}, {2, 1, 0, 5, 4, 3});
  expect_tensor(result_of("reverse", {{"x", counting({2, 3})}}), {2, 3}, {5, 4, 3, 2, 1, 0});
}

TEST(InterpretedShapes, TileRepeatsEachAxis) {
  expect_tensor(result_of("tile", {{"x", counting({2, 3})}}, {{"reps", ints({2, 2})}}), {4, 6},
                {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
}

TensorValue pad(const char* mode) {
  return result_of("pad", {{"x", counting({2, 3})}},
                   {{"pad", ints({1, 0, 2, 1})},
                    {"mode", Literal::string(mode)},
                    {"constant_val", Literal::number(ElementType::fp64, 9)}});
}

TEST(InterpretedShapes, PadFillsMirrorsOrRepeatsTheEdge) {
  expect_tensor(pad("constant"), {3, 6}, {9, 9, 9, 9, 9, 9, 9, 9, 0, 1, 2, 9, 9, 9, 3, 4, 5, 9});
  expect_tensor(pad("reflect"), {3, 6}, {5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4});
  expect_tensor(pad("replicate"), {3, 6}, {0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 5, 5});
}

TEST(InterpretedShapes, PadAppliesToTheLastAxes) {
  expect_tensor(result_of("pad", {{"x", counting({2, 2})}}, {{"pad", ints({1, 0})}}), {2, 3}, {0, 0, 1, 0, 2, 3});
}

// A list operand of two inputs.
TensorValue joined(std::string_view kind, const TensorValue& first, const TensorValue& second,
                   const std::vector<NamedConstant>& constants) {
  Function function("main", "ios18");
  Builder b(function);
  const std::vector<Value*> values = {b.input("first", first.type), b.input("second", second.type)};
  std::vector<Operand> operands = {operand("values", values)};
  for (const NamedConstant& item : constants) operands.push_back(operand(item.name, b.constant(item.value)));
  function.block().set_results({b.emit(kind, std::move(operands))});
  const auto results = interpret(function, std::vector{first, second}, Precision::fp64);
  EXPECT_TRUE(results.has_value());
  return results ? results->at(0) : TensorValue{};
}

TEST(InterpretedShapes, ConcatJoinsOrInterleaves) {
  expect_tensor(joined("concat", counting({2, 1}), counting({2, 2}, 10), {{"axis", Literal::int32(-1)}}), {2, 3},
                {0, 10, 11, 1, 12, 13});
  expect_tensor(joined("concat", counting({2, 2}), counting({2, 2}, 10),
                       {{"axis", Literal::int32(0)}, {"interleave", Literal::boolean(true)}}),
                {4, 2}, {0, 1, 10, 11, 2, 3, 12, 13});
}

TEST(InterpretedShapes, StackInsertsAnAxis) {
  expect_tensor(joined("stack", counting({2}), counting({2}, 10), {{"axis", Literal::int32(0)}}), {2, 2},
                {0, 1, 10, 11});
  expect_tensor(joined("stack", counting({2}), counting({2}, 10), {{"axis", Literal::int32(-1)}}), {2, 2},
                {0, 10, 1, 11});
}

TEST(InterpretedShapes, SplitGivesEqualOrListedPieces) {
  const auto equal = run_operation("split", {{"x", counting({2, 4})}},
                                   {{"axis", Literal::int32(1)}, {"num_splits", Literal::int32(2)}});
  ASSERT_TRUE(equal.has_value());
  expect_tensor((*equal)[0], {2, 2}, {0, 1, 4, 5});
  expect_tensor((*equal)[1], {2, 2}, {2, 3, 6, 7});
  const auto listed =
      run_operation("split", {{"x", counting({3})}}, {{"axis", Literal::int32(-1)}, {"split_sizes", ints({1, 2})}});
  ASSERT_TRUE(listed.has_value());
  expect_tensor((*listed)[0], {1}, {0});
  expect_tensor((*listed)[1], {2}, {1, 2});
}

TEST(InterpretedShapes, BandPartKeepsDiagonalsOfTheLastTwoAxes) {
  const auto band = [](int64_t lower, int64_t upper) {
    return result_of("band_part", {{"x", counting({3, 4}, 1)}},
                     {{"lower", Literal::int32(lower)}, {"upper", Literal::int32(upper)}});
  };
  expect_tensor(band(1, 1), {3, 4}, {1, 2, 0, 0, 5, 6, 7, 0, 0, 10, 11, 12});
  expect_tensor(band(-1, 0), {3, 4}, {1, 0, 0, 0, 5, 6, 0, 0, 9, 10, 11, 0});
}

// Slices of the rows 0 … 3, 4 … 7, 8 … 11.
TensorValue sliced(const std::vector<int64_t>& begin, const std::vector<int64_t>& end,
                   const std::vector<NamedConstant>& others) {
  std::vector<NamedConstant> constants = {{"begin", ints(begin)}, {"end", ints(end)}};
  constants.insert(constants.end(), others.begin(), others.end());
  return result_of("slice_by_index", {{"x", counting({3, 4})}}, constants);
}

TEST(InterpretedSlices, CountNegativeBoundsFromTheEndAndClampTheRest) {
  expect_tensor(sliced({-2, -3}, {-1, 100}, {}), {1, 3}, {5, 6, 7});
  expect_tensor(sliced({0, -100}, {100, 3}, {{"stride", ints({2, 1})}}), {2, 3}, {0, 1, 2, 8, 9, 10});
  expect_tensor(sliced({5, 0}, {7, 2}, {}), {0, 2}, {});
}

TEST(InterpretedSlices, StepBackwardsWithANegativeStride) {
  expect_tensor(sliced({-1, 1}, {0, 4}, {{"stride", ints({-1, 1})}}), {2, 3}, {9, 10, 11, 5, 6, 7});
  expect_tensor(sliced({2, 3}, {-100, 0}, {{"stride", ints({-1, -2})}}), {3, 2}, {11, 9, 7, 5, 3, 1});
}

TEST(InterpretedSlices, MasksIgnoreBoundsAndSqueezeAxes) {
  expect_tensor(sliced({1, 1}, {1, 1}, {{"begin_mask", bools({true, false})}, {"end_mask", bools({false, true})}}),
                {1, 3}, {1, 2, 3});
  expect_tensor(
      sliced({0, 0}, {0, 0},
             {{"stride", ints({-2, -1})}, {"begin_mask", bools({true, true})}, {"end_mask", bools({true, true})}}),
      {2, 4}, {11, 10, 9, 8, 3, 2, 1, 0});
  expect_tensor(sliced({-2, -3}, {0, -1}, {{"squeeze_mask", bools({true, false})}}), {2}, {5, 6});
}

TEST(InterpretedSlices, TakeRunTimeBounds) {
  expect_tensor(
      result_of("slice_by_index", {{"x", counting({4})}, {"begin", int32({1}, {1})}, {"end", int32({1}, {-1})}}), {2},
      {1, 2});
  const std::vector<NamedTensor> by_size = {{"x", counting({2, 4})}, {"begin", int32({2}, {0, 3})}};
  expect_tensor(result_of("slice_by_size", by_size, {{"size", ints({-1, 1})}}), {2, 1}, {3, 7});
  EXPECT_EQ(error_of("slice_by_size", by_size, {{"size", ints({-1, 2})}}),
            "tested (slice_by_size): begin 3 and size 2 leave axis 1 of size 4");
}

TEST(InterpretedSlices, UpdateReplacesTheRegionOnly) {
  expect_tensor(result_of("slice_update", {{"x", counting({2, 4})}, {"update", fp64({1, 2}, {90, 91})}},
                          {{"begin", ints({1, 3})}, {"end", ints({2, 0})}, {"stride", ints({1, -2})}}),
                {2, 4}, {0, 1, 2, 3, 4, 91, 6, 90});
}

TensorValue gather(const TensorValue& x, const TensorValue& indices, int64_t axis, int64_t batch_dims = 0) {
  return result_of("gather", {{"x", x}, {"indices", indices}},
                   {{"axis", Literal::int32(axis)}, {"batch_dims", Literal::int32(batch_dims)}});
}

TEST(InterpretedGather, PutsTheShapeOfTheIndicesInPlaceOfTheAxis) {
  expect_tensor(gather(counting({2, 3, 4}), int32({2, 2}, {-1, 0, 1, -3}), 1), {2, 2, 2, 4},
                {8,  9,  10, 11, 0,  1,  2,  3,  4,  5,  6,  7,  0,  1,  2,  3,
                 20, 21, 22, 23, 12, 13, 14, 15, 16, 17, 18, 19, 12, 13, 14, 15});
  expect_tensor(gather(counting({3, 2}), int32({}, {-1}), 0), {2}, {4, 5});
}

TEST(InterpretedGather, BatchAxesPairIndicesWithTheirPart) {
  expect_tensor(gather(counting({2, 3}), int32({2, 2}, {0, 2, -1, 0}), 1, 1), {2, 2}, {0, 2, 5, 3});
  expect_tensor(gather(counting({2, 2, 3}), int32({2, 1}, {2, 0}), 2, 1), {2, 2, 1}, {2, 5, 6, 9});
}

TEST(InterpretedGather, RefusesAnIndexOutsideTheAxis) {
  const std::vector<NamedTensor> operands = {{"x", counting({2, 3})}, {"indices", int32({1}, {-3})}};
  EXPECT_EQ(error_of("gather", operands, {{"axis", Literal::int32(0)}}),
            "tested (gather): index -3 is outside axis 0 of size 2");
}

TEST(InterpretedGather, AlongAnAxisTakesElementByElement) {
  expect_tensor(result_of("gather_along_axis", {{"x", counting({2, 3})}, {"indices", int32({2, 2}, {2, -1, 0, 1})}},
                          {{"axis", Literal::int32(1)}}),
                {2, 2}, {2, 2, 3, 4});
}

TensorValue scatter(const char* mode) {
  const std::vector<NamedTensor> operands = {{"data", fp64({3, 2}, {8, 8, 8, 8, 8, 8})},
                                             {"indices", int32({2}, {-1, 0})},
                                             {"updates", fp64({2, 2}, {2, 4, 16, 1})}};
  return result_of("scatter", operands, {{"axis", Literal::int32(0)}, {"mode", Literal::string(mode)}});
}

TEST(InterpretedScatter, CombinesUpdatesByItsMode) {
  expect_tensor(scatter("add"), {3, 2}, {24, 9, 8, 8, 10, 12});
  expect_tensor(scatter("sub"), {3, 2}, {-8, 7, 8, 8, 6, 4});
  expect_tensor(scatter("mul"), {3, 2}, {128, 8, 8, 8, 16, 32});
  expect_tensor(scatter("div"), {3, 2}, {0.5, 8, 8, 8, 4, 2});
  expect_tensor(scatter("max"), {3, 2}, {16, 8, 8, 8, 8, 8});
  expect_tensor(scatter("min"), {3, 2}, {8, 1, 8, 8, 2, 4});
  expect_tensor(scatter("update"), {3, 2}, {16, 1, 8, 8, 2, 4});
}

TEST(InterpretedScatter, AddsRepeatedIndicesUp) {
  expect_tensor(
      result_of("scatter",
                {{"data", fp64({2}, {0, 0})}, {"indices", int32({3}, {1, 1, 0})}, {"updates", fp64({3}, {1, 2, 4})}}),
      {2}, {4, 3});
}

TEST(InterpretedScatter, AlongAnAxisIsTheInverseOfGatherAlongIt) {
  const std::vector<NamedTensor> operands = {{"data", fp64({2, 3}, {0, 0, 0, 0, 0, 0})},
                                             {"indices", int32({2, 2}, {2, -1, 0, 1})},
                                             {"updates", fp64({2, 2}, {1, 2, 3, 4})}};
  expect_tensor(result_of("scatter_along_axis", operands, {{"axis", Literal::int32(1)}}), {2, 3}, {0, 0, 3, 3, 4, 0});
  expect_tensor(
      result_of("scatter_along_axis", operands, {{"axis", Literal::int32(1)}, {"mode", Literal::string("update")}}),
      {2, 3}, {0, 0, 2, 3, 4, 0});
}

TEST(InterpretedCreation, FillsShapes) {
  const Literal value = Literal::number(ElementType::fp16, 1.5);
  const TensorValue filled = result_of("fill", {}, {{"shape", ints({2, 2})}, {"value", value}});
  expect_tensor(filled, {2, 2}, {1.5, 1.5, 1.5, 1.5});
  EXPECT_EQ(filled.type.element(), ElementType::fp16);
  expect_tensor(result_of("fill", {{"shape", int32({1}, {3})}}), {3}, {0, 0, 0});
  expect_tensor(result_of("fill_like", {{"ref_tensor", counting({1, 2})}}, {{"value", value}}), {1, 2}, {1.5, 1.5});
  EXPECT_EQ(error_of("fill", {{"shape", int32({1}, {-3})}}), "tested (fill): shape [-3] has a negative size");
}

TEST(InterpretedCreation, RangesLeaveOutTheirEnd) {
  const auto range = [](double start, double end, double step) {
    return result_of("range_1d", {{"start", fp64({}, {start})}, {"end", fp64({}, {end})}, {"step", fp64({}, {step})}});
  };
  expect_tensor(range(0, 4, 1), {4}, {0, 1, 2, 3});
  expect_tensor(range(1, 2.1, 0.5), {3}, {1, 1.5, 2});
  expect_tensor(range(3, 0, -2), {2}, {3, 1});
  expect_tensor(range(3, 0, 1), {0}, {});
}

TEST(InterpretedCreation, OneHotMarksTheIndexOnItsAxis) {
  const NamedTensor indices = {"indices", int32({2}, {2, 0})};
  expect_tensor(result_of("one_hot", {indices}, {{"one_hot_vector_size", Literal::int32(3)}}), {2, 3},
                {0, 0, 1, 1, 0, 0});
  expect_tensor(result_of("one_hot", {indices},
                          {{"one_hot_vector_size", Literal::int32(2)},
                           {"axis", Literal::int32(0)},
                           {"on_value", Literal::number(ElementType::fp32, 5)},
                           {"off_value", Literal::number(ElementType::fp32, -1)}}),
                {2, 2}, {-1, 5, -1, -1});
}

TEST(InterpretedCreation, ShapeListsTheSizes) {
  expect_tensor(result_of("shape", {{"x", counting({2, 3, 1})}}), {3}, {2, 3, 1});
}

}  // namespace
}  // namespace millwright::mil
