// Programs that are none, programs that no engine takes, and surfaces that do not fit: an error each, with the place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "device/emulated_testing.h"

namespace millwright::device {
namespace {

using ::testing::HasSubstr;

mil::Type fp16(mil::Shape shape) { return mil::Type::tensor(mil::ElementType::fp16, std::move(shape)); }

using Build = std::function<void(mil::Function& function, mil::Builder& b)>;

std::string refusal_of(const Build& build) {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  build(*function, b);
  Engine engine;
  const auto executable = engine.compiled(std::move(function));
  EXPECT_EQ(engine.device().limits().compile_budget_left, executable ? 118 : 119);  // failures cost nothing (C21)
  return executable ? "compiled" : executable.error().message;
}

Build unary(const mil::Type& type) {
  return [type](mil::Function& function, mil::Builder& b) {
    function.block().set_results({b.unary("relu", b.input("x", type), "y")});
  };
}

TEST(EmulatedBadInput, IsNoProgram) {
  EXPECT_EQ(refusal_of(unary(fp16({1, 2, 1, 32}))), "compiled");
  EXPECT_THAT(refusal_of([](mil::Function& function, mil::Builder& b) {
                mil::Operation* relu = function.block().add_operation("relu");
                function.block().set_results({relu->add_result("y", b.input("x", fp16({1, 2, 1, 32}))->type())});
              }),
              HasSubstr("y (relu)"));
  EXPECT_THAT(refusal_of([](mil::Function& function, mil::Builder& b) {
                mil::Operation* made_up = function.block().add_operation("made_up");
                made_up->add_operand(mil::operand("x", b.input("x", fp16({1, 2, 1, 32}))));
                function.block().set_results({made_up->add_result("y", fp16({1, 2, 1, 32}))});
              }),
              HasSubstr("made_up"));
  EXPECT_THAT(refusal_of([](mil::Function& function, mil::Builder& b) {
                mil::Operation* relu = function.block().add_operation("relu");
                relu->add_operand(mil::operand("x", b.input("x", fp16({1, 2, 1, 32}))));
                function.block().set_results({relu->add_result("y", fp16({1, 3, 1, 32}))});
              }),
              HasSubstr("[1, 3, 1, 32]"));
}

TEST(EmulatedBadInput, IsNothingThatAnEngineTakes) {
  const auto expect_rule = [](std::string_view rule, const mil::Type& type) {
    EXPECT_THAT(refusal_of(unary(type)),
                HasSubstr(fmt::format("program main: compile failed on m4: {} error at compile: ", rule)));
  };
  expect_rule("C17", fp16({1, 0, 1, 32}));
  expect_rule("C17", fp16({1, mil::kUnknownDimension, 1, 32}));
  expect_rule("C10", fp16({1, 1, 1, 1, 2, 32}));
  expect_rule("C12", fp16({1, 2, 1, 65537}));
  expect_rule("C3F", mil::Type::tensor(mil::ElementType::int32, {1, 2, 1, 32}));
}

// [1, 2, 1, 32] in and out: 128 bytes each.
class EmulatedSurfacesThatDoNotFit : public ::testing::Test {
 protected:
  void SetUp() override {
    auto function = std::make_unique<mil::Function>("main", "ios18");
    mil::Builder b(*function);
    unary(fp16({1, 2, 1, 32}))(*function, b);
    executable_ = engine_.loaded(std::move(function));
  }
  std::string bind_error(std::vector<Surface*> inputs, std::vector<Surface*> outputs) {
    const auto request = executable_->bind(inputs, outputs);
    return request ? "bound" : request.error().message;
  }

  Engine engine_;
  std::unique_ptr<Executable> executable_;
};

TEST_F(EmulatedSurfacesThatDoNotFit, AreOfAnotherNumber) {
  Surface x = *Surface::allocate_bytes(128);
  EXPECT_EQ(bind_error({}, {&x}), "program main: expected 1 input surfaces, found 0");
  EXPECT_EQ(bind_error({&x}, {&x, &x}), "program main: expected 1 result surfaces, found 2");
}

TEST_F(EmulatedSurfacesThatDoNotFit, LieOverEachOther) {
  Surface x = *Surface::allocate_bytes(128);
  EXPECT_EQ(bind_error({&x}, {&x}),
            "program main: the surfaces of result \"y\" and input \"x\" overlap, and at least one is written");
}

TEST_F(EmulatedSurfacesThatDoNotFit, AreTooSmallOnEitherSide) {
  Surface right = *Surface::allocate_bytes(128);
  Surface other = *Surface::allocate_bytes(128);
  Surface small = *Surface::allocate_bytes(127);
  Surface none = *Surface::allocate_bytes(0);
  EXPECT_TRUE(evaluate(*executable_, {&right}, {&other}).has_value());
  for (Surface* wrong : {&small, &none}) {
    EXPECT_THAT(evaluate(*executable_, {wrong}, {&right}).error().message, HasSubstr("status=0x1d"));
    EXPECT_THAT(evaluate(*executable_, {&right}, {wrong}).error().message, HasSubstr("status=0x1d"));
  }
}

}  // namespace
}  // namespace millwright::device
