#include "device/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "device/cpu/cpu_device.h"
#include "device/emulated/emulated_device.h"
#include "device/functions.h"
#include "device/interpreter_device.h"
#include "device/open_device.h"

namespace millwright::device {
namespace {

using ::testing::ElementsAre;

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Device>()> make;
};

// What every backend must do.
class EveryDevice : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { device_ = GetParam().make(); }

  std::unique_ptr<Executable> loaded(std::unique_ptr<mil::Function> function) {
    auto executable = device_->compile(program_of(std::move(function)), {});
    EXPECT_TRUE(executable.has_value()) << executable.error().message;
    EXPECT_TRUE((*executable)->load().has_value());
    return std::move(*executable);
  }
  static Surface filled(std::vector<float> values) {
    auto surface = Surface::allocate(fp32({static_cast<int64_t>(values.size())}));
    EXPECT_TRUE(surface.has_value());
    std::copy(values.begin(), values.end(), surface->as<float>().begin());
    return std::move(*surface);
  }

  std::unique_ptr<Device> device_;
};

std::string bind_error(Executable& executable, std::vector<Surface*> inputs, std::vector<Surface*> outputs) {
  const auto request = executable.bind(inputs, outputs);
  return request ? "bound" : request.error().message;
}

TEST_P(EveryDevice, WritesEveryResultFromTheInputs) {
  const auto executable = loaded(sum_and_product());
  Surface x = filled({1, 2, 3, 4});
  Surface y = filled({10, 20, 30, 40});
  Surface sum = filled({0, 0, 0, 0});
  Surface product = filled({0, 0, 0, 0});
  const auto request = executable->bind(std::vector<Surface*>{&x, &y}, std::vector<Surface*>{&sum, &product});
  ASSERT_TRUE(request.has_value()) << request.error().message;
  ASSERT_TRUE((*request)->evaluate().has_value());
  EXPECT_THAT(sum.as<float>(), ElementsAre(11, 22, 33, 44));
  EXPECT_THAT(product.as<float>(), ElementsAre(10, 40, 90, 160));
  x.as<float>()[0] = 5;
  ASSERT_TRUE((*request)->evaluate().has_value());
  EXPECT_THAT(sum.as<float>(), ElementsAre(15, 22, 33, 44));
}

TEST_P(EveryDevice, BindsOneExecutableToManySurfaces) {
  const auto executable = loaded(accumulate());
  Surface x = filled({1, 2, 3, 4});
  Surface a = filled({0, 0, 0, 0});
  Surface b = filled({100, 100, 100, 100});
  const auto to_a = executable->bind(std::vector<Surface*>{&x, &a}, std::vector<Surface*>{&a});
  const auto to_b = executable->bind(std::vector<Surface*>{&x, &b}, std::vector<Surface*>{&b});
  ASSERT_TRUE(to_a.has_value() && to_b.has_value());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE((*to_a)->evaluate().has_value());
  ASSERT_TRUE((*to_b)->evaluate().has_value());
  EXPECT_THAT(a.as<float>(), ElementsAre(2, 4, 6, 8));
  EXPECT_THAT(b.as<float>(), ElementsAre(101, 102, 103, 104));
}

TEST_P(EveryDevice, UpdatesAStateInItsSurface) {
  const auto executable = loaded(accumulate_in_state());
  EXPECT_EQ(executable->inputs()[1].type, fp32({4}));
  EXPECT_FALSE(executable->inputs()[0].is_state);
  EXPECT_TRUE(executable->inputs()[1].is_state);
  Surface x = filled({1, 2, 3, 4});
  Surface total = filled({0, 0, 0, 10});
  Surface sum = filled({0, 0, 0, 0});
  const auto request = executable->bind(std::vector<Surface*>{&x, &total}, std::vector<Surface*>{&sum});
  ASSERT_TRUE(request.has_value()) << request.error().message;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE((*request)->evaluate().has_value());
  EXPECT_THAT(sum.as<float>(), ElementsAre(2, 4, 6, 18));
  EXPECT_THAT(total.as<float>(), ElementsAre(2, 4, 6, 18));
  EXPECT_EQ(bind_error(*executable, {&x, &x}, {&sum}),
            "program main: the surfaces of input \"x\" and input \"total\" overlap, and at least one is written");
}

TEST_P(EveryDevice, DescribesInputsResultsAndAliases) {
  const auto executable = loaded(accumulate());
  ASSERT_EQ(executable->inputs().size(), 2u);
  EXPECT_EQ(executable->inputs()[0].name, "x");
  EXPECT_EQ(executable->inputs()[1].name, "total");
  EXPECT_EQ(executable->inputs()[1].type, fp32({4}));
  ASSERT_EQ(executable->outputs().size(), 1u);
  EXPECT_EQ(executable->outputs()[0].aliased_input, 1u);
  EXPECT_EQ(executable->inputs()[1].aliased_input, std::nullopt);
}

TEST_P(EveryDevice, RefusesToBindWhatIsNotLoaded) {
  const auto executable = loaded(accumulate());
  ASSERT_TRUE(executable->unload().has_value());
  Surface x = filled({1, 2, 3, 4});
  Surface total = filled({1, 2, 3, 4});
  EXPECT_EQ(bind_error(*executable, {&x, &total}, {&total}), "program main: not loaded; call load() before bind()");
}

TEST_P(EveryDevice, RefusesAnotherNumberOfSurfaces) {
  const auto executable = loaded(accumulate());
  Surface x = filled({1, 2, 3, 4});
  EXPECT_EQ(bind_error(*executable, {&x}, {&x}), "program main: expected 2 input surfaces, found 1");
  EXPECT_EQ(bind_error(*executable, {&x, &x}, {}), "program main: expected 1 result surfaces, found 0");
}

TEST_P(EveryDevice, RefusesASurfaceOfAnotherType) {
  const auto executable = loaded(accumulate());
  Surface x = filled({1, 2, 3, 4});
  Surface total = filled({1, 2, 3});
  EXPECT_EQ(bind_error(*executable, {&x, &total}, {&total}),
            "program main: input 1 (\"total\"): expected a surface of tensor<fp32, [4]>, found tensor<fp32, [3]>");
}

TEST_P(EveryDevice, RefusesAnAliasedResultInMemoryOfItsOwn) {
  const auto executable = loaded(accumulate());
  Surface x = filled({1, 2, 3, 4});
  Surface total = filled({1, 2, 3, 4});
  Surface other = filled({1, 2, 3, 4});
  EXPECT_EQ(bind_error(*executable, {&x, &total}, {&other}),
            "program main: result \"new_total\" aliases input \"total\", so both need the same surface");
}

TEST_P(EveryDevice, RefusesResultsThatOverlapOtherSurfaces) {
  const auto executable = loaded(sum_and_product());
  Surface memory = filled(std::vector<float>(64));
  Surface x = Surface::view(fp32({4}), memory.data());
  Surface y = filled({1, 2, 3, 4});
  Surface sum = filled({1, 2, 3, 4});
  Surface product = filled({1, 2, 3, 4});
  EXPECT_EQ(bind_error(*executable, {&x, &y}, {&sum, &x}),
            "program main: the surfaces of result \"product\" and input \"x\" overlap, and at least one is written");
  EXPECT_EQ(bind_error(*executable, {&x, &y}, {&sum, &sum}),
            "program main: the surfaces of result \"sum\" and result \"product\" overlap, and at least one is written");
  EXPECT_EQ(bind_error(*executable, {&x, &x}, {&sum, &product}), "bound");  // both only read it
}

TEST_P(EveryDevice, RefusesAFunctionThatTheProgramDoesNotHave) {
  const auto executable = device_->compile(program_of(accumulate()), {.function = "step"});
  ASSERT_FALSE(executable.has_value());
  EXPECT_EQ(executable.error().message, "program: no function \"step\"; it has main");
}

INSTANTIATE_TEST_SUITE_P(Backends, EveryDevice,
                         ::testing::Values(Backend{"cpu", [] { return std::make_unique<CpuDevice>(); }},
                                           Backend{"interpreter",
                                                   [] { return std::make_unique<InterpreterDevice>(); }}),
                         [](const ::testing::TestParamInfo<Backend>& info) { return info.param.name; });

TEST(OpenDevice, FindsTheCpuByItsName) {
  const auto device = open_device("cpu");
  ASSERT_TRUE(device.has_value());
  EXPECT_EQ((*device)->name(), "cpu");
  EXPECT_FALSE((*device)->limits().compile_budget_left.has_value());
}

TEST(OpenDevice, NamesTheDevicesThatThereAre) {
  const auto device = open_device("gpu");
  ASSERT_FALSE(device.has_value());
  EXPECT_EQ(device.error().message, "unknown device \"gpu\"; expected cpu or emulated");
}

TEST(OpenDevice, FindsTheChipOfTheEmulatedEngine) {
  const auto device = open_device("emulated", {.chip = "m1-max", .profile = {}});
  ASSERT_TRUE(device.has_value()) << device.error().message;
  EXPECT_EQ(dynamic_cast<EmulatedDevice&>(**device).profile().name, "m1-max");
  const auto unknown = open_device("emulated", {.chip = "m99", .profile = {}});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, ::testing::HasSubstr("m99"));
  EXPECT_FALSE(open_device("emulated", {.chip = "m4", .profile = "/nowhere/profile.json"}).has_value());
}

TEST(CpuDevice, MeasuresOperationsWhenAsked) {
  CpuDevice device;
  const auto executable = device.compile(program_of(sum_and_product()), {.profile = true});
  ASSERT_TRUE(executable.has_value()) << executable.error().message;
  ASSERT_TRUE((*executable)->load().has_value());
  std::vector<Surface> surfaces;
  for (int i = 0; i < 4; ++i) surfaces.push_back(*Surface::allocate(fp32({4})));
  const auto request =
      (*executable)
          ->bind(std::vector<Surface*>{&surfaces[0], &surfaces[1]}, std::vector<Surface*>{&surfaces[2], &surfaces[3]});
  ASSERT_TRUE(request.has_value());
  ASSERT_TRUE((*request)->evaluate().has_value());
  ASSERT_FALSE((*executable)->profile().empty());
  EXPECT_EQ((*executable)->profile().front().calls, 1);
}

}  // namespace
}  // namespace millwright::device
