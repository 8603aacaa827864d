// The interrupt flag. Signals are raised in this process; what ends it runs in a death test's child.
#include "base/signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace millwright {
namespace {

TEST(Signals, FirstInterruptOrTerminationSetsTheFlag) {
  for (const int signal_number : {SIGINT, SIGTERM}) {
    install_interrupt_handler();
    clear_interrupt();
    EXPECT_FALSE(interrupted());
    std::raise(signal_number);
    EXPECT_TRUE(interrupted());
  }
  clear_interrupt();
  EXPECT_FALSE(interrupted());
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

TEST(SignalsDeathTest, SecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        std::raise(SIGINT);
        if (!interrupted()) std::abort();
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace millwright
