#include "plan/task_order.h"

#include <algorithm>
#include <optional>

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
      if (traffic[surface].writer) add(task.after, *traffic[surface].writer);
    }
    for (const size_t surface : evaluate->outputs) {
      if (traffic[surface].writer) add(task.after, *traffic[surface].writer);
      for (const size_t reader : traffic[surface].readers) add(task.after, reader);
    }
    for (const size_t surface : evaluate->inputs) traffic[surface].readers.push_back(i);
    for (const size_t surface : evaluate->outputs) traffic[surface] = {i, {}};
    std::sort(task.after.begin(), task.after.end());
  }
}

}  // namespace millwright::plan
