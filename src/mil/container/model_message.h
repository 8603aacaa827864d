// The protobuf message around a program (CoreML.Specification.Model): what kind of model it is, its version, and the
// inputs, outputs and states as Core ML shows them to an application.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::mil {

// The program of a model.mlmodel; an error for models of another kind (neural networks, trees, pipelines).
Result<Program> decode_model(std::string_view bytes, const std::string& source);

// A model with the descriptions that Core ML asks for. An error where an input, output or state has a type that a Core
// ML feature cannot have, or where the opset is none we know the specification version of.
Result<std::string> encode_model(const Program& program);

}  // namespace millwright::mil
