// The loss scale of a run on an engine. Its fp16 loses small gradients and hides overflow (C52, C59: NaN and infinity
// need not come out), so the scale follows head-room: the largest magnitude that any backward program took or gave out
// during an update.
#pragma once

#include <cstdint>

namespace millwright::train {

struct LossScale {
  // Products of 2^15 and more become infinite (C52).
  static constexpr double kLimit = 32768;
  static constexpr double kLargest = 16777216;  // 2^24
  static constexpr double kSmallest = 1.0 / 1024;
  // The scale shrinks before magnitudes come within a factor of two of the limit, and grows when they have stayed a
  // factor of 32 below it for so many updates.
  static constexpr double kHigh = kLimit / 2;
  static constexpr double kLow = kLimit / 32;
  static constexpr int64_t kQuietUpdates = 20;

  double scale = 1024;
  int64_t quiet = 0;        // updates in a row below kLow
  bool is_adaptive = true;  // else it stays as the user set it

  // An update whose gradients cannot be trusted: it is not applied, and its steps are taken again with a smaller scale.
  static bool is_overflow(double largest) { return !(largest < kLimit); }
  // False where the scale cannot shrink any more.
  bool shrink_after_overflow();
  // Behind an update that was applied.
  void follow(double largest);
};

}  // namespace millwright::train
