// Makes a function for the cpu device of a segment: fp32 inside, fp16 where it reads and writes surfaces of the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mil/ir.h"
#include "plan/packed_surface.h"
#include "plan/segmentation.h"

namespace millwright::plan {

// What stands behind an input or result of the function.
struct CpuPort {
  enum class Kind : uint8_t {
    parameter,      // an input of the whole function
    value,          // of another CPU segment, or for one, or a result of the whole function
    engine_output,  // what an engine segment gave, packed
    engine_input,   // what an engine segment takes, packed
  };
  Kind kind = Kind::value;
  const mil::Value* value = nullptr;  // parameter, value
  size_t segment = 0;                 // engine_output, engine_input
};

struct CpuProgram {
  std::unique_ptr<mil::Function> function;
  std::vector<CpuPort> inputs;
  std::vector<CpuPort> outputs;
};

// `inputs[i]` and `outputs[i]` are the packed surfaces of segment i where it is one of the engine.
CpuProgram lower_to_cpu(const Segment& segment, const mil::Function& source, std::span<const PackedSurface> inputs,
                        std::span<const PackedSurface> outputs);

}  // namespace millwright::plan
