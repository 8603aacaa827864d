// Runs another program without a shell: text in, text out.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace millwright {

// The executable file of this name in the folders of PATH.
std::optional<Path> find_program(std::string_view name);

struct ProgramOutput {
  int exit_code = 0;  // 128 + signal where one ended the program
  std::string output;
  std::string errors;  // what it wrote to standard error
};

// Starts `program` with `arguments` (its name not among them), hands it `input` as standard input, and waits for its
// end. A program that does not read its input is no failure. Needs SIGPIPE to be ignored.
Result<ProgramOutput> run_program(const Path& program, std::span<const std::string> arguments, std::string_view input);

}  // namespace millwright
