// Recurrent layers against PyTorch 1.13 in double precision, and against NumPy where PyTorch has no such option.
#include "interpreter_testing.h"

namespace millwright::mil {
namespace {

// The rows of a matrix whose elements, counted from 0, become (i + shift) · scale; taken in this order.
TensorValue rows(const std::vector<int64_t>& order, int64_t columns, double shift, double scale) {
  std::vector<double> numbers;
  for (const int64_t row : order) {
    for (int64_t column = 0; column < columns; ++column) {
      numbers.push_back((static_cast<double>(row * columns + column) + shift) * scale);
    }
  }
  return fp64({static_cast<int64_t>(order.size()), columns}, std::move(numbers));
}
TensorValue entries(const std::vector<int64_t>& order, double shift, double scale) {
  TensorValue matrix = rows(order, 1, shift, scale);
  return fp64({static_cast<int64_t>(order.size())}, std::move(matrix.numbers));
}

const NamedTensor kInput = {"x", fp64({2, 1, 2}, {-0.25, 0, 0.25, 0.5})};
const NamedTensor kInitial = {"initial_h", fp64({1, 2}, {0.5, -0.5})};
const NamedConstant kWhole = {"output_sequence", Literal::boolean(true)};

TEST(InterpretedRecurrent, RnnRunsOverTheSequence) {
  const std::vector<NamedTensor> tensors = {kInput,
                                            kInitial,
                                            {"weight_ih", rows({0, 1}, 2, -1, 0.125)},
                                            {"weight_hh", rows({0, 1}, 2, -1, -0.0625)},
                                            {"bias", entries({0, 1}, 0, 1.0 / 32)}};
  expect_near(result_of("rnn", tensors, {kWhole}),
              {0.062418746747512514, 0.031239831446031256, -0.027342011772280957, 0.1777844102528409});
  const auto last = run_operation("rnn", tensors);
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ((*last)[0].type.shape(), (Shape{1, 1, 2}));
  EXPECT_EQ((*last)[1].type.shape(), (Shape{1, 2}));
  for (const TensorValue& value : *last) expect_near(value, {-0.027342011772280957, 0.1777844102528409});
}

// PyTorch's rows are reset, update, new.
TEST(InterpretedRecurrent, GruResetsAfterTheProduct) {
  const std::vector<int64_t> order = {0, 1, 4, 5, 2, 3};
  const std::vector<NamedTensor> tensors = {kInput,
                                            kInitial,
                                            {"weight_ih", rows(order, 2, -3, 0.125)},
                                            {"weight_hh", rows(order, 2, -3, -0.0625)},
                                            {"input_bias", entries(order, 0, 1.0 / 32)},
                                            {"bias", entries(order, -1, 1.0 / 64)}};
  expect_near(result_of("gru", tensors, {kWhole, {"reset_after", Literal::boolean(true)}}),
              {0.26453963422206966, -0.26431447279131765, 0.4088986228003584, 0.11203133827240896});
}

TEST(InterpretedRecurrent, GruResetsBeforeTheProductUnlessAsked) {
  const std::vector<int64_t> order = {0, 1, 2, 3, 4, 5};
  expect_near(result_of("gru", {{"x", fp64({1, 1, 1}, {1})},
                                {"initial_h", fp64({1, 2}, {0.5, -1})},
                                {"weight_ih", rows(order, 1, -2, 0.25)},
                                {"weight_hh", rows(order, 2, -5, 0.125)},
                                {"bias", entries(order, 0, 0.1)}}),
              {0.3827892948947679, -0.561236835730741});
}

// PyTorch's rows are input, forget, cell, output.
TEST(InterpretedRecurrent, LstmRunsInBothDirections) {
  const std::vector<int64_t> order = {0, 1, 2, 3, 6, 7, 4, 5};
  const std::vector<NamedTensor> tensors = {kInput,
                                            {"initial_h", fp64({1, 4}, {0.5, -0.5, 1, -1})},
                                            {"initial_c", fp64({1, 4}, {0.25, -1, 0.5, -2})},
                                            {"weight_ih", rows(order, 2, -4, 0.125)},
                                            {"weight_hh", rows(order, 2, -4, -0.0625)},
                                            {"bias", entries(order, 0, 1.0 / 32)},
                                            {"weight_ih_back", rows(order, 2, -3, 0.125)},
                                            {"weight_hh_back", rows(order, 2, -2, -0.0625)},
                                            {"bias_back", entries(order, 0, 1.0 / 32)}};
  const auto results = run_operation("lstm", tensors, {kWhole, {"direction", Literal::string("bidirectional")}});
  ASSERT_TRUE(results) << results.error().message;
  expect_near((*results)[0], {0.0721686786286519, -0.22974747292839803, 0.16366858721036587, -0.20217816026976854,
                              0.22323959922888584, 0.018708515309222205, 0.3914352734526125, -0.5583707648397297});
  expect_near((*results)[1], {0.22323959922888584, 0.018708515309222205, 0.16366858721036587, -0.20217816026976854});
  expect_near((*results)[2], {0.3073896235286604, 0.023653011732393037, 0.33171374552308597, -0.4205373289080961});
  const auto last = run_operation("lstm", tensors, {{"direction", Literal::string("bidirectional")}});
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ((*last)[0].numbers, (*results)[1].numbers);
}

// The backward half of the bidirectional run above.
TEST(InterpretedRecurrent, LstmRunsBackward) {
  const std::vector<int64_t> order = {0, 1, 2, 3, 6, 7, 4, 5};
  expect_near(result_of("lstm",
                        {kInput,
                         {"initial_h", fp64({1, 2}, {1, -1})},
                         {"initial_c", fp64({1, 2}, {0.5, -2})},
                         {"weight_ih", rows(order, 2, -3, 0.125)},
                         {"weight_hh", rows(order, 2, -2, -0.0625)},
                         {"bias", entries(order, 0, 1.0 / 32)}},
                        {kWhole, {"direction", Literal::string("reverse")}}),
              {0.16366858721036587, -0.20217816026976854, 0.3914352734526125, -0.5583707648397297});
}

TEST(InterpretedRecurrent, LstmLooksThroughPeepholesAndClips) {
  const std::vector<NamedTensor> tensors = {{"x", fp64({1, 1, 1}, {2})},
                                            {"initial_h", fp64({1, 1}, {1})},
                                            {"initial_c", fp64({1, 1}, {3})},
                                            {"weight_ih", fp64({4, 1}, {0.25, 0.5, 0.75, 1})},
                                            {"weight_hh", fp64({4, 1}, {0.5, 0.375, 0.25, 0.125})},
                                            {"peephole", fp64({3}, {0.5, -0.5, 1})}};
  const NamedConstant relu = {"activation", Literal::string("relu")};
  expect_near(result_of("lstm", tensors, {relu, {"clip", Literal::number(ElementType::fp64, 1.5)}}),
              {1.444009668983806});
  expect_near(result_of("lstm", tensors, {relu}), {2.2652323883355674});
}

TEST(InterpretedRecurrent, AnUnknownActivationIsNamed) {
  EXPECT_EQ(
      error_of("rnn", {kInput, kInitial, {"weight_ih", rows({0, 1}, 2, 0, 1)}, {"weight_hh", rows({0, 1}, 2, 0, 1)}},
               {{"activation", Literal::string("swish")}}),
      "tested (rnn): activation is \"swish\", expected sigmoid, tanh, relu, linear or sigmoid_hard");
}

}  // namespace
}  // namespace millwright::mil
