// What the `mil` commands share: a program from a path or from standard input, with or without its weights.
#pragma once

#include <string>

#include "base/files.h"
#include "command_tree.h"
#include "mil/container/program_source.h"

namespace millwright::app {

// How messages name it, and the path that stands for it.
inline constexpr const char* kStandardInput = "standard input";
inline constexpr const char* kStandardInputPath = "-";

Result<std::string> read_standard_input();

// A program to read and where its weights are.
struct ProgramInput {
  std::string path;
  std::string weights;  // folder that @model_path stands for; empty: the program's own

  void add_to(Command& command);
  void add_weights_to(Command& command);

  // The program with the errors of its text.
  Result<mil::ProgramSource> read() const;
  // Without errors: the first is the command's.
  Result<mil::ProgramSource> read_correct() const;
};

// The same for a path that is no option.
Result<mil::ProgramSource> read_program(const std::string& path, const std::string& weights);

// Replaces the program's weight references by their numbers.
Status load_weights(mil::ProgramSource& source);

}  // namespace millwright::app
