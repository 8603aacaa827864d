// Segmentation: cuts a placed function into segments, in the order in which they run, and says what each takes from
// the others. Between two engine segments stands one of the CPU; gradients of parameters stand apart, because nothing
// but the update waits for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"
#include "plan/pipeline.h"
#include "plan/placement.h"

namespace millwright::plan {

struct SegmentInput {
  const mil::Value* value = nullptr;
  size_t from = 0;  // the segment that gives it out
};

struct Segment {
  enum class Kind : uint8_t { cpu, engine, gradients };

  Kind kind = Kind::cpu;
  std::string name;
  // Its own operations and those that it computes again, constants included, in the order of the function.
  std::vector<const mil::Operation*> operations;
  std::vector<SegmentInput> inputs;           // values of other segments, in the order of first need
  std::vector<const mil::Value*> parameters;  // inputs of the function, likewise
  std::vector<const mil::Value*> outputs;     // for other segments, and results of the function
  std::optional<size_t> staged;               // cpu: the engine segment whose inputs it packs
};

// Fails, naming the segments, where engine segments wait for each other, and where a value that costs a product of a
// weight would have to be computed twice.
Result<std::vector<Segment>> cut(const mil::Function& function, const Placements& placements, const Pipeline& pipeline);

}  // namespace millwright::plan
