// The programs of the two published training pipelines for one transformer layer, operation by operation as their
// authors wrote them: the static pipeline (six programs, weights as constants) and the dynamic one (ten programs,
// weights beside the activations in one surface). Used to validate the cost model and to measure devices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mil/ir.h"

namespace millwright::ane {

struct LayerShape {
  int64_t dim = 768;
  int64_t hidden = 2048;
  int64_t heads = 12;
  int64_t kv_heads = 12;  // the static pipeline has as many as heads
  int64_t head_dim = 64;
  int64_t sequence = 256;
  mil::ElementType element = mil::ElementType::fp16;  // of inputs, weights and results
};

struct LayerProgram {
  std::string name;
  bool is_forward = true;
  std::unique_ptr<mil::Function> function;
};

// fwdAttn, fwdFFN, ffnBwd, sdpaBwd1, sdpaBwd2, qkvBwd.
std::vector<LayerProgram> static_layer_programs(const LayerShape& shape);
// sdpaFwd, woFwd, ffnFused, ffnBwdW2t, ffnBwdW13t, wotBwd, sdpaBwd1, sdpaBwd2, qBwd, kvBwd.
std::vector<LayerProgram> dynamic_layer_programs(const LayerShape& shape);

// One product of the dynamic pipeline: x [1, in, 1, sequence + out] holds activations and weight side by side.
std::unique_ptr<mil::Function> packed_product(int64_t in, int64_t out, int64_t sequence);

}  // namespace millwright::ane
