// signals.h by sigaction. The handler only stores into a lock-free atomic, which is allowed in a signal handler.
#include "base/signals.h"

#include <atomic>
#include <csignal>

namespace millwright {

namespace {

std::atomic<bool> interrupt_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void remember_interrupt(int) { interrupt_flag.store(true, std::memory_order_relaxed); }

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = remember_interrupt;
  sigemptyset(&action.sa_mask);
  // RESETHAND restores the default for the second signal; RESTART keeps system calls of libraries from failing.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_flag.load(std::memory_order_relaxed); }

void clear_interrupt() { interrupt_flag.store(false, std::memory_order_relaxed); }

}  // namespace millwright
