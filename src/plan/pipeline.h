// Pipelines: named sets of placement and weight policy. A pipeline says what each operation of a training step belongs
// to, by its scope in the model; docs/planner.md draws them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace millwright::plan {

// How weights reach the engine.
enum class WeightPolicy : uint8_t {
  constants,  // of the program, which is compiled anew after every update
  surfaces,   // inputs of their own, a surface per weight; layers share the programs, which are compiled once
};

// Part of a layer's pass: operations of one scope that stand together.
struct SegmentRule {
  std::string_view part;         // of the model: "attention", "ffn", "classifier"
  std::string_view operations;   // a label behind the part ("rope_q", also "rope_q.first"); empty: every one
  bool is_gradient = false;      // of the operations of the backward pass
  std::string_view segment;      // the engine program that they become; empty: the CPU runs them
  std::string_view reason = {};  // of a placement on the CPU
};

// A forward value that its program gives out, because others need it. What is not listed is computed again where it is
// needed.
struct Tap {
  std::string_view part;
  std::string_view operation;
  std::string_view segment = {};  // that gives out its own copy of the value; empty: the one that owns it
};

struct Pipeline {
  std::string_view name;
  std::string_view summary;  // one line for --help
  WeightPolicy weights = WeightPolicy::constants;
  std::span<const SegmentRule> segments;  // the first that fits an operation places it
  std::span<const Tap> taps;
};

std::span<const Pipeline> pipelines();
// An error lists the names.
Result<const Pipeline*> find_pipeline(std::string_view name);

}  // namespace millwright::plan
