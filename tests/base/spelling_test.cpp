#include "base/spelling.h"

#include <gtest/gtest.h>

#include <array>

namespace millwright {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"train", "tokenize", "generate", "stories15m"};

TEST(Spelling, FindsTheNameWithTheFewestChanges) {
  EXPECT_EQ(nearest_spelling("train", kNames), "train");
  EXPECT_EQ(nearest_spelling("trian", kNames), "train");         // two letters changed
  EXPECT_EQ(nearest_spelling("trin", kNames), "train");          // one missing
  EXPECT_EQ(nearest_spelling("tokennize", kNames), "tokenize");  // one too many
  EXPECT_EQ(nearest_spelling("storys15m", kNames), "stories15m");
}

TEST(Spelling, FindsNothingForAnotherWord) {
  EXPECT_EQ(nearest_spelling("xylophone", kNames), "");
  EXPECT_EQ(nearest_spelling("train", {}), "");
}

TEST(Spelling, TakesTheFirstOfEquallyNearNames) {
  constexpr std::array<std::string_view, 2> names = {"cat", "bat"};
  EXPECT_EQ(nearest_spelling("rat", names), "cat");
}

}  // namespace
}  // namespace millwright
