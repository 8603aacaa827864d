#include "plan/surface_sharing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/functions.h"
#include "plan/task_order.h"

namespace millwright::plan {
namespace {

using ::testing::ElementsAre;

// A chain of tasks: task i reads surface i and writes surface i + 1.
Plan chain(const std::vector<int64_t>& sizes) {
  Plan plan;
  for (const int64_t size : sizes) plan.surfaces.push_back({"", device::fp32({size})});
  for (size_t i = 0; i + 1 < sizes.size(); ++i) plan.tasks.push_back({"", EvaluateTask{0, {i}, {i + 1}}, {}});
  return plan;
}

std::vector<size_t> memories(const Plan& plan) {
  std::vector<size_t> memories;
  for (size_t i = 0; i < plan.surfaces.size(); ++i) memories.push_back(memory_of(plan, i));
  return memories;
}

TEST(ShareSurfaces, GivesMemoryOnWhenItsLastReaderIsBehind) {
  Plan plan = chain({4, 4, 4, 4, 4});
  share_surfaces(plan, 0, {});
  EXPECT_THAT(memories(plan), ElementsAre(0, 1, 0, 1, 0));
}

TEST(ShareSurfaces, KeepsSizesApart) {
  Plan plan = chain({4, 8, 4, 8, 16});
  share_surfaces(plan, 0, {});
  EXPECT_THAT(memories(plan), ElementsAre(0, 1, 0, 1, 4));
}

TEST(ShareSurfaces, LeavesInputsAndWhatIsKeptAlone) {
  Plan plan = chain({4, 4, 4, 4, 4});
  share_surfaces(plan, 1, std::vector<size_t>{1, 4});
  EXPECT_THAT(memories(plan), ElementsAre(0, 1, 2, 3, 4));
  Plan other = chain({4, 4, 4, 4, 4, 4});
  other.staged_weights.push_back({0, 2});
  share_surfaces(other, 1, {});
  EXPECT_THAT(memories(other), ElementsAre(0, 1, 2, 1, 4, 1));
}

TEST(ShareSurfaces, DoesNotReuseMemoryWithinATask) {
  Plan plan = chain({4, 4});
  plan.surfaces.push_back({"", device::fp32({4})});
  std::get<EvaluateTask>(plan.tasks[0].action).outputs.push_back(2);
  share_surfaces(plan, 0, {});
  EXPECT_THAT(memories(plan), ElementsAre(0, 1, 2));
}

// Two chains that could run at once: sharing makes the second wait for the readers of the first.
TEST(ShareSurfaces, IsKnownToTheOrderOfTasks) {
  Plan plan = chain({4, 4});
  plan.surfaces.push_back({"", device::fp32({4})});
  plan.surfaces.push_back({"", device::fp32({4})});
  plan.tasks.push_back({"", EvaluateTask{0, {2}, {3}}, {}});
  order_tasks(plan);
  EXPECT_THAT(plan.tasks[1].after, ElementsAre());
  share_surfaces(plan, 0, {});
  EXPECT_THAT(memories(plan), ElementsAre(0, 1, 0, 1));
  order_tasks(plan);
  EXPECT_THAT(plan.tasks[1].after, ElementsAre(0));
}

}  // namespace
}  // namespace millwright::plan
