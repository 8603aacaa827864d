#include "mil/bind_constants.h"

#include <gtest/gtest.h>

#include "mil/builder.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

TEST(BindConstants, ReplacesInputsAndKeepsTheOthersInOrder) {
  Function function("main", "ios18");
  Builder b(function);
  const Type type = Type::tensor(ElementType::fp32, {2});
  Value* x = b.input("x", type);
  Value* w = b.input("w", type);
  Value* y = b.input("y", type);
  function.block().set_results({b.add(b.mul(x, w, "scaled"), y, "sum")});

  const std::pair<size_t, Literal> constants[] = {{1, Literal::splat(type, 3)}};
  const auto bound = bind_constants(function, constants);
  ASSERT_TRUE(verify(*bound).has_value());
  ASSERT_EQ(bound->inputs().size(), 2u);
  EXPECT_EQ(bound->inputs()[0]->name(), "x");
  EXPECT_EQ(bound->inputs()[1]->name(), "y");
  const Operation* scaled = bound->results()[0]->producer()->operand("x")->producer();
  EXPECT_EQ(*scaled->constant("y"), Literal::splat(type, 3));
  EXPECT_EQ(function.inputs().size(), 3u);
}

}  // namespace
}  // namespace millwright::mil
