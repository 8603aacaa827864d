// Programs from wherever a user has them: a model folder, MIL text or a protobuf message, told apart by their content.
// Unlike read_model, keeps every error of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "mil/diagnostic.h"
#include "mil/ir.h"

namespace millwright::mil {

struct ProgramSource {
  std::string name;                // of the file that holds the program, in diagnostics
  std::optional<Program> program;  // there when there is no diagnostic
  std::vector<Diagnostic> diagnostics;
  // What @model_path stands for in the program's weight references.
  Path folder;
};

// An .mlpackage, an .mlmodelc, or a file with text or a message. Fails on what cannot be read or decoded; errors of MIL
// text are diagnostics.
Result<ProgramSource> read_program_source(const Path& path);

// MIL text, a Model message (.mlmodel) or a bare Program message; `name` stands for it in messages.
Result<ProgramSource> read_program_source(std::string_view bytes, const std::string& name, const Path& folder);

}  // namespace millwright::mil
