#include "mil/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mil/compare.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

class BuilderTest : public ::testing::Test {
 protected:
  Program program_;
  Function& main_ = *program_.add_function("main", "ios18");
  Builder b_{main_};
  Value* x_ = b_.input("x", Type::tensor(ElementType::fp32, {2, 3}));

  std::string type(const Value* value) { return type_text(value->type()); }
  // The statement that defines a value, as text.
  std::string statement(const Value* value) {
    const std::string text = print(main_);
    const size_t found = text.find(" " + value->name() + " = ");
    const size_t begin = text.rfind('\n', found) + 1;
    const std::string line = text.substr(begin, text.find('\n', begin) - begin);
    return line.substr(line.find_first_not_of(' '));
  }
};

TEST_F(BuilderTest, InputsGetNamesOfTheirOwn) {
  EXPECT_EQ(x_->name(), "x");
  EXPECT_EQ(b_.input("x", Type::scalar(ElementType::fp32))->name(), "x_0");
  EXPECT_EQ(b_.input("layers.0.weight", Type::scalar(ElementType::fp32))->name(), "layers_0_weight");
  EXPECT_EQ(main_.inputs().size(), 3u);
}

TEST_F(BuilderTest, InfersTheTypeOfEveryResult) {
  const std::vector<int64_t> first = {0}, last = {-1}, swapped = {1, 0}, zeros = {0, 0}, sizes = {1, 2}, twice = {2, 2};
  const std::vector<int64_t> padding = {0, 1, 2, 0};
  Value* indices = b_.input("indices", Type::tensor(ElementType::int32, {5}));
  Value* rows = b_.input("rows", Type::tensor(ElementType::fp32, {5, 3}));
  Value* along = b_.input("along", Type::tensor(ElementType::int32, {2, 1}));
  Value* updates = b_.input("updates", Type::tensor(ElementType::fp32, {2, 1}));
  EXPECT_EQ(type(b_.add(x_, b_.scalar_like(x_, 1))), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.sub(x_, x_)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.mul(x_, x_)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.real_div(x_, x_)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.unary("exp", x_)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.rsqrt(x_, 1e-5)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.binary("less", x_, x_)), "tensor<bool, [2, 3]>");
  EXPECT_EQ(type(b_.select(b_.binary("less", x_, x_), x_, x_)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.cast(x_, ElementType::bf16)), "tensor<bf16, [2, 3]>");
  EXPECT_EQ(type(b_.matmul(x_, x_, true)), "tensor<fp32, [3, 3]>");
  EXPECT_EQ(type(b_.matmul(x_, x_, false, true)), "tensor<fp32, [2, 2]>");
  EXPECT_EQ(type(b_.softmax(x_, -1)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.reduce("reduce_sum", x_, first, false)), "tensor<fp32, [3]>");
  EXPECT_EQ(type(b_.reduce("reduce_max", x_, last, true)), "tensor<fp32, [2, 1]>");
  EXPECT_EQ(type(b_.reshape(x_, {3, -1})), "tensor<fp32, [3, 2]>");
  EXPECT_EQ(type(b_.transpose(x_, swapped)), "tensor<fp32, [3, 2]>");
  EXPECT_EQ(type(b_.expand_dims(x_, first)), "tensor<fp32, [1, 2, 3]>");
  EXPECT_EQ(type(b_.squeeze(b_.expand_dims(x_, first), first)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.slice(x_, zeros, sizes)), "tensor<fp32, [1, 2]>");
  EXPECT_EQ(type(b_.concat(std::vector<Value*>{x_, x_}, 0)), "tensor<fp32, [4, 3]>");
  EXPECT_EQ(type(b_.pad(x_, padding)), "tensor<fp32, [3, 5]>");
  EXPECT_EQ(type(b_.tile(x_, twice)), "tensor<fp32, [4, 6]>");
  EXPECT_EQ(type(b_.zeros(x_->type())), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.splat(Type::tensor(ElementType::fp16, {7}), 2)), "tensor<fp16, [7]>");
  EXPECT_EQ(type(b_.gather(x_, indices, 0)), "tensor<fp32, [5, 3]>");
  EXPECT_EQ(type(b_.gather_along_axis(x_, along, 1)), "tensor<fp32, [2, 1]>");
  EXPECT_EQ(type(b_.scatter_add(x_, indices, rows, 0)), "tensor<fp32, [2, 3]>");
  EXPECT_EQ(type(b_.scatter_add_along_axis(x_, along, updates, 1)), "tensor<fp32, [2, 3]>");
  main_.block().set_results({x_});
  EXPECT_TRUE(verify(program_)) << verify(program_).error().message;
}

TEST_F(BuilderTest, LabelsCarryTheirScope) {
  Value* outside = b_.mul(x_, x_, "outside");
  Value* inside = nullptr;
  Value* unlabelled = nullptr;
  {
    Builder::Scope layer(b_, "layers.0");
    Builder::Scope part(b_, "attention");
    inside = b_.mul(x_, x_, "scores");
    unlabelled = b_.mul(x_, x_);
  }
  Value* after = b_.mul(x_, x_);
  EXPECT_EQ(outside->producer()->label(), "outside");
  EXPECT_EQ(inside->producer()->label(), "layers.0.attention.scores");
  EXPECT_EQ(unlabelled->producer()->label(), "layers.0.attention");
  EXPECT_EQ(after->producer()->label(), "mul");
  EXPECT_EQ(b_.scope(), "");
}

TEST_F(BuilderTest, EqualSmallConstantsAreShared) {
  EXPECT_EQ(b_.int32(3), b_.int32(3));
  EXPECT_NE(b_.int32(3), b_.int32(4));
  EXPECT_NE(b_.int32(0), b_.boolean(false));
  EXPECT_EQ(b_.text("fp16"), b_.text("fp16"));
  EXPECT_NE(b_.scalar(ElementType::fp32, 0.0), b_.scalar(ElementType::fp32, -0.0));
  EXPECT_NE(b_.scalar(ElementType::fp32, 1), b_.scalar(ElementType::fp16, 1));
  EXPECT_NE(b_.constant(Literal::int32(3), "labelled"), b_.int32(3));
}

TEST_F(BuilderTest, WritesTheStatementsOfTheLanguage) {
  EXPECT_EQ(statement(b_.cast(x_, ElementType::fp16, "half")),
            "tensor<fp16, [2, 3]> half = cast(dtype = c, x = x)[name = string(\"half\")];");
  EXPECT_EQ(statement(b_.text("fp16")), "string c = const()[name = string(\"c\"), val = string(\"fp16\")];");
  EXPECT_EQ(
      statement(b_.concat(std::vector<Value*>{x_, x_}, 1, "pair")),
      "tensor<fp32, [2, 6]> pair = concat(axis = c_0, interleave = c_1, values = (x, x))[name = string(\"pair\")];");
}

TEST_F(BuilderTest, InsertsBeforeAnOperation) {
  Value* last = b_.mul(x_, x_, "last");
  Builder before(main_, last->producer());
  Value* first = before.unary("exp", x_, "first");
  last->producer()->replace_operand(x_, first);
  EXPECT_EQ(main_.block().operations().front()->result(), first);
  main_.block().set_results({last});
  EXPECT_TRUE(verify(program_)) << verify(program_).error().message;
}

TEST_F(BuilderTest, GivesEveryResultOfAnOperation) {
  const std::vector<Value*> parts = b_.emit_all(
      "split", {operand("x", x_), operand("axis", b_.int32(1)), operand("num_splits", b_.int32(3))}, "part");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(type(parts[2]), "tensor<fp32, [2, 1]>");
  EXPECT_EQ(parts[0]->name(), "part");
  EXPECT_EQ(parts[1]->name(), "part_0");
  EXPECT_EQ(parts[2]->result_index(), 2);
}

using BuilderDeathTest = BuilderTest;

TEST_F(BuilderDeathTest, ACallThatTheTypeRuleRefusesIsABug) {
  EXPECT_DEATH(b_.add(x_, b_.scalar(ElementType::fp16, 1), "sum"),
               "sum \\(add\\): x is tensor<fp32, \\[2, 3\\]>, y is fp16; expected one element type");
  EXPECT_DEATH(b_.matmul(x_, x_, false, false, "product"), "product \\(matmul\\): x \\[2, 3\\] has 3 columns");
  EXPECT_DEATH(b_.emit("unheard_of", {}), "unknown operation unheard_of");
}

}  // namespace
}  // namespace millwright::mil
