#include "runtime/schedule_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/functions.h"
#include "device/interpreter_device.h"

namespace millwright::runtime {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

device::Surface filled(std::vector<float> values) {
  device::Surface surface = *device::Surface::allocate(device::fp32({static_cast<int64_t>(values.size())}));
  std::copy(values.begin(), values.end(), surface.as<float>().begin());
  return surface;
}

TEST(ScheduleRunner, EvaluatesIntoSurfacesOfItsOwn) {
  device::InterpreterDevice device;
  auto runner = ScheduleRunner::create(
      plan::whole_function_plan(device::sum_and_product(), plan::PlanPurpose::inference), device, nullptr, {});
  ASSERT_TRUE(runner.has_value()) << runner.error().message;
  for (size_t i = 0; i < 4; ++i) {
    (*runner)->surface(0).as<float>()[i] = static_cast<float>(i);
    (*runner)->surface(1).as<float>()[i] = 10;
  }
  ASSERT_TRUE((*runner)->run_step().has_value());
  EXPECT_THAT((*runner)->surface(2).as<float>(), ElementsAre(10, 11, 12, 13));
  EXPECT_THAT((*runner)->surface(3).as<float>(), ElementsAre(0, 10, 20, 30));
  EXPECT_EQ((*runner)->bytes(), 4 * 16);
}

TEST(ScheduleRunner, AccumulatesStepsIntoTheStoreAndUpdatesIt) {
  device::InterpreterDevice device;
  const std::vector<ParameterSpecification> parameters = {{"w", {4}, false}};
  ParameterStore store = *ParameterStore::create(parameters, StoreContents::training);
  std::vector<std::pair<size_t, device::Surface>> bound;
  bound.emplace_back(0, filled({1, 2, 3, 4}));
  bound.emplace_back(1, store.gradient_surface(0));
  auto runner = ScheduleRunner::create(plan::whole_function_plan(device::accumulate(), plan::PlanPurpose::training),
                                       device, &store, std::move(bound));
  ASSERT_TRUE(runner.has_value()) << runner.error().message;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*runner)->run_step().has_value());
  EXPECT_THAT(store.gradient(0), ElementsAre(3, 6, 9, 12));
  const auto report = (*runner)->run_update({.learning_rate = 0.5, .clear_gradients = true});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_NEAR(report->gradient_norm, std::sqrt(9.0 + 36 + 81 + 144), 1e-6);
  EXPECT_THAT(store.gradient(0), Each(0.0f));
  for (const float w : store.master(0)) EXPECT_NEAR(w, -0.5, 1e-6);  // the first update of Adam is the sign
}

TEST(ScheduleRunner, CountsTheCallsOfEachPhase) {
  device::InterpreterDevice device;
  const std::vector<ParameterSpecification> parameters = {{"w", {4}, false}};
  ParameterStore store = *ParameterStore::create(parameters, StoreContents::training);
  auto runner = ScheduleRunner::create(plan::whole_function_plan(device::accumulate(), plan::PlanPurpose::training),
                                       device, &store, {});
  ASSERT_TRUE(runner.has_value());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE((*runner)->run_step().has_value());
  ASSERT_TRUE((*runner)->run_update({}).has_value());
  const auto phases = (*runner)->phases();
  ASSERT_EQ(phases.size(), 2u);
  EXPECT_EQ(phases[0].name, "evaluate");
  EXPECT_EQ(phases[0].calls, 4);
  EXPECT_GT(phases[0].seconds, 0);
  EXPECT_EQ(phases[1].name, "update");
  EXPECT_EQ(phases[1].calls, 1);
}

TEST(ScheduleRunner, LeavesASpanOfEachTaskWhereItIsTold) {
  device::InterpreterDevice device;
  const std::vector<ParameterSpecification> parameters = {{"w", {4}, false}};
  ParameterStore store = *ParameterStore::create(parameters, StoreContents::training);
  auto runner = ScheduleRunner::create(plan::whole_function_plan(device::accumulate(), plan::PlanPurpose::training),
                                       device, &store, {});
  ASSERT_TRUE(runner.has_value());
  TraceRecorder trace(TraceRecorder::Clock::now());
  ASSERT_TRUE((*runner)->run_step().has_value());
  (*runner)->record_into(&trace);
  ASSERT_TRUE((*runner)->run_step().has_value());
  ASSERT_TRUE((*runner)->run_update({}).has_value());
  (*runner)->record_into(nullptr);
  ASSERT_TRUE((*runner)->run_step().has_value());
  std::vector<std::string> names;
  for (const TraceSpan& span : trace.spans()) {
    names.push_back(span.name);
    EXPECT_EQ(span.queue, Queue::cpu);
    EXPECT_EQ(span.arguments.back(),
              std::pair(std::string("phases"), decltype(span.arguments)::value_type::second_type(
                                                   std::string(span.name == "update" ? "optimizer" : "elementwise"))));
  }
  EXPECT_THAT(names, ElementsAre("evaluate", "update"));
}

TEST(ScheduleRunner, RefusesAPlanThatDoesNotHold) {
  device::InterpreterDevice device;
  plan::Plan plan = plan::whole_function_plan(device::accumulate(), plan::PlanPurpose::inference);
  plan.surfaces[0].type = device::fp32({5});
  const auto runner = ScheduleRunner::create(std::move(plan), device, nullptr, {});
  ASSERT_FALSE(runner.has_value());
  EXPECT_EQ(runner.error().message,
            "plan: task evaluate: input \"x\" is tensor<fp32, [4]>, but surface \"x\" is tensor<fp32, [5]>");
}

TEST(ScheduleRunner, RefusesABoundSurfaceOfAnotherType) {
  device::InterpreterDevice device;
  std::vector<std::pair<size_t, device::Surface>> bound;
  bound.emplace_back(1, filled({1, 2, 3}));
  const auto runner = ScheduleRunner::create(
      plan::whole_function_plan(device::accumulate(), plan::PlanPurpose::inference), device, nullptr, std::move(bound));
  ASSERT_FALSE(runner.has_value());
  EXPECT_EQ(runner.error().message,
            "program main: input 1 (\"total\"): expected a surface of tensor<fp32, [4]>, found tensor<fp32, [3]>");
}

}  // namespace
}  // namespace millwright::runtime
