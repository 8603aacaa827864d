#include "runtime/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mil/builder.h"
#include "plan/predicted_cost.h"

namespace millwright::runtime {
namespace {

using mil::ElementType;
using mil::Type;

// main(x [n, n]) → x · x: 2 n³ operations.
plan::PlannedProgram square(const std::string& name, int64_t n, plan::Target target) {
  const bool is_engine = target == plan::Target::engine;
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  b.set_scope("layers.0.ffn.w1");
  mil::Value* x = b.input("x", Type::tensor(is_engine ? ElementType::fp16 : ElementType::fp32, {1, 1, n, n}));
  function->block().set_results({b.matmul(x, x)});
  plan::PlannedProgram program{name, std::make_unique<mil::Program>(), "main", target, {}};
  program.program->add_function(std::move(function));
  return program;
}

const ane::HostCpu kCpu{1.0, 100.0, "a test"};  // 1 TFLOPS, 100 GB/s

constexpr double kSmall = 2.0 * 512 * 512 * 512 / 1e12;  // seconds
constexpr double kLarge = 2.0 * 1024 * 1024 * 1024 / 1e12;

// first → program → last; gradient behind first, beside the program.
plan::Plan four_tasks() {
  plan::Plan plan;
  plan.programs.push_back(square("first", 512, plan::Target::cpu));
  plan.programs.push_back(square("program", 512, plan::Target::engine));
  plan.programs.push_back(square("gradient", 1024, plan::Target::cpu));
  plan.programs.push_back(square("last", 512, plan::Target::cpu));
  plan.tasks = {{"first", plan::EvaluateTask{0, {}, {}}, {}, false},
                {"program", plan::EvaluateTask{1, {}, {}}, {0}, false},
                {"gradient", plan::EvaluateTask{2, {}, {}}, {0}, true},
                {"last", plan::EvaluateTask{3, {}, {}}, {1}, false},
                {"update", plan::UpdateTask{}, {0, 1, 2, 3}, false}};
  return plan;
}

TEST(Simulation, RunsTheEngineBesideTheCpuAndGradientsInBetween) {
  const plan::Plan plan = four_tasks();
  const ane::ChipProfile profile = *ane::find_profile("m4");
  const double program = plan::predict_program(plan.programs[1], profile)->seconds;
  ASSERT_LT(program, kLarge);
  const auto simulation = simulate(plan, profile, kCpu, {});
  ASSERT_TRUE(simulation.has_value()) << simulation.error().message;
  EXPECT_NEAR(simulation->tasks[1].start, kSmall, 1e-12);
  EXPECT_NEAR(simulation->tasks[2].start, kSmall, 1e-12);
  EXPECT_NEAR(simulation->tasks[3].start, kSmall + kLarge, 1e-12);  // the CPU is busy with the gradient
  EXPECT_NEAR(simulation->step_seconds, 2 * kSmall + kLarge, 1e-12);
  EXPECT_NEAR(simulation->phase_seconds[static_cast<size_t>(Phase::engine)], program, 1e-12);
  EXPECT_NEAR(simulation->phase_seconds[static_cast<size_t>(Phase::weight_gradients)], kLarge, 1e-12);
  EXPECT_NEAR(simulation->phase_seconds[static_cast<size_t>(Phase::products)], 2 * kSmall, 1e-12);
  EXPECT_EQ(simulation->engine_evaluations, 1);
  EXPECT_NEAR(simulation->flops, 3 * 2.0 * 512 * 512 * 512 + 2.0 * 1024 * 1024 * 1024, 1);
}

TEST(Simulation, SpreadsTheUpdateOverItsSteps) {
  const ane::ChipProfile profile = *ane::find_profile("m4");
  const auto one = simulate(four_tasks(), profile, kCpu, {.accumulate = 1, .parameters = 1000000});
  const auto ten = simulate(four_tasks(), profile, kCpu, {.accumulate = 10, .parameters = 1000000});
  ASSERT_TRUE(one.has_value() && ten.has_value());
  const double sweep = 32.0 * 1e6 / 100e9;
  EXPECT_NEAR(one->wall_seconds_per_step, one->step_seconds + sweep, 1e-12);
  EXPECT_NEAR(ten->wall_seconds_per_step, ten->step_seconds + sweep / 10, 1e-12);
  EXPECT_GT(one->first_weights_seconds, 0);  // the program is compiled and loaded
}

TEST(Simulation, CountsRecompilesOfProgramsThatHoldWeights) {
  plan::Plan plan = four_tasks();
  const ane::ChipProfile profile = *ane::find_profile("m4");
  const double before = simulate(plan, profile, kCpu, {})->update_seconds;
  plan.surfaces.push_back({"w", Type::tensor(ElementType::fp32, {512, 512})});
  plan.programs[1].weights = {{0, 0, false}};
  const auto after = simulate(plan, profile, kCpu, {});
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_EQ(after->compiles.per_update, 1);
  const ane::ProgramCost cost = *plan::predict_program(plan.programs[1], profile);
  EXPECT_NEAR(after->update_seconds - after->step_seconds,
              cost.unload_seconds + cost.recompile_seconds + cost.load_seconds, 1e-9);
  EXPECT_GT(after->update_seconds, before);
}

TEST(Simulation, GivesSpansOfItsTasks) {
  const auto simulation = simulate(four_tasks(), *ane::find_profile("m4"), kCpu, {});
  std::vector<std::string> names;
  for (const TraceSpan& span : trace_spans(*simulation)) names.push_back(span.name);
  EXPECT_THAT(names, ::testing::ElementsAre("first", "program", "gradient", "last"));
  const TraceSpan last = trace_spans(*simulation).back();
  EXPECT_NEAR(last.start, kSmall + kLarge, 1e-12);
  ASSERT_EQ(last.arguments.size(), 1u);
  EXPECT_EQ(last.arguments[0].first, "products");
  EXPECT_NEAR(std::get<double>(last.arguments[0].second), 1e3 * kSmall, 1e-9);
}

TEST(HostCpu, IsKnownWhereItWasPublishedAndElseAskedFor) {
  EXPECT_EQ(ane::host_cpu(*ane::find_profile("m4"))->matrix_tflops, 1.5);
  EXPECT_EQ(ane::host_cpu(*ane::find_profile("m4+macos26"))->matrix_tflops, 1.5);
  EXPECT_EQ(ane::host_cpu(*ane::find_profile("m1"), 0.9)->matrix_tflops, 0.9);
  EXPECT_EQ(ane::host_cpu(*ane::find_profile("m1")).error().message,
            "m1: nobody has published how fast the CPU of this chip multiplies; give it with --cpu-tflops");
}

}  // namespace
}  // namespace millwright::runtime
