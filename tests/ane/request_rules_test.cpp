// The rules of surfaces (U1, U2): sizes, order, offsets; and how tensors lie in surfaces.
#include <gtest/gtest.h>

#include "ane/rule_testing.h"
#include "ane/rules/surface_layout.h"

namespace millwright::ane {
namespace {

using testing::chip;
using testing::parsed;
using testing::program_text;
using testing::texts;

// y = relu(x).
std::string relu_of(std::string_view type) {
  return program_text(fmt::format("{} x", type), fmt::format("{} y = relu(x = x)[name = string(\"y\")];", type), "y");
}

// Two inputs of different sizes, declared against the order of their names, and two outputs likewise.
std::string swapped() {
  return program_text("tensor<fp16, [1, 8, 1, 32]> x, tensor<fp16, [1, 4, 1, 32]> W",
                      "tensor<fp16, [1, 8, 1, 32]> z = relu(x = x)[name = string(\"z\")];\n"
                      "tensor<fp16, [1, 4, 1, 32]> a = relu(x = W)[name = string(\"a\")];",
                      "z, a");
}

std::vector<std::string> check(const std::string& text, const std::vector<SurfaceUse>& inputs,
                               const std::vector<SurfaceUse>& outputs, std::string_view profile) {
  const mil::Program program = parsed(text);
  return texts(check_request({*program.functions()[0], inputs, outputs}, chip(profile)));
}

const std::string kRefused =
    "; the evaluation is refused (0x1d, Program Inference error); make the surface larger, or choose widths whose rows "
    "are multiples of 64 bytes";
using Lines = std::vector<std::string>;

// C30. The widths that rustane swept in fp32 with packed surfaces.
TEST(RequestRules, PackedSurfacesOfWidthsThatAreNoMultiplesOf64BytesAreRefused) {
  for (const int64_t width : {1, 8, 20, 24, 28}) {
    const std::string text = relu_of(fmt::format("tensor<fp32, [1, 4, 1, {}]>", width));
    EXPECT_EQ(check(text, {{4 * width * 4}}, {{4 * width * 4}}, "m4").size(), 2u) << width;
    EXPECT_EQ(check(text, {{4 * width * 4}}, {{4 * width * 4}}, "m4+packed"), Lines{}) << width;
  }
  for (const int64_t width : {16, 32, 48, 64}) {
    const std::string text = relu_of(fmt::format("tensor<fp32, [1, 4, 1, {}]>", width));
    EXPECT_EQ(check(text, {{4 * width * 4}}, {{4 * width * 4}}, "m4"), Lines{}) << width;
  }
}

// C30 and C39.
TEST(RequestRules, OneByteLessThanEveryRowTakesIsRefused) {
  const std::string text = relu_of("tensor<fp16, [1, 768, 1, 16]>");
  EXPECT_EQ(check(text, {{49151}}, {{49152}}, "m4"),
            Lines{"C30 error at evaluate: input surface 0 (x): has 49151 bytes, tensor<fp16, [1, 768, 1, 16]> needs "
                  "49152: rows of 64 bytes" +
                  kRefused});
  EXPECT_EQ(check(text, {{49152}}, {{49151}}, "m4"),
            Lines{"C30 error at evaluate: output surface 0 (y): has 49151 bytes, tensor<fp16, [1, 768, 1, 16]> needs "
                  "49152: rows of 64 bytes" +
                  kRefused});
  EXPECT_EQ(check(text, {{49152}}, {{49152}}, "m4"), Lines{});
}

// C31: such surfaces run under the option, whatever their size; the program is warned about instead.
TEST(RequestRules, NarrowSurfacesRunWhereTheyGiveZeros) {
  const std::string narrow = relu_of("tensor<fp16, [1, 4, 1, 16]>");
  EXPECT_EQ(check(narrow, {{128}}, {{128}}, "m5+zeros"), Lines{});
  EXPECT_EQ(check(narrow, {{128}}, {{128}}, "m5").size(), 2u);
  const std::string wide = relu_of("tensor<fp16, [1, 4, 1, 48]>");
  EXPECT_EQ(check(wide, {{384}}, {{512}}, "m5+zeros").size(), 1u);
}

// C32.
TEST(RequestRules, OversizedSurfacesAreReadFromTheirStart) {
  const std::string text = relu_of("tensor<fp16, [1, 4, 1, 32]>");
  EXPECT_EQ(check(text, {{257}}, {{256}}, "m4"),
            Lines{"C32 warning silent: input surface 0 (x): has 257 bytes, tensor<fp16, [1, 4, 1, 32]> takes 256; the "
                  "tensor lies at the start of the surface, row after row, not spread over it; give the surface the "
                  "tensor's size"});
  EXPECT_EQ(check(text, {{256}}, {{256}}, "m4"), Lines{});
}

// C33: the first surface belongs to W, the second to x, whatever the declaration says.
TEST(RequestRules, SurfacesAreMeasuredAgainstTheTensorThatTheyBindTo) {
  const std::vector<SurfaceUse> declared = {{512}, {256}};
  const std::vector<SurfaceUse> sorted = {{256}, {512}};
  EXPECT_EQ(check(swapped(), sorted, sorted, "m4"), Lines{});
  EXPECT_EQ(check(swapped(), declared, declared, "m4+declaration"), Lines{});
  const std::string too_large =
      "; the tensor lies at the start of the surface, row after row, not spread over it; give the surface the tensor's "
      "size";
  EXPECT_EQ(
      check(swapped(), declared, sorted, "m4"),
      (Lines{"C30 error at evaluate: input surface 1 (x): has 256 bytes, tensor<fp16, [1, 8, 1, 32]> needs 512: rows "
             "of 64 bytes" +
                 kRefused,
             "C32 warning silent: input surface 0 (W): has 512 bytes, tensor<fp16, [1, 4, 1, 32]> takes 256" +
                 too_large}));
}

// C34.
TEST(RequestRules, EqualSizesAreAnOption) {
  const std::string option = "m4 surfaces.equal_sizes=true";
  const std::string text = swapped();
  EXPECT_EQ(check(text, {{256}, {512}}, {{256}, {512}}, option),
            Lines{"C34 error at evaluate: evaluation: its surfaces have 256 to 512 bytes; the evaluation is refused "
                  "(0x1d, Program Inference error); give every surface the size of the largest"});
  const std::string square = relu_of("tensor<fp16, [1, 4, 1, 32]>");
  EXPECT_EQ(check(square, {{256}}, {{256}}, option), Lines{});
}

// C35.
TEST(RequestRules, TheOrderOfSizesIsAnOption) {
  const std::string option = "m1 surfaces.m1_order=true";
  const std::string text = program_text("tensor<fp16, [1, 32, 32]> a, tensor<fp16, [1, 64, 32]> b",
                                        "tensor<fp16, [1, 32, 32]> c = relu(x = a)[name = string(\"c\")];\n"
                                        "tensor<fp16, [1, 64, 32]> d = relu(x = b)[name = string(\"d\")];",
                                        "c, d");
  EXPECT_EQ(
      check(text, {{2048}, {4096}}, {{2048}, {4096}}, option),
      Lines{"C35 warning silent: output surface 1: is larger than the one before it; every element is zero; order "
            "the surfaces by size"});
  const std::string other_way = program_text("tensor<fp16, [1, 64, 32]> a, tensor<fp16, [1, 32, 32]> b",
                                             "tensor<fp16, [1, 64, 32]> c = relu(x = a)[name = string(\"c\")];\n"
                                             "tensor<fp16, [1, 32, 32]> d = relu(x = b)[name = string(\"d\")];",
                                             "c, d");
  EXPECT_EQ(
      check(other_way, {{4096}, {2048}}, {{4096}, {2048}}, option),
      Lines{"C35 warning silent: input surface 1: is smaller than the one before it; every element is zero; order "
            "the surfaces by size"});
  EXPECT_EQ(check(other_way, {{4096}, {2048}}, {{4096}, {2048}}, "m1"), Lines{});
  const std::string small = relu_of("tensor<fp16, [1, 4, 32]>");
  EXPECT_EQ(check(small, {{256}}, {{256}}, option),
            (Lines{"C35 warning silent: input surface 0: has 256 bytes, fewer than 2048; every element is zero; order "
                   "the surfaces by size",
                   "C35 warning silent: output surface 0: has 256 bytes, fewer than 2048; every element is zero; order "
                   "the surfaces by size"}));
  const std::string large = relu_of("tensor<fp16, [1, 32, 32]>");
  EXPECT_EQ(check(large, {{2048}}, {{2048}}, option), Lines{});
}

// C3B.
TEST(RequestRules, OffsetsAreIgnored) {
  const std::string text = relu_of("tensor<fp16, [1, 4, 1, 32]>");
  EXPECT_EQ(
      check(text, {{.bytes = 256, .start_offset = 64}}, {{256}}, "m4"),
      Lines{"C3B warning silent: input surface 0: begins at byte 64; the offset is ignored; make a surface of its "
            "own"});
  EXPECT_EQ(check(text, {{.bytes = 256, .start_offset = 0}}, {{256}}, "m4"), Lines{});
}

// C3C.
TEST(RequestRules, AlignmentIsAnOption) {
  const std::string text = relu_of("tensor<fp16, [1, 4, 1, 32]>");
  const std::vector<SurfaceUse> odd = {{.bytes = 256, .address = 64}};
  EXPECT_EQ(check(text, {{256}}, odd, "m5 surfaces.alignment=128"),
            Lines{"C3C error at evaluate: output surface 0: its address is no multiple of 128 bytes; the evaluation is "
                  "refused; align the surface"});
  EXPECT_EQ(check(text, {{256}}, {{.bytes = 256, .address = 128}}, "m5 surfaces.alignment=128"), Lines{});
  EXPECT_EQ(check(text, {{256}}, odd, "m5"), Lines{});
}

// U1: what LiveInputList says of fp16 [1, 4, 1, 4], and the rounding of odd widths.
TEST(SurfaceLayout, RowsAreRoundedUpTo64Bytes) {
  const auto type = [](mil::ElementType element, mil::Shape shape) {
    return mil::Type::tensor(element, std::move(shape));
  };
  EXPECT_EQ(row_stride(type(mil::ElementType::fp16, {1, 4, 1, 4}), SurfaceRows::padded), 64);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp16, {1, 4, 1, 4}), SurfaceRows::padded), 256);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp16, {1, 4, 1, 4}), SurfaceRows::packed), 32);
  EXPECT_EQ(row_stride(type(mil::ElementType::fp16, {1, 1, 1, 33}), SurfaceRows::padded), 128);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp32, {2, 3, 5, 16}), SurfaceRows::padded), 30 * 64);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp16, {}), SurfaceRows::padded), 64);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp16, {1, 0, 1, 4}), SurfaceRows::padded), 0);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp16, {1, 4, 1, 0}), SurfaceRows::padded), 0);
  EXPECT_EQ(surface_bytes(type(mil::ElementType::fp16, {int64_t{1} << 30, int64_t{1} << 29, 1}), SurfaceRows::padded),
            std::numeric_limits<int64_t>::max());
}

// U2: capitals come before small letters, and equal prefixes before longer names.
TEST(SurfaceLayout, NamesBindInAsciiOrder) {
  const std::vector<std::string_view> names = {"x", "W", "a1", "a", "_b", "a10", "a2"};
  const std::vector<size_t> sorted = {1, 4, 3, 2, 5, 6, 0};
  EXPECT_EQ(binding_order(names, Binding::alphabetical), sorted);
  EXPECT_EQ(binding_order(names, Binding::declaration), (std::vector<size_t>{0, 1, 2, 3, 4, 5, 6}));
}

}  // namespace
}  // namespace millwright::ane
