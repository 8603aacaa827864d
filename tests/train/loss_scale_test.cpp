#include "train/loss_scale.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace millwright::train {
namespace {

TEST(LossScaleTest, CallsInfinityNanAndTheLimitAnOverflow) {
  EXPECT_FALSE(LossScale::is_overflow(32767));
  EXPECT_TRUE(LossScale::is_overflow(32768));
  EXPECT_TRUE(LossScale::is_overflow(std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(LossScale::is_overflow(std::nan("")));
}

TEST(LossScaleTest, ShrinksUntilItCannot) {
  LossScale scale{.scale = 256};
  int64_t times = 0;
  while (scale.shrink_after_overflow()) ++times;
  EXPECT_EQ(scale.scale, LossScale::kSmallest);
  EXPECT_EQ(times, 5);  // 16, 1, 1/16, 1/256, 1/1024
}

TEST(LossScaleTest, GrowsAfterQuietUpdatesInARow) {
  LossScale scale{.scale = 256};
  for (int64_t i = 0; i < LossScale::kQuietUpdates - 1; ++i) scale.follow(100);
  EXPECT_EQ(scale.scale, 256);
  scale.follow(5000);  // neither quiet nor near the limit: counting begins anew
  for (int64_t i = 0; i < LossScale::kQuietUpdates - 1; ++i) scale.follow(100);
  EXPECT_EQ(scale.scale, 256);
  scale.follow(100);
  EXPECT_EQ(scale.scale, 512);
}

TEST(LossScaleTest, ShrinksBeforeTheLimitIsReached) {
  LossScale scale{.scale = 256};
  scale.follow(16384);
  EXPECT_EQ(scale.scale, 128);
}

TEST(LossScaleTest, StaysInItsRange) {
  LossScale largest{.scale = LossScale::kLargest};
  for (int64_t i = 0; i < 2 * LossScale::kQuietUpdates; ++i) largest.follow(0);
  EXPECT_EQ(largest.scale, LossScale::kLargest);
}

TEST(LossScaleTest, StaysAsTheUserSetIt) {
  LossScale fixed{.scale = 256, .is_adaptive = false};
  for (int64_t i = 0; i < 2 * LossScale::kQuietUpdates; ++i) fixed.follow(0);
  fixed.follow(30000);
  EXPECT_FALSE(fixed.shrink_after_overflow());
  EXPECT_EQ(fixed.scale, 256);
}

}  // namespace
}  // namespace millwright::train
