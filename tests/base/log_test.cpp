// What the log writes to stderr at each level.
#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace millwright {
namespace {

std::string logged_at(LogLevel level) {
  const LogLevel before = log_level();
  set_log_level(level);
  testing::internal::CaptureStderr();
  log_debug("debug {}", 1);
  log_info("info {}", 2);
  log_warning("careful {{}} {}", 3);
  log_message(LogLevel::info, "braces {} stay");
  std::string text = testing::internal::GetCapturedStderr();
  set_log_level(before);
  return text;
}

TEST(Log, WritesInfoAndAboveByDefault) {
  EXPECT_EQ(log_level(), LogLevel::info);
  EXPECT_EQ(logged_at(LogLevel::info), "info 2\nwarning: careful {} 3\nbraces {} stay\n");
}

TEST(Log, WritesEverythingWhenVerboseAndLittleWhenQuiet) {
  EXPECT_EQ(logged_at(LogLevel::debug), "debug 1\ninfo 2\nwarning: careful {} 3\nbraces {} stay\n");
  EXPECT_EQ(logged_at(LogLevel::warning), "warning: careful {} 3\n");
}

}  // namespace
}  // namespace millwright
