// What each operation of a function asks of the engine: arithmetic, and bytes by the path that they take. Counted from
// types and constants alone; nothing is executed. How long it takes is cost_model.h's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::ane {

// How the engine's memory is thought to work (the fact base calls the two readings C64 and C65).
struct OnChipRules {
  // C64: an operand up to this size stays on chip between operations; a product keeps less than half of it (the
  // other half is being filled) and streams its other operand once per such panel.
  double operand_bytes = 2.0 * 1024 * 1024;
  // C65, the published reading: everything stays on chip, and nothing is streamed twice, as long as the working set of
  // an operation fits `capacity_bytes`.
  bool capacity_model = false;
  double capacity_bytes = 32.0 * 1024 * 1024;
  // Rows of surfaces take whole multiples of 64 bytes (U1).
  bool padded_rows = true;
  // Compressed weights cross DRAM as they are stored, else as fp16 (C46).
  bool compressed_weights_stream = true;
};

struct OperationWork {
  const mil::Operation* operation = nullptr;
  double flops = 0;       // 2 per multiply-add
  double lane_flops = 0;  // of products: with the idle lanes of channel counts that are no multiple of 32 (C1A)
  // Output positions of a product that share a weight; the arithmetic fills up with them.
  double positions = 0;
  double weight_bytes = 0;      // constants from DRAM
  double conflict_bytes = 0;    // those of them whose rows are a power of two of at least 8 KiB (C65)
  double activation_bytes = 0;  // surfaces, and data that changes its layout
  double memory_bytes = 0;      // values that the chip cannot hold, from and to DRAM in the engine's own layout
  double on_chip_bytes = 0;     // values between operations
  double working_set_bytes = 0;
  // Weights known at compile time are fetched while the operation before them runs; matmuls wait for their operands.
  bool is_matmul = false;
  bool is_int8 = false;  // int8 activations times int8 weights
};

struct FunctionWork {
  // Every operation that costs something (constants and views do not), in program order. Nested blocks count once: how
  // often they run is not known.
  std::vector<OperationWork> operations;
  double constant_bytes = 0;  // as they are stored, each record of a weight file once
};

// Fails on an operation with an unknown dimension. `function` must outlive the result.
Result<FunctionWork> count_work(const mil::Function& function, const OnChipRules& rules);

}  // namespace millwright::ane
