// Programs in the protobuf form that .mlpackage files carry (CoreML.Specification.MILSpec.Program).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::mil {

// "ios18" is called CoreML8 in the protobuf form. Names outside the table below are the same in both.
std::string opset_in_message(std::string_view opset);
std::string opset_in_text(std::string_view message_opset);
// The specificationVersion a model with such a function needs: 6 for ios15 … 9 for ios18; nothing for unknown opsets.
std::optional<int> specification_version(std::string_view opset);

// Checks what the parser checks of text: names, scopes, constants against their types, nesting. `source` names the file
// in errors. The message does not say which version the text form had: `version` does.
Result<Program> decode_program(std::string_view bytes, const std::string& source, const std::string& version = "1.3");

// An error where the program is larger than a message may be (2 GiB): move constants into a weight file first.
Result<std::string> encode_program(const Program& program);

}  // namespace millwright::mil
