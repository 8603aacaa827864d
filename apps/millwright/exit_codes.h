// What the process returns. The one table that main, `millwright --help` and docs/cli.md go by.
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"

namespace millwright::app {

struct ExitCode {
  int code;
  std::string_view meaning;
};

inline constexpr ExitCode kOk{0, "done"};
inline constexpr ExitCode kFailed{1, "the operating system refused: missing file, no permission, disk full"};
inline constexpr ExitCode kInvalidInput{2, "an option, a setting or a file is wrong"};
inline constexpr ExitCode kNumeric{3, "the numbers became NaN or infinite"};
inline constexpr ExitCode kExhausted{4, "out of memory, or a device has no compile budget left"};
inline constexpr ExitCode kInternal{70, "a bug in Millwright"};
inline constexpr ExitCode kInterrupted{130, "interrupted by Ctrl-C or SIGTERM; what was done is saved"};

inline constexpr std::array kExitCodes = {kOk, kFailed, kInvalidInput, kNumeric, kExhausted, kInternal, kInterrupted};

constexpr int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input:
      return kInvalidInput.code;
    case ErrorKind::io:
      return kFailed.code;
    case ErrorKind::numeric:
      return kNumeric.code;
    case ErrorKind::interrupted:
      return kInterrupted.code;
    case ErrorKind::exhausted:
      return kExhausted.code;
  }
  return kInternal.code;
}

}  // namespace millwright::app
