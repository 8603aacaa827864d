// The command lines of programs that measure: wrong options and errors end with one line and the exit codes of
// docs/cli.md.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace millwright::bench {

inline constexpr int kRefusedBySystem = 1;
inline constexpr int kWrongInput = 2;

// Prints the error; returns what main returns.
inline int report_error(std::string_view program, const Error& error) {
  fmt::print(stderr, "{}: {}\n", program, error.message);
  return error.kind == ErrorKind::io ? kRefusedBySystem : kWrongInput;
}

// What main returns where the program ends here: after --help, and on options that are wrong.
inline std::optional<int> parse_command_line(CLI::App& app, std::string_view program, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& wrong) {
    fmt::print(stderr, "{}: {}; see {} --help\n", program, wrong.what(), program);
    return kWrongInput;
  }
  return std::nullopt;
}

}  // namespace millwright::bench
