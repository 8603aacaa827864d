#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/functions.h"

namespace millwright::plan {
namespace {

using ::testing::ElementsAre;

std::string verify_error(const Plan& plan) {
  const Status status = verify(plan);
  return status ? "valid" : status.error().message;
}

EvaluateTask& evaluation(Plan& plan) { return std::get<EvaluateTask>(plan.tasks[0].action); }

TEST(WholeFunctionPlan, MakesOneProgramWithASurfacePerInputAndResult) {
  Plan plan = whole_function_plan(device::sum_and_product(), PlanPurpose::inference);
  EXPECT_EQ(verify_error(plan), "valid");
  ASSERT_EQ(plan.programs.size(), 1u);
  EXPECT_EQ(plan.programs[0].function, "main");
  ASSERT_EQ(plan.surfaces.size(), 4u);
  EXPECT_EQ(plan.surfaces[1].name, "y");
  ASSERT_EQ(plan.tasks.size(), 1u);
  EXPECT_THAT(evaluation(plan).inputs, ElementsAre(0, 1));
  EXPECT_THAT(evaluation(plan).outputs, ElementsAre(2, 3));
}

TEST(WholeFunctionPlan, GivesAnAliasedResultTheSurfaceOfItsInput) {
  Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::inference);
  EXPECT_EQ(plan.surfaces.size(), 2u);
  EXPECT_THAT(evaluation(plan).outputs, ElementsAre(1));
}

TEST(WholeFunctionPlan, EndsATrainingStepWithTheUpdate) {
  const Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::training);
  EXPECT_EQ(verify_error(plan), "valid");
  ASSERT_EQ(plan.tasks.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<UpdateTask>(plan.tasks[1].action));
  EXPECT_THAT(plan.tasks[1].after, ElementsAre(0));
}

TEST(VerifyPlan, RefusesATaskThatComesBeforeWhatItNeeds) {
  Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::training);
  plan.tasks[0].after = {1};
  EXPECT_EQ(verify_error(plan), "plan: task evaluate is task 0 and cannot come after task 1");
}

TEST(VerifyPlan, RefusesASurfaceThatIsNotThere) {
  Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::training);
  evaluation(plan).inputs[1] = 9;
  EXPECT_EQ(verify_error(plan), "plan: task evaluate: input \"total\" names surface 9, but there are 2");
}

TEST(VerifyPlan, RefusesASurfaceOfAnotherType) {
  Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::training);
  plan.surfaces[0].type = device::fp32({5});
  EXPECT_EQ(verify_error(plan),
            "plan: task evaluate: input \"x\" is tensor<fp32, [4]>, but surface \"x\" is tensor<fp32, [5]>");
}

TEST(VerifyPlan, RefusesAProgramThatIsNotThere) {
  Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::training);
  evaluation(plan).program = 1;
  EXPECT_EQ(verify_error(plan), "plan: task evaluate: names program 1, but there are 1");
}

TEST(VerifyPlan, RefusesAnotherNumberOfSurfaces) {
  Plan plan = whole_function_plan(device::accumulate(), PlanPurpose::training);
  evaluation(plan).outputs.clear();
  EXPECT_EQ(verify_error(plan), "plan: task evaluate: expected 1 result surfaces, found 0");
}

}  // namespace
}  // namespace millwright::plan
