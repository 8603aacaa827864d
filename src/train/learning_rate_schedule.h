// Linear warm-up, then half a cosine down to a floor (Loshchilov and Hutter, 2017), as a pure function of the update.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace millwright::train {

struct LearningRateSchedule {
  double peak = 0;
  double floor_ratio = 0;  // the last update's rate over the peak
  int64_t warmup = 0;      // updates; the first has peak / warmup, number `warmup` has the peak
  int64_t updates = 0;     // of the whole run

  // Of update 1 … updates.
  double at(int64_t update) const {
    if (update <= warmup) return peak * static_cast<double>(update) / static_cast<double>(warmup);
    const double length = static_cast<double>(std::max<int64_t>(updates - warmup, 1));
    const double progress = std::min(1.0, static_cast<double>(update - warmup) / length);
    const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return peak * (floor_ratio + (1.0 - floor_ratio) * cosine);
  }
};

}  // namespace millwright::train
