// A plan: the programs that a function became, the surfaces between them, and the tasks that run them in order. Data
// only; src/runtime runs it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::plan {

struct PlannedProgram {
  std::string name;  // for messages and profiles
  std::unique_ptr<mil::Program> program;
  std::string function;  // of the program
};

struct PlannedSurface {
  std::string name;
  mil::Type type;
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
};

struct Plan {
  std::vector<PlannedProgram> programs;
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

// Every index is in range, tasks depend only on earlier ones, and surfaces have the types of the ports they serve.
Status verify(const Plan& plan);

}  // namespace millwright::plan
