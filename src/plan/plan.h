// A plan: the programs that a function became, the surfaces between them, and the tasks that run them in order. Data
// only; src/runtime runs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::plan {

// A parameter that a program takes as a constant: input `input` of its function is replaced before it is compiled,
// after every update anew.
struct ProgramWeight {
  size_t input = 0;
  size_t surface = 0;       // the fp32 master, [rows, columns] or [rows]
  bool transposed = false;  // the constant holds it as [columns, rows]
};

enum class Target : uint8_t { cpu, engine };

struct PlannedProgram {
  std::string name;  // for messages and profiles
  std::unique_ptr<mil::Program> program;
  std::string function;  // of the program
  Target target = Target::cpu;
  std::vector<ProgramWeight> weights = {};  // in the order of the inputs that they replace, behind all others
};

struct PlannedSurface {
  std::string name;
  mil::Type type;
  // An earlier surface of as many bytes whose memory it has, because nobody needs that one any more.
  std::optional<size_t> shares = {};
};

// Runs a program once per step. A result that aliases an input has that input's surface.
struct EvaluateTask {
  size_t program = 0;
  std::vector<size_t> inputs;   // surfaces
  std::vector<size_t> outputs;  // surfaces
};

// The update pass over the parameter store, once per update: after the last of its steps.
struct UpdateTask {};

struct Task {
  std::string name;  // the phase under which its time is reported
  std::variant<EvaluateTask, UpdateTask> action;
  std::vector<size_t> after;  // tasks that come first, all with a smaller index
  bool can_wait = false;      // nothing but the update waits for it
  bool is_backward = false;   // its results are scaled gradients in fp16, whose head-room is watched
};

// A parameter that programs take as an input: rounded to fp16 into a surface of its own before the first step of an
// update.
struct StagedWeight {
  size_t master = 0;  // surface
  size_t half = 0;    // surface of as many elements
};

struct Plan {
  std::vector<PlannedProgram> programs;
  std::vector<StagedWeight> staged_weights;
  std::vector<PlannedSurface> surfaces;
  std::vector<Task> tasks;
};

enum class PlanPurpose {
  training,   // an update task follows the evaluation
  inference,  // evaluation only
};

// One program that holds the whole function: the plan of the cpu device. Surface i is input i of the function; the
// results that alias no input follow in order. Task 0 evaluates, task 1 (training only) updates.
Plan whole_function_plan(std::unique_ptr<mil::Function> function, PlanPurpose purpose);

// Compiles that a plan costs on the engine.
struct CompileCounts {
  int64_t first = 0;       // of the first update
  int64_t per_update = 0;  // of every other
};
CompileCounts compile_counts(const Plan& plan);

// Every index is in range, tasks depend only on earlier ones, and surfaces have the types of the ports they serve.
Status verify(const Plan& plan);

}  // namespace millwright::plan
