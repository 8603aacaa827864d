// Reads MIL text: every construct of docs/mil-format.md, both dialects, operations it has never heard of included.
// It checks what the text alone can tell (grammar, names, literals against their types); types of operations and their
// parameters are the verifier's (verifier.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mil/diagnostic.h"
#include "mil/ir.h"

namespace millwright::mil {

struct ParseResult {
  std::optional<Program> program;  // there when there is no diagnostic
  std::vector<Diagnostic> diagnostics;
};

// After an error reading goes on with the next statement or function, so that one run reports several. Takes time and
// memory linear in the text, whatever it says.
ParseResult parse(std::string_view text);

// The program, or the first error as "source_name:line:column: …" and how many follow.
Result<Program> parse_program(std::string_view text, const std::string& source_name);

// Reading stops behind this many errors.
inline constexpr size_t kMaximumDiagnostics = 64;
// Types, literals and blocks inside each other, and the rank of a tensor.
inline constexpr int kMaximumNesting = 32;

}  // namespace millwright::mil
