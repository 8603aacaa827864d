// Log lines on stderr. Only log.cpp includes the logging library. Text that is the result of a command goes to stdout
// and not through here.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace millwright {

enum class LogLevel { debug, info, warning };

// Lines below this level are dropped: info by default, debug with --verbose, warning with --quiet.
void set_log_level(LogLevel level);
LogLevel log_level();

// One line; "warning: " is put in front of one. Safe from any thread.
void log_message(LogLevel level, std::string_view message);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::debug) log_message(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() <= LogLevel::info) log_message(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace millwright
