// What people and tools want to know of a plan: its engine programs with what they take, give and are predicted to
// cost, and where each operation went and why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ane/chip_profile.h"
#include "base/result.h"
#include "mil/ir.h"
#include "plan/pipeline.h"
#include "plan/plan.h"

namespace millwright::plan {

// Engine programs that differ in their layer alone.
struct ProgramReport {
  std::string name;                 // "ffn_forward"
  int64_t programs = 0;             // compiled ones
  int64_t evaluations = 0;          // per step, of all of them
  bool holds_weights = false;       // as constants: compiled anew for every update
  std::vector<std::string> inputs;  // types
  std::vector<std::string> outputs;
  double weight_bytes = 0;           // of one program
  double flops = 0;                  // of one evaluation
  double seconds = 0;                // predicted, of one evaluation
  double joules = 0;                 // predicted, of one evaluation
  double compile_seconds = 0;        // predicted, of one program
  double largest_operand_bytes = 0;  // against the profile's memory.operand_bytes (C64)
};

struct OperationReport {
  std::string label;
  std::string kind;
  bool is_engine = false;
  std::string program;  // of the engine
  std::string reason;
};

struct PlanReport {
  std::vector<ProgramReport> programs;
  int64_t cpu_functions = 0;
  CompileCounts compiles;
  double surface_bytes = 0;  // of activations, weights and what crosses between CPU functions; parameters not counted
};

Result<PlanReport> report(const Plan& plan, const ane::ChipProfile& profile, size_t function_inputs);
std::vector<OperationReport> report_operations(const mil::Function& function, const Pipeline& pipeline);

}  // namespace millwright::plan
