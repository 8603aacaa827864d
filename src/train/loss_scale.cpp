#include "train/loss_scale.h"

#include <algorithm>

namespace millwright::train {

namespace {

constexpr double kAfterOverflow = 16;

}  // namespace

bool LossScale::shrink_after_overflow() {
  if (!is_adaptive || scale <= kSmallest) return false;
  scale = std::max(scale / kAfterOverflow, kSmallest);
  quiet = 0;
  return true;
}

void LossScale::follow(double largest) {
  if (!is_adaptive) return;
  if (largest >= kHigh) {
    scale = std::max(scale / 2, kSmallest);
    quiet = 0;
  } else if (largest < kLow) {
    if (++quiet < kQuietUpdates) return;
    scale = std::min(scale * 2, kLargest);
    quiet = 0;
  } else {
    quiet = 0;
  }
}

}  // namespace millwright::train
