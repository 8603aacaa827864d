// Image resizing against numbers worked out by hand from the definitions of the sampling modes.
#include <gtest/gtest.h>

#include <numeric>

#include "cpu/function_run.h"
#include "mil/parser.h"

namespace millwright::cpu {
namespace {

// The results of one operation on an image of the numbers 0, 1, 2, … of the given shape.
std::vector<double> run_on_counted(const std::string& type, const std::string& result, const std::string& operation) {
  const auto program = mil::parse_program(
      "program(1.3) { func main<ios17>(" + type + " x) {\n" + result + " y = " + operation + ";\n} -> (y); }", "a.mil");
  if (!program) {
    ADD_FAILURE() << program.error().message;
    return {};
  }
  const mil::Function& function = *program->functions().front();
  const mil::Type& declared = function.inputs().front()->type();
  std::vector<double> numbers(static_cast<size_t>(declared.count()));
  std::iota(numbers.begin(), numbers.end(), 0.0);
  const std::vector<mil::Literal> inputs = {mil::Literal::numbers(declared, numbers)};
  const auto run = run_function(function, inputs, 1);
  if (!run) {
    ADD_FAILURE() << run.error().message;
    return {};
  }
  return run->results.front().as_numbers();
}

using Numbers = std::vector<double>;

TEST(ImageResizing, NearestNeighboursAreCopies) {
  EXPECT_EQ(run_on_counted("tensor<fp16, [1, 1, 2, 2]>", "tensor<fp16, [1, 1, 4, 4]>",
                           "upsample_nearest_neighbor(scale_factor_height = fp32(2), scale_factor_width = fp32(2), "
                           "x = x)"),
            (Numbers{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3}));
  EXPECT_EQ(run_on_counted("tensor<int32, [1, 1, 2, 3]>", "tensor<int32, [1, 1, 3, 2]>",
                           "resize_nearest_neighbor(target_size_height = int32(3), target_size_width = int32(2), "
                           "x = x)"),
            (Numbers{0, 1, 0, 1, 3, 4}));
}

// An image of one row: 0, 1, 2, 3 or 0, 1.
TEST(ImageResizing, UpsamplingAlignsCornersOrPixels) {
  const std::string operation = "upsample_bilinear(scale_factor_height = fp32(1), scale_factor_width = fp32(2), x = x";
  const std::string image = "tensor<fp32, [1, 1, 1, 2]>";
  const std::string result = "tensor<fp32, [1, 1, 1, 4]>";
  const Numbers aligned = run_on_counted(image, result, operation + ", align_corners = bool(true))");
  ASSERT_EQ(aligned.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(aligned[i], static_cast<double>(i) / 3, 1e-6);
  EXPECT_EQ(run_on_counted(image, result, operation + ", align_corners = bool(false))"), (Numbers{0, 0.25, 0.75, 1}));
  EXPECT_EQ(
      run_on_counted(image, result, operation + ", align_corners = bool(false), half_pixel_centers = bool(false))"),
      (Numbers{0, 0.5, 1, 1}));
}

TEST(ImageResizing, SamplingModesSayWhereSamplesLie) {
  const auto resized = [](const std::string& mode, int count) {
    return run_on_counted("tensor<fp32, [1, 1, 1, 4]>", "tensor<fp32, [1, 1, 1, " + std::to_string(count) + "]>",
                          "resize_bilinear(sampling_mode = string(\"" + mode +
                              "\"), target_size_height = int32(1), target_size_width = int32(" + std::to_string(count) +
                              "), x = x)");
  };
  EXPECT_EQ(resized("DEFAULT", 2), (Numbers{0, 2}));
  EXPECT_EQ(resized("STRICT_ALIGN_CORNERS", 2), (Numbers{0, 3}));
  EXPECT_EQ(resized("STRICT_ALIGN_CORNERS", 1), (Numbers{0}));
  EXPECT_EQ(resized("ALIGN_CORNERS", 1), (Numbers{1.5}));
  EXPECT_EQ(resized("UNALIGN_CORNERS", 2), (Numbers{0.5, 2.5}));
  EXPECT_EQ(resized("OFFSET_CORNERS", 2), (Numbers{0.75, 2.25}));
}

// Rows first 0 … 5; both axes halve between neighbours.
TEST(ImageResizing, BothAxesAreInterpolated) {
  EXPECT_EQ(run_on_counted("tensor<fp16, [1, 1, 2, 3]>", "tensor<fp16, [1, 1, 3, 5]>",
                           "resize(interpolation_mode = string(\"LINEAR\"), resized_dims = int32(2), sampling_mode = "
                           "string(\"STRICT_ALIGN_CORNERS\"), shape = tensor<int32, [2]>([3, 5]), x = x)"),
            (Numbers{0, 0.5, 1, 1.5, 2, 1.5, 2, 2.5, 3, 3.5, 3, 3.5, 4, 4.5, 5}));
}

TEST(ImageResizing, CropsCutBordersOff) {
  EXPECT_EQ(run_on_counted("tensor<fp16, [1, 1, 4, 4]>", "tensor<fp16, [1, 1, 2, 1]>",
                           "crop(crop_height = tensor<int32, [2]>([1, 1]), crop_width = tensor<int32, [2]>([0, 3]), "
                           "x = x)"),
            (Numbers{4, 8}));
}

TEST(ImageResizing, WhatNobodySaysIsRefused) {
  const auto program = mil::parse_program(
      "program(1.3) { func main<ios17>(tensor<fp32, [1, 1, 2, 2]> x) {\n"
      "tensor<fp32, [1, 1, 4, 4]> y = resize(interpolation_mode = string(\"NEAREST_NEIGHBOR\"), resized_dims = "
      "int32(2), sampling_mode = string(\"OFFSET_CORNERS\"), shape = tensor<int32, [2]>([4, 4]), x = x);\n} -> (y); }",
      "a.mil");
  ASSERT_TRUE(program) << program.error().message;
  const mil::Function& function = *program->functions().front();
  const std::vector<mil::Literal> inputs = {
      mil::Literal::numbers(function.inputs().front()->type(), Numbers{1, 2, 3, 4})};
  const auto run = run_function(function, inputs, 1);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().message,
            "line 2, y (resize): the CPU executor has no kernel for this operation with the result tensor<fp32, [1, 1, "
            "4, 4]>");
}

}  // namespace
}  // namespace millwright::cpu
