#include "plan/task_order.h"

#include <algorithm>
#include <optional>

#include "plan/surface_sharing.h"

namespace millwright::plan {
namespace {

struct Traffic {
  std::optional<size_t> writer;
  std::vector<size_t> readers;  // since it was written
};

void add(std::vector<size_t>& tasks, size_t task) {
  if (std::find(tasks.begin(), tasks.end(), task) == tasks.end()) tasks.push_back(task);
}

}  // namespace

void order_tasks(Plan& plan) {
  std::vector<Traffic> traffic(plan.surfaces.size());
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    Task& task = plan.tasks[i];
    task.after.clear();
    const auto* evaluate = std::get_if<EvaluateTask>(&task.action);
    if (evaluate == nullptr) {
      for (size_t earlier = 0; earlier < i; ++earlier) task.after.push_back(earlier);
      continue;
    }
    for (const size_t surface : evaluate->inputs) {
      const Traffic& memory = traffic[memory_of(plan, surface)];
      if (memory.writer) add(task.after, *memory.writer);
    }
    for (const size_t surface : evaluate->outputs) {
      const Traffic& memory = traffic[memory_of(plan, surface)];
      if (memory.writer) add(task.after, *memory.writer);
      for (const size_t reader : memory.readers) add(task.after, reader);
    }
    for (const size_t surface : evaluate->inputs) traffic[memory_of(plan, surface)].readers.push_back(i);
    for (const size_t surface : evaluate->outputs) traffic[memory_of(plan, surface)] = {i, {}};
    std::sort(task.after.begin(), task.after.end());
  }
}

}  // namespace millwright::plan
