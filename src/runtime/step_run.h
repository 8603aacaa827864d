// The evaluations of one step in the order that their dependencies allow: those of the engine one at a time on a thread
// of its own, those of the CPU on the calling thread. Which thread is ahead changes no bit, because tasks that touch
// the same memory wait for each other.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "plan/plan.h"

namespace millwright::runtime {

enum class Queue : uint8_t { cpu, engine };

// A task of a step, by its index in the plan.
struct StepTask {
  size_t task = 0;
  Queue queue = Queue::cpu;
  bool can_wait = false;  // nothing but the update waits for it: it gives way to the others
};

// Runs every task, each after those that plan::Task::after names. `evaluate` is called on the thread of the task's
// queue. After an error no further task starts, and the first error is returned.
Status run_step_tasks(const plan::Plan& plan, std::span<const StepTask> tasks,
                      FunctionRef<Status(size_t task)> evaluate);

}  // namespace millwright::runtime
