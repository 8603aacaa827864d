#include "plan/task_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millwright::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Plan plan_of(std::vector<EvaluateTask> evaluations, size_t surfaces) {
  Plan plan;
  plan.surfaces.resize(surfaces);
  for (EvaluateTask& evaluation : evaluations) plan.tasks.push_back({"", std::move(evaluation), {}});
  return plan;
}

TEST(OrderTasks, MakesAReaderWaitForTheLastWriter) {
  Plan plan = plan_of({{0, {}, {0}}, {0, {}, {0}}, {0, {0}, {1}}, {0, {2}, {3}}}, 4);
  order_tasks(plan);
  EXPECT_THAT(plan.tasks[1].after, ElementsAre(0));
  EXPECT_THAT(plan.tasks[2].after, ElementsAre(1));
  EXPECT_THAT(plan.tasks[3].after, IsEmpty());
}

TEST(OrderTasks, MakesAWriterWaitForTheReadersOfWhatItReplaces) {
  Plan plan = plan_of({{0, {}, {0}}, {0, {0}, {1}}, {0, {0}, {2}}, {0, {}, {0}}, {0, {}, {0}}}, 3);
  order_tasks(plan);
  EXPECT_THAT(plan.tasks[3].after, ElementsAre(0, 1, 2));
  EXPECT_THAT(plan.tasks[4].after, ElementsAre(3));
}

TEST(OrderTasks, MakesTheUpdateWaitForEverything) {
  Plan plan = plan_of({{0, {}, {0}}, {0, {}, {1}}}, 2);
  plan.tasks.push_back({"update", UpdateTask{}, {}});
  order_tasks(plan);
  EXPECT_THAT(plan.tasks[2].after, ElementsAre(0, 1));
}

}  // namespace
}  // namespace millwright::plan
