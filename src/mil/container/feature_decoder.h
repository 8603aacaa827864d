// What a model's description says of the sizes of its inputs. A program inside a package leaves them open; Apple's
// compiler writes them into FlexibleShapeInformation, and so does the import. Internal to the container code.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mil/container/wire.h"
#include "mil/flexible_shapes.h"

namespace millwright::mil {

// The arrays among the inputs of one function. Without a name: of the program's main function.
struct FunctionFeatures {
  std::string function;
  std::vector<std::pair<std::string, FlexibleShape>> inputs;
};

// Of a ModelDescription message. Throws protozero's exceptions.
std::vector<FunctionFeatures> decode_features(wire::View description);

// Gives the functions of the program the attribute where they have inputs of unknown size and no such attribute yet.
void add_flexible_shapes(Program& program, const std::vector<FunctionFeatures>& features);

}  // namespace millwright::mil
