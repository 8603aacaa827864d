#include "ane/chip_profile.h"

#include <gmock/gmock.h>

#include "ane/profile_fields.h"

namespace millwright::ane {
namespace {

TEST(ChipProfile, EveryBuiltInProfileAndVariantReads) {
  for (const std::string& name : profile_names()) {
    const auto profile = find_profile(name);
    ASSERT_TRUE(profile.has_value()) << profile.error().message;
    EXPECT_EQ(profile->name, name);
    EXPECT_FALSE(profile->title.empty());
    for (const std::string& variant : variant_names()) {
      const auto varied = find_profile(name + "+" + variant);
      ASSERT_TRUE(varied.has_value()) << varied.error().message;
      EXPECT_EQ(varied->name, name + "+" + variant);
    }
  }
}

TEST(ChipProfile, TheFiveGenerationsAreThere) {
  EXPECT_THAT(profile_names(), testing::IsSupersetOf({"m1", "m2", "m3", "m4", "m5"}));
}

}  // namespace
}  // namespace millwright::ane
