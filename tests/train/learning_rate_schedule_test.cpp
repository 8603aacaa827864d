#include "train/learning_rate_schedule.h"

#include <gtest/gtest.h>

namespace millwright::train {
namespace {

constexpr LearningRateSchedule kSchedule{.peak = 2.0, .floor_ratio = 0.1, .warmup = 10, .updates = 110};

TEST(LearningRateSchedule, RisesInAStraightLine) {
  EXPECT_DOUBLE_EQ(kSchedule.at(1), 0.2);
  EXPECT_DOUBLE_EQ(kSchedule.at(5), 1.0);
  EXPECT_DOUBLE_EQ(kSchedule.at(10), 2.0);
}

TEST(LearningRateSchedule, FallsAsHalfACosineToTheFloor) {
  EXPECT_DOUBLE_EQ(kSchedule.at(60), 2.0 * (0.1 + 0.9 * 0.5));                               // half of the way
  EXPECT_NEAR(kSchedule.at(35), 2.0 * (0.1 + 0.9 * (0.5 + 0.25 * 1.4142135623731)), 1e-12);  // a quarter: cos 45°
  EXPECT_DOUBLE_EQ(kSchedule.at(110), 0.2);
}

TEST(LearningRateSchedule, StaysAtTheFloorBehindTheEnd) { EXPECT_DOUBLE_EQ(kSchedule.at(1000), 0.2); }

TEST(LearningRateSchedule, BeginsNearThePeakWithoutWarmup) {
  const LearningRateSchedule schedule{.peak = 1.0, .floor_ratio = 0.0, .warmup = 0, .updates = 4};
  EXPECT_NEAR(schedule.at(1), 0.5 + 0.5 * 0.70710678118655, 1e-12);
  EXPECT_NEAR(schedule.at(4), 0.0, 1e-15);
}

TEST(LearningRateSchedule, TakesASingleUpdate) {
  const LearningRateSchedule schedule{.peak = 1.0, .floor_ratio = 0.5, .warmup = 0, .updates = 1};
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.5);
}

}  // namespace
}  // namespace millwright::train
