// How the engine sees surfaces: the catalogue's C30 to C3E.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/half.h"
#include "device/emulated/surface_layout.h"
#include "device/emulated_testing.h"

namespace millwright::device {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

mil::Type fp16(mil::Shape shape) { return mil::Type::tensor(mil::ElementType::fp16, std::move(shape)); }

// [iron]: fp16 [1, 4, 1, 4] has RowStride 64, PlaneStride 64, BatchStride 256.
TEST(SurfaceLayout, PadsEveryRowToSixtyFourBytes) {
  const SurfaceLayout layout = surface_layout(fp16({1, 4, 1, 4}), ane::SurfaceRows::padded);
  EXPECT_EQ(layout.row_stride, 64);
  EXPECT_EQ(layout.bytes(), 256);
  EXPECT_FALSE(layout.is_packed());
}

// [or #4]: 49,152 bytes for 768 channels of one fp16 row each.
TEST(SurfaceLayout, ExplainsTheMinimumOfFortyNineThousandBytes) {
  EXPECT_EQ(surface_layout(fp16({1, 768, 1, 16}), ane::SurfaceRows::padded).bytes(), 49152);
}

TEST(SurfaceLayout, IsPackedForWidthsOfWholeSixtyFourBytes) {
  EXPECT_TRUE(surface_layout(fp16({1, 768, 1, 32}), ane::SurfaceRows::padded).is_packed());
  EXPECT_FALSE(surface_layout(fp16({1, 768, 1, 33}), ane::SurfaceRows::padded).is_packed());
  EXPECT_TRUE(surface_layout(fp16({1, 768, 1, 33}), ane::SurfaceRows::packed).is_packed());
}

TEST(SurfaceLayout, TakesAScalarForOneRow) {
  EXPECT_EQ(surface_layout(mil::Type::scalar(mil::ElementType::fp32), ane::SurfaceRows::padded).bytes(), 64);
}

TEST(SurfaceLayout, GivesBackWhatItPacked) {
  const SurfaceLayout layout = surface_layout(fp16({3, 5}), ane::SurfaceRows::padded);
  std::vector<std::byte> elements(30);
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<std::byte>(i + 1);
  std::vector<std::byte> surface(static_cast<size_t>(layout.bytes()), std::byte{0xee});
  pack_rows(layout, elements.data(), surface.data());
  EXPECT_EQ(surface[10], std::byte{0xee});  // padding is left alone
  EXPECT_EQ(surface[64], std::byte{11});
  std::vector<std::byte> back(30);
  unpack_rows(layout, surface.data(), back.data());
  EXPECT_EQ(back, elements);
}

// main(a [1, 2, 1, 32], b [1, 2, 1, 32]) → (difference = a − b): the order of the surfaces shows.
std::unique_ptr<mil::Function> difference(const std::string& first, const std::string& second) {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  mil::Value* x = b.input(first, fp16({1, 2, 1, 32}));
  mil::Value* y = b.input(second, fp16({1, 2, 1, 32}));
  function->block().set_results({b.sub(x, y, "difference")});
  return function;
}

TEST(EmulatedSurfaces, BindInTheOrderOfTheirNames) {
  for (const bool declared_is_sorted : {true, false}) {
    Engine engine;
    const auto executable = engine.loaded(declared_is_sorted ? difference("a", "b") : difference("b", "a"));
    const Surface first = filled_halves({1, 2, 1, 32}, 5);
    const Surface second = filled_halves({1, 2, 1, 32}, 3);
    Surface result = filled_halves({1, 2, 1, 32}, 0);
    ASSERT_TRUE(evaluate(*executable, {&first, &second}, {&result}).has_value());
    // Declared (b, a): the first surface still goes to a, so the program computes b − a = 3 − 5.
    EXPECT_EQ(half_at(result, 0), declared_is_sorted ? 2 : -2);
  }
}

TEST(EmulatedSurfaces, BindAsDeclaredWhereTheProfileSaysSo) {
  Engine engine([](ane::ChipProfile& profile) { profile.surfaces.binding.value = ane::Binding::declaration; });
  const auto executable = engine.loaded(difference("b", "a"));
  const Surface first = filled_halves({1, 2, 1, 32}, 5);
  const Surface second = filled_halves({1, 2, 1, 32}, 3);
  Surface result = filled_halves({1, 2, 1, 32}, 0);
  ASSERT_TRUE(evaluate(*executable, {&first, &second}, {&result}).has_value());
  EXPECT_EQ(half_at(result, 0), 2);
}

// main(x [1, 2, 1, 4]) → (y = x + x): rows of 8 bytes.
std::unique_ptr<mil::Function> narrow() {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  mil::Value* x = b.input("x", fp16({1, 2, 1, 4}));
  function->block().set_results({b.add(x, x, "y")});
  return function;
}

TEST(EmulatedSurfaces, AreRefusedWhenOneByteTooSmall) {
  Engine engine;
  const auto executable = engine.loaded(narrow());
  EXPECT_EQ(executable->surface_bytes(executable->inputs()[0]), 128);
  Surface small = *Surface::allocate_bytes(127);
  Surface exact = *Surface::allocate_bytes(128);
  Surface result = *Surface::allocate_bytes(128);
  const Status refused = evaluate(*executable, {&small}, {&result});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message,
              StartsWith("program main: evaluate failed: ANEProgramProcessRequestDirect() Failed with status=0x1d : "
                         "Program Inference error: C30 "));
  EXPECT_THAT(refused.error().message, HasSubstr("has 127 bytes, tensor<fp16, [1, 2, 1, 4]> needs 128"));
  EXPECT_TRUE(evaluate(*executable, {&exact}, {&result}).has_value());
}

TEST(EmulatedSurfaces, AreReadRowByRowFromTheirStart) {
  Engine engine;
  const auto executable = engine.loaded(narrow());
  Surface x = *Surface::allocate_bytes(1024);  // oversized: the rest is not looked at (C32)
  Surface y = *Surface::allocate_bytes(128);
  set_half(x, 0, 1);
  set_half(x, 32, 7);   // second row: 64 bytes on
  set_half(x, 4, 100);  // padding of the first row
  ASSERT_TRUE(evaluate(*executable, {&x}, {&y}).has_value());
  EXPECT_EQ(half_at(y, 0), 2);
  EXPECT_EQ(half_at(y, 32), 14);
  EXPECT_EQ(half_at(y, 4), 0);
}

TEST(EmulatedSurfaces, GiveZerosWhereTheProfileSaysThatNarrowOnesDo) {
  Engine engine([](ane::ChipProfile& profile) { profile.surfaces.narrow.value = ane::NarrowSurfaces::zeros; });
  const auto executable = engine.loaded(narrow());
  Surface x = filled_halves({1, 2, 1, 4}, 3);
  Surface y = filled_halves({1, 2, 1, 4}, 9);
  ASSERT_TRUE(evaluate(*executable, {&x}, {&y}).has_value());
  EXPECT_EQ(half_at(y, 0), 0);
}

TEST(EmulatedSurfaces, ArePackedWhereTheProfileSaysSo) {
  Engine engine([](ane::ChipProfile& profile) { profile.surfaces.rows.value = ane::SurfaceRows::packed; });
  const auto executable = engine.loaded(narrow());
  Surface x = filled_halves({1, 2, 1, 4}, 3);
  Surface y = filled_halves({1, 2, 1, 4}, 9);
  ASSERT_TRUE(evaluate(*executable, {&x}, {&y}).has_value());
  EXPECT_EQ(half_at(y, 7), 6);
}

TEST(EmulatedSurfaces, NeedOneSizeWhereTheProfileSaysSo) {
  const auto equal = [](ane::ChipProfile& profile) { profile.surfaces.equal_sizes.value = true; };
  Engine engine(equal);
  const auto executable = engine.loaded(narrow());
  Surface x = *Surface::allocate_bytes(128);
  Surface y = *Surface::allocate_bytes(192);
  const Status refused = evaluate(*executable, {&x}, {&y});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("0x1d"));
  EXPECT_THAT(refused.error().message, HasSubstr("C34"));
}

TEST(EmulatedSurfaces, GiveZerosInTheWrongOrderOfAnM1) {
  Engine engine([](ane::ChipProfile& profile) { profile.surfaces.m1_order.value = true; });
  const auto executable = engine.loaded(difference("a", "b"));
  Surface large = *Surface::allocate_bytes(8192);
  Surface small = *Surface::allocate_bytes(4096);
  set_half(large, 0, 5);
  set_half(small, 0, 5);
  Surface result = *Surface::allocate_bytes(4096);
  ASSERT_TRUE(evaluate(*executable, {&small, &large}, {&result}).has_value());
  set_half(large, 0, 1);
  ASSERT_TRUE(evaluate(*executable, {&small, &large}, {&result}).has_value());
  EXPECT_EQ(half_at(result, 0), 4);
  ASSERT_TRUE(evaluate(*executable, {&large, &small}, {&result}).has_value());
  EXPECT_EQ(half_at(result, 0), 0);
}

TEST(EmulatedSurfaces, AreAtMostAsManyAsOneEvaluationHolds) {
  const auto three = [](ane::ChipProfile& profile) { profile.limits.surface_slots.value = 3; };
  const auto two = [](ane::ChipProfile& profile) { profile.limits.surface_slots.value = 2; };
  Surface a = filled_halves({1, 2, 1, 32}, 5);
  Surface b = filled_halves({1, 2, 1, 32}, 3);
  Surface result = filled_halves({1, 2, 1, 32}, 0);
  Engine enough(three);
  EXPECT_TRUE(evaluate(*enough.loaded(difference("a", "b")), {&a, &b}, {&result}).has_value());
  Engine too_few(two);
  const auto refused = too_few.compiled(difference("a", "b"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("compile failed on m4: C3D"));
}

// What stays silent is a warning of the request, and an error under strictness (C32).
TEST(EmulatedSurfaces, AreRefusedWhenTooLargeUnderStrictness) {
  Surface large = *Surface::allocate_bytes(192);
  Surface result = *Surface::allocate_bytes(128);
  const auto bound = [&](Executable& executable) {
    return executable.bind(std::vector<Surface*>{&large}, std::vector<Surface*>{&result});
  };
  Engine engine;
  const auto executable = engine.loaded(narrow());
  const auto request = bound(*executable);
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT((*request)->warnings(), ::testing::ElementsAre(StartsWith("C32 warning silent: input surface 0 (x)")));
  EXPECT_TRUE((*request)->evaluate().has_value());

  Engine strict(EmulatedOptions{.profile = profile_of("m4"), .strict = true});
  const auto checked = strict.loaded(narrow());
  const auto refused = bound(*checked);
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT((*refused)->warnings(), ::testing::IsEmpty());
  const Status status = (*refused)->evaluate();
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message, HasSubstr("C32 error silent: input surface 0 (x)"));
}

}  // namespace
}  // namespace millwright::device
