#include "runtime/step_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

#include "base/random.h"

namespace millwright::runtime {
namespace {

using ::testing::ElementsAre;

plan::Plan plan_of(std::vector<std::vector<size_t>> after) {
  plan::Plan plan;
  for (auto& earlier : after) plan.tasks.push_back({"", plan::EvaluateTask{}, std::move(earlier)});
  return plan;
}

std::vector<StepTask> on_queues(const std::vector<Queue>& queues) {
  std::vector<StepTask> tasks;
  for (size_t i = 0; i < queues.size(); ++i) tasks.push_back({i, queues[i], false});
  return tasks;
}

// Chains and diamonds over both queues: whatever runs beside whatever, nobody starts before what it waits for is done.
TEST(StepRun, StartsNoTaskBeforeThoseItWaitsFor) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RandomStream random(seed);
    std::vector<std::vector<size_t>> after(40);
    std::vector<Queue> queues;
    for (size_t i = 0; i < after.size(); ++i) {
      for (int k = 0; k < 2 && i > 0; ++k) {
        const size_t earlier = random.below(static_cast<uint32_t>(i));
        if (after[i].empty() || after[i][0] != earlier) after[i].push_back(earlier);
      }
      queues.push_back(random.below(2) == 0 ? Queue::cpu : Queue::engine);
    }
    std::vector<StepTask> tasks = on_queues(queues);
    for (StepTask& task : tasks) task.can_wait = random.below(3) == 0;
    std::mutex mutex;
    std::set<size_t> done;
    const Status status = run_step_tasks(plan_of(after), tasks, [&](size_t task) -> Status {
      const std::lock_guard lock(mutex);
      for (const size_t earlier : after[task]) EXPECT_TRUE(done.contains(earlier)) << task << " before " << earlier;
      EXPECT_TRUE(done.insert(task).second) << task << " ran twice";
      return {};
    });
    EXPECT_TRUE(status.has_value());
    EXPECT_EQ(done.size(), after.size());
  }
}

TEST(StepRun, KeepsEachQueueOnOneThread) {
  std::mutex mutex;
  std::set<std::thread::id> cpu, engine;
  const std::vector<Queue> queues = {Queue::cpu, Queue::engine, Queue::cpu, Queue::engine};
  const Status status = run_step_tasks(plan_of({{}, {0}, {}, {1, 2}}), on_queues(queues), [&](size_t task) -> Status {
    const std::lock_guard lock(mutex);
    (queues[task] == Queue::cpu ? cpu : engine).insert(std::this_thread::get_id());
    return {};
  });
  EXPECT_TRUE(status.has_value());
  EXPECT_THAT(cpu, ElementsAre(std::this_thread::get_id()));
  EXPECT_EQ(engine.size(), 1u);
  EXPECT_NE(*engine.begin(), *cpu.begin());
}

TEST(StepRun, LetsTasksThatCanWaitGiveWay) {
  std::vector<StepTask> tasks = on_queues({Queue::cpu, Queue::cpu, Queue::cpu, Queue::cpu});
  tasks[1].can_wait = true;
  std::vector<size_t> order;
  const Status status = run_step_tasks(plan_of({{}, {0}, {0}, {2}}), tasks, [&](size_t task) -> Status {
    order.push_back(task);
    return {};
  });
  EXPECT_TRUE(status.has_value());
  EXPECT_THAT(order, ElementsAre(0, 2, 3, 1));
}

TEST(StepRun, StopsAtTheFirstErrorAndReturnsIt) {
  for (const Queue queue : {Queue::cpu, Queue::engine}) {
    std::vector<size_t> order;
    const Status status =
        run_step_tasks(plan_of({{}, {0}, {1}}), on_queues({Queue::cpu, queue, Queue::cpu}), [&](size_t task) -> Status {
          order.push_back(task);
          if (task == 1) return fail("task 1 failed");
          return {};
        });
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().message, "task 1 failed");
    EXPECT_THAT(order, ElementsAre(0, 1));
  }
}

}  // namespace
}  // namespace millwright::runtime
