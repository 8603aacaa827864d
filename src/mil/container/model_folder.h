// Models as folders, as Core ML has them: .mlpackage (a protobuf message and its weights, behind a manifest) and
// .mlmodelc (MIL text and its weights, as Apple's compiler leaves them). docs/mil-containers.md shows both.
#pragma once

#include <string>

#include "base/files.h"
#include "base/result.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::mil {

struct Model {
  Program program;
  // What @model_path stands for in the program's weight references.
  Path folder;
};

Result<Model> read_mlpackage(const Path& package);
Result<Model> read_mlmodelc(const Path& folder);
// Whichever of these `path` is: an .mlpackage, a folder with a model.mil, an .mlmodel file, or MIL text.
Result<Model> read_model(const Path& path);

// Write a new folder, whole or not at all; an error when something of the name is there already. Constants of the
// program go into the weight file (program_blobs.h); `weights` are the files that its BLOBFILE references name.
// No Mac has opened such a folder yet. The .mlmodelc holds what this program reads: MIL text and weights, without the
// other files of Apple's compiler.
Status write_mlpackage(const Program& program, const Path& package, WeightFiles& weights);
Status write_mlmodelc(const Program& program, const Path& folder, WeightFiles& weights);

}  // namespace millwright::mil
