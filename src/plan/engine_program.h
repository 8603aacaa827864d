// Lowers a segment to a program for the engine: fp16, one packed surface in, one out, linear layers as 1×1
// convolutions.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"
#include "plan/packed_surface.h"
#include "plan/plan.h"
#include "plan/segmentation.h"

namespace millwright::plan {

struct EngineProgram {
  // Inputs: the packed surface "activations", then the weights, in the order of their names (U2); result: a packed
  // surface. Where weights are inputs, nothing in it tells one layer from another.
  std::unique_ptr<mil::Function> function;
  PackedSurface input;
  PackedSurface output;
  std::vector<ProgramWeight> weights;
};

// Weights name the inputs of `source` in ProgramWeight::surface. As constants they are [out, in, 1, 1] in the
// orientation of their product; as inputs [1, out, 1, in] as the model has them.
Result<EngineProgram> lower_to_engine(const Segment& segment, const mil::Function& source, WeightPolicy policy);

}  // namespace millwright::plan
