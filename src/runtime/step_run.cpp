#include "runtime/step_run.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/check.h"

namespace millwright::runtime {

namespace {

class StepRun {
 public:
  StepRun(const plan::Plan& plan, std::span<const StepTask> tasks, FunctionRef<Status(size_t task)> evaluate)
      : tasks_(tasks), evaluate_(evaluate), waiting_(tasks.size()), followers_(tasks.size()), left_(tasks.size()) {
    std::vector<size_t> places(plan.tasks.size(), tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) places[tasks[i].task] = i;
    for (size_t i = 0; i < tasks.size(); ++i) {
      for (const size_t earlier : plan.tasks[tasks[i].task].after) {
        MW_CHECK(places[earlier] < tasks.size(), "task {} waits for {}, which is not of the step", tasks[i].task,
                 earlier);
        followers_[places[earlier]].push_back(i);
        ++waiting_[i];
      }
      if (waiting_[i] == 0) make_ready(i);
    }
  }

  // The tasks of one queue, until all of the step are done or one has failed.
  void work(Queue queue) {
    std::unique_lock lock(mutex_);
    auto& ready = ready_[static_cast<size_t>(queue)];
    while (true) {
      changed_.wait(lock, [&] { return left_ == 0 || error_ || !ready.empty(); });
      if (left_ == 0 || error_) return;
      const size_t place = ready.begin()->second;
      ready.erase(ready.begin());
      lock.unlock();
      Status status = evaluate_(tasks_[place].task);
      lock.lock();
      if (!status && !error_) error_ = std::move(status.error());
      --left_;
      for (const size_t follower : followers_[place]) {
        if (--waiting_[follower] == 0) make_ready(follower);
      }
      changed_.notify_all();
    }
  }

  Status status() {
    if (error_) return tl::unexpected(std::move(*error_));
    return {};
  }

 private:
  // In the order of the plan, those that can wait behind all others.
  void make_ready(size_t place) {
    ready_[static_cast<size_t>(tasks_[place].queue)].emplace(tasks_[place].can_wait, place);
  }

  std::span<const StepTask> tasks_;
  FunctionRef<Status(size_t task)> evaluate_;
  std::vector<size_t> waiting_;                 // by place in tasks_: tasks that it still waits for
  std::vector<std::vector<size_t>> followers_;  // by place
  std::set<std::pair<bool, size_t>> ready_[2];  // by queue
  size_t left_;
  std::optional<Error> error_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace

Status run_step_tasks(const plan::Plan& plan, std::span<const StepTask> tasks,
                      FunctionRef<Status(size_t task)> evaluate) {
  StepRun run(plan, tasks, evaluate);
  const bool has_engine =
      std::any_of(tasks.begin(), tasks.end(), [](const StepTask& task) { return task.queue == Queue::engine; });
  if (!has_engine) {
    run.work(Queue::cpu);
    return run.status();
  }
  std::thread engine([&] { run.work(Queue::engine); });
  run.work(Queue::cpu);
  engine.join();
  return run.status();
}

}  // namespace millwright::runtime
