// Pipelines: named sets of placement and weight policy. A pipeline says which program each operation of a training step
// belongs to, by its scope in the model; docs/planner.md draws them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millwright::plan {

// How weights reach the engine.
enum class WeightPolicy : uint8_t {
  constants,  // of the program, which is compiled anew after every update
  surfaces,   // inputs of their own, a surface per weight; layers share the programs, which are compiled once
};

// Where mask and softmax of attention are computed.
enum class Attention : uint8_t {
  fused,  // inside a program, with an additive mask
  split,  // on the CPU in fp32, between a program for the scores and one for what they weigh
};

// Operations of one scope that stand together. Empty words fit all.
struct SegmentRule {
  std::string_view part;        // of the model: "attention", "ffn", "classifier", "loss"
  std::string_view operations;  // a label behind the part ("rope_q", also "rope_q.first")
  bool is_gradient = false;     // of the operations of the backward pass
  std::string_view segment;     // the engine program that they become; empty: the CPU runs them
  std::string_view reason = {};
  std::string_view kind = {};  // of operation
};

// A forward value that its program gives out, because others need it. What is not listed is computed again where it is
// needed.
struct Tap {
  std::string_view part;
  std::string_view operation;
  std::string_view segment = {};  // that gives out its own copy of the value; empty: the one that owns it
};

struct Pipeline {
  std::string name;
  WeightPolicy weights = WeightPolicy::constants;
  std::vector<SegmentRule> segments;  // the first that fits an operation places it
  std::vector<Tap> taps;
};

struct PipelineDescription {
  std::string_view name;
  std::string_view summary;  // one line for --help
};
std::span<const PipelineDescription> pipelines();

// An error lists the names.
Result<Pipeline> make_pipeline(std::string_view name, Attention attention = Attention::fused);
// "fused" and "split".
Result<Attention> find_attention(std::string_view name);

}  // namespace millwright::plan
