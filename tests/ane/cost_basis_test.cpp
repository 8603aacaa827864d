#include "ane/cost_basis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millwright::ane {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;

std::vector<BasisLine> basis(std::string_view chip, std::vector<CostPart> parts) {
  return cost_basis(*find_profile(chip), parts);
}

TEST(CostBasis, SaysWhatWasFittedForTheChipItself) {
  const std::vector<BasisLine> lines = basis("m4", {CostPart::time});
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].origin, "fitted to published measurements (profile m4)");
  EXPECT_THAT(lines[0].constants, ElementsAre("cost.floor_ms", "cost.peak_tflops", "cost.half_rate_positions",
                                              "cost.weight_gbps", "cost.activation_gbps", "cost.stride_conflict"));
  EXPECT_THAT(lines[1].constants, ElementsAre("cost.on_chip_bytes_per_flop"));
  EXPECT_THAT(lines[2].constants, ElementsAre("memory.operand_bytes"));
  EXPECT_EQ(lines[2].origin, "guide ch24 (profile common)");
  EXPECT_THAT(lines[3].constants, ElementsAre("memory.on_chip_model"));
}

// An M4 Pro has no rows of its own: its constants are the M4's, and the lines say so.
TEST(CostBasis, NamesTheProfileThatAConstantWasTakenFrom) {
  EXPECT_EQ(basis("m4-pro", {CostPart::time})[0].origin, "fitted to published measurements (profile m4)");
  EXPECT_THAT(basis("m2", {CostPart::compile}),
              ElementsAre(Field(&BasisLine::origin, "inference: taken from M4 (profile m2)")));
  EXPECT_THAT(basis("m4", {CostPart::energy}),
              Contains(Field(&BasisLine::origin,
                             "mxP2: at 19 TFLOPS; no other chip reaches 6.6 TFLOPS/W [guide ch31] (profile m4)")));
}

TEST(CostBasis, NamesVariantsAndUsersProfiles) {
  const auto profile = parse_profile(
      R"({"name": "mine", "base": "m4", "cost": {"compile_ms": {"value": 5, "source": "my clock"}}})", "p.json");
  ASSERT_TRUE(profile.has_value());
  constexpr CostPart kCompile[] = {CostPart::compile};
  const std::vector<BasisLine> lines = cost_basis(*profile, kCompile);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].origin, "fitted to published measurements (profile m4)");
  EXPECT_EQ(lines[1].origin, "my clock (profile mine)");
  EXPECT_EQ(find_profile("m4+macos26")->lifecycle.compile_budget.profile, "variant-macos26");
}

TEST(CostBasis, ListsUnknownConstantsAsSuch) {
  const auto profile = parse_profile(
      R"({"name": "mine", "base": "m4", "power": {"compute_w": {"value": "unknown", "source": "x"}}})", "");
  ASSERT_TRUE(profile.has_value());
  constexpr CostPart kEnergy[] = {CostPart::energy};
  EXPECT_THAT(cost_basis(*profile, kEnergy), Contains(Field(&BasisLine::origin, "unknown")));
}

}  // namespace
}  // namespace millwright::ane
