// Placement: which operations of a training step the engine runs, as part of which program, and why the CPU has the
// others.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mil/ir.h"
#include "plan/pipeline.h"

namespace millwright::plan {

// Where an operation stands in the model, from its label: "layers.3.attention.rope_q.first.grad".
struct ModelPlace {
  std::string layer;      // "layers.3"; empty outside the layers
  std::string part;       // "attention"
  std::string operation;  // "rope_q.first"
  bool is_gradient = false;
};
ModelPlace model_place(const mil::Operation& operation);

// The name of a program or operation without the layer in front: "ffn_forward" of "layers.3.ffn_forward".
std::string_view without_layer(std::string_view name);

// Whether the place falls under a label of a rule: the label itself or what stands below it. An empty label covers all.
bool is_under(std::string_view operation, std::string_view label);

struct OperationPlacement {
  std::string segment;  // the engine program; empty on the CPU
  std::string_view reason;
  // On the CPU, and no other operation waits for it: a gradient of a parameter.
  bool is_deferrable = false;

  bool is_engine() const { return !segment.empty(); }
};

using Placements = std::unordered_map<const mil::Operation*, OperationPlacement>;

// Of every operation but constants. Engine programs are named by layer: "layers.3.attention_forward".
Placements place(const mil::Function& function, const Pipeline& pipeline);

}  // namespace millwright::plan
