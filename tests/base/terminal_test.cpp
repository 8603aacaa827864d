// Terminal checks against a pseudo-terminal of known width, and without one.
#include "base/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace millwright {
namespace {

// Puts a descriptor in place of stdout and stderr for the scope.
class StandardStreams {
 public:
  explicit StandardStreams(int replacement) : out_(dup(1)), error_(dup(2)) {
    std::fflush(stdout);
    dup2(replacement, 1);
    dup2(replacement, 2);
  }
  ~StandardStreams() {
    dup2(out_, 1);
    dup2(error_, 2);
    close(out_);
    close(error_);
  }

 private:
  int out_;
  int error_;
};

TEST(Terminal, IsRecognizedAndMeasured) {
  const int controller = posix_openpt(O_RDWR | O_NOCTTY);
  if (controller < 0) GTEST_SKIP() << "no pseudo-terminals here: terminal width is NOT tested";
  ASSERT_EQ(grantpt(controller), 0);
  ASSERT_EQ(unlockpt(controller), 0);
  const int terminal = open(ptsname(controller), O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  winsize size{};
  size.ws_col = 123;
  size.ws_row = 40;
  ASSERT_EQ(ioctl(terminal, TIOCSWINSZ, &size), 0);
  bool both = false;
  int width = 0;
  {
    const StandardStreams streams(terminal);
    both = stdout_is_terminal() && stderr_is_terminal();
    width = terminal_width();
  }
  EXPECT_TRUE(both);
  EXPECT_EQ(width, 123);
  close(terminal);
  close(controller);
}

TEST(Terminal, AFileIsNoneAndItsWidthIsColumnsOr80) {
  const int null = open("/dev/null", O_RDWR);
  ASSERT_GE(null, 0);
  bool any = true;
  int with_columns = 0;
  int with_nonsense = 0;
  int without = 0;
  {
    const StandardStreams streams(null);
    any = stdout_is_terminal() || stderr_is_terminal();
    setenv("COLUMNS", "97", 1);
    with_columns = terminal_width();
    setenv("COLUMNS", "-3", 1);
    with_nonsense = terminal_width();
    unsetenv("COLUMNS");
    without = terminal_width();
  }
  EXPECT_FALSE(any);
  EXPECT_EQ(with_columns, 97);
  EXPECT_EQ(with_nonsense, 80);
  EXPECT_EQ(without, 80);
  close(null);
}

}  // namespace
}  // namespace millwright
