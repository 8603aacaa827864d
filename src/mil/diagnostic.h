// What the parser and the verifier report: a place in the text and one line about what is wrong there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millwright::mil {

// Line and column count from 1, the column in bytes; both are 0 for a program that was built in memory.
struct Diagnostic {
  int line = 0;
  int column = 0;
  std::string message;
  bool operator==(const Diagnostic&) const = default;
};

// "model.mil:12:5: message", without the place when there is none.
std::string diagnostic_text(const Diagnostic& diagnostic, std::string_view source_name);

// One error line for a list of at least one diagnostic: the first, and how many follow.
tl::unexpected<Error> fail_with(const std::vector<Diagnostic>& diagnostics, std::string_view source_name);

}  // namespace millwright::mil
