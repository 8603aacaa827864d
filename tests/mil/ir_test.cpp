#include "mil/ir.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mil/compare.h"
#include "mil/parser.h"

namespace millwright::mil {
namespace {

Program parsed(std::string_view statements, std::string_view results) {
  auto program = parse_program(fmt::format("program(1.3) {{ func main<ios18>(tensor<fp32, [2]> x, tensor<fp32, [2]> y) "
                                           "{{ {} }} -> ({}); }}",
                                           statements, results),
                               "test");
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

Operation* operation_of(const Function& function, std::string_view result) {
  for (const auto& operation : function.block().operations()) {
    if (!operation->results().empty() && operation->result()->name() == result) return operation.get();
  }
  ADD_FAILURE() << "no operation defines " << result;
  return nullptr;
}

constexpr std::string_view kThree =
    "tensor<fp32, [2]> a = add(x = x, y = y); tensor<fp32, [2]> b = mul(x = a, y = a); "
    "tensor<fp32, [4]> c = concat(values = (a, b), axis = int32(0))[name = string(\"scope.c\")];";

TEST(Ir, UsersStandOncePerUse) {
  const Program program = parsed(kThree, "c");
  const Function& main = *program.function("main");
  Operation* a = operation_of(main, "a");
  Operation* b = operation_of(main, "b");
  Operation* c = operation_of(main, "c");
  EXPECT_TRUE(std::ranges::equal(a->result()->users(), std::vector<Operation*>{b, b, c}));
  EXPECT_EQ(b->all_operands(), (std::vector<Value*>{a->result(), a->result()}));
  EXPECT_TRUE(c->result()->users().empty());
  EXPECT_EQ(main.input("x")->producer(), nullptr);
  EXPECT_EQ(main.input("z"), nullptr);
  EXPECT_EQ(c->result()->producer(), c);
}

TEST(Ir, ReplaceUsesReachesOperandsListsResultsAndNestedBlocks) {
  Program program = parsed(
      "tensor<fp32, [2]> a = relu(x = x); tensor<fp32, [2]> r = cond(pred = y) block0() { "
      "tensor<fp32, [2]> b = relu(x = a); } -> (a) block1() {} -> (y); "
      "tensor<fp32, [4]> c = concat(values = (a, a), axis = int32(0));",
      "a, c");
  Function& main = *program.function("main");
  Value* a = operation_of(main, "a")->result();
  Value* x = main.input("x");
  main.block().replace_uses(a, x);
  EXPECT_TRUE(a->users().empty());
  EXPECT_EQ(main.results()[0], x);
  EXPECT_EQ(operation_of(main, "c")->operand_values("values"), (std::vector<Value*>{x, x}));
  Operation* cond = operation_of(main, "r");
  EXPECT_EQ(cond->blocks()[0]->results()[0], x);
  EXPECT_EQ(cond->blocks()[0]->operations().front()->operand("x"), x);
  EXPECT_EQ(x->users().size(), 4u);  // relu a, relu b, concat twice
}

TEST(Ir, EraseTakesAnOperationOutOfItsOperandsUsers) {
  Program program = parsed(kThree, "a");
  Function& main = *program.function("main");
  Value* a = operation_of(main, "a")->result();
  main.block().erase(operation_of(main, "c"));
  EXPECT_EQ(a->users().size(), 2u);
  EXPECT_EQ(main.block().operations().size(), 2u);
}

TEST(IrDeathTest, ErasingAUsedOperationIsABug) {
  Program program = parsed(kThree, "c");
  Function& main = *program.function("main");
  EXPECT_DEATH(main.block().erase(operation_of(main, "a")), "erasing line 1, a \\(add\\) while a has users");
}

TEST(Ir, OperationsGoBeforeAnother) {
  Program program = parsed(kThree, "c");
  Function& main = *program.function("main");
  Operation* added = main.block().add_operation("relu", operation_of(main, "b"));
  EXPECT_EQ(std::next(main.block().operations().begin())->get(), added);
  EXPECT_EQ(added->location().line, 0);
}

TEST(Ir, TheListOfOperationsGoesBothWaysAfterEveryChange) {
  Function function("f", "ios18");
  Block& block = function.block();
  std::vector<Operation*> expected;
  const auto check = [&] {
    std::vector<Operation*> forward, backward;
    for (const auto& operation : block.operations()) forward.push_back(operation.get());
    for (auto it = block.operations().end(); it != block.operations().begin();) backward.push_back((--it)->get());
    std::ranges::reverse(backward);
    EXPECT_EQ(forward, expected);
    EXPECT_EQ(backward, expected);
    EXPECT_EQ(block.operations().size(), expected.size());
    EXPECT_EQ(block.operations().empty(), expected.empty());
  };
  check();
  Operation* const b = block.add_operation("b");
  Operation* const d = block.add_operation("d");
  Operation* const a = block.add_operation("a", b);
  Operation* const c = block.add_operation("c", d);
  expected = {a, b, c, d};
  check();
  EXPECT_EQ(block.operations().front().get(), a);
  EXPECT_EQ(block.operations().back().get(), d);
  for (Operation* operation : {a, d, c, b}) {
    block.erase(operation);
    std::erase(expected, operation);
    check();
  }
}

TEST(Ir, ValuesAreNumberedInTheOrderOfTheirMaking) {
  Function function("f", "ios18");
  const Value* x = function.block().add_input("x", Type::scalar(ElementType::fp32));
  Operation* operation = function.block().add_operation("split");
  const Value* first = operation->add_result("first", Type::scalar(ElementType::fp32));
  const Value* second = operation->add_result("second", Type::scalar(ElementType::fp32));
  EXPECT_EQ(x->id(), 0u);
  EXPECT_EQ(first->id(), 1u);
  EXPECT_EQ(second->id(), 2u);
}

TEST(Ir, OperandsCanBeRemovedAndReplaced) {
  Program program = parsed(kThree, "c");
  Function& main = *program.function("main");
  Operation* b = operation_of(main, "b");
  Value* a = operation_of(main, "a")->result();
  b->replace_operand(a, main.input("x"));
  EXPECT_EQ(b->operand("x"), main.input("x"));
  EXPECT_EQ(b->operand("y"), main.input("x"));
  EXPECT_EQ(a->users().size(), 1u);
  b->remove_operand("y");
  EXPECT_EQ(b->find_operand("y"), nullptr);
  EXPECT_EQ(main.input("x")->users().size(), 2u);
}

TEST(Ir, ConstantsAreFoundBehindValuesLiteralsAndAttributes) {
  const Program program = parsed(
      "int32 k = const()[val = int32(7)]; tensor<fp32, [2]> a = f(k = k, l = int32(8), m = x)"
      "[n = int32(9)];",
      "a");
  const Operation& f = *operation_of(*program.function("main"), "a");
  EXPECT_EQ(f.constant("k")->as_integer(), 7);
  EXPECT_EQ(f.constant("l")->as_integer(), 8);
  EXPECT_EQ(f.constant("n")->as_integer(), 9);
  EXPECT_EQ(f.constant("m"), nullptr);
  EXPECT_EQ(f.constant("o"), nullptr);
  EXPECT_EQ(f.operand("l"), nullptr);
}

TEST(Ir, DescribesAnOperationByLineLabelAndKind) {
  const Program program = parsed(kThree, "c");
  EXPECT_EQ(describe(*operation_of(*program.function("main"), "c")), "line 1, scope.c (concat)");
  EXPECT_EQ(describe(*operation_of(*program.function("main"), "a")), "line 1, a (add)");
  Function function("f", "ios18");
  EXPECT_EQ(describe(*function.block().add_operation("write_state")), "write_state");
}

TEST(Ir, SettingAnAttributeAgainReplacesIt) {
  Function function("f", "ios18");
  Operation* operation = function.block().add_operation("relu");
  operation->set_attribute("name", Literal::string("a"));
  operation->set_attribute("name", Literal::string("b"));
  EXPECT_EQ(operation->attributes().size(), 1u);
  EXPECT_EQ(operation->label(), "b");
}

TEST(Ir, UniqueNamesAreIdentifiersThatNobodyHas) {
  Function function("f", "ios18");
  EXPECT_EQ(function.unique_name("layers.0.attention"), "layers_0_attention");
  EXPECT_EQ(function.unique_name("0"), "_0");
  EXPECT_EQ(function.unique_name(""), "_");
  function.block().add_input("a", Type::scalar(ElementType::fp32));
  function.block().add_input("a_0", Type::scalar(ElementType::fp32));
  EXPECT_EQ(function.unique_name("a"), "a_1");
  EXPECT_EQ(function.unique_name("b"), "b");
}

TEST(Ir, UniqueNamesKnowWhatWasParsedAndWhatCameLater) {
  Program program = parsed(kThree, "c");
  Function& main = *program.function("main");
  EXPECT_EQ(main.unique_name("a"), "a_0");
  EXPECT_EQ(main.unique_name("later"), "later");
  main.block().add_operation("relu")->add_result("later", Type::scalar(ElementType::fp32));
  EXPECT_EQ(main.unique_name("later"), "later_0");
}

TEST(Ir, AClonedFunctionIsEqualAndApart) {
  Program program = parsed(
      "tensor<fp32, [2]> a = relu(x = x); tensor<fp32, [2]> r = cond(pred = y) block0() { "
      "tensor<fp32, [2]> b = relu(x = a); } -> (b) block1(tensor<fp32, [2]> z) {} -> (z); "
      "tensor<fp32, [4]> c = concat(values = (a, r), axis = int32(0));",
      "c, a");
  Function& main = *program.function("main");
  main.alias(main.results()[1], main.input("x"));
  std::unordered_map<const Value*, Value*> values;
  const auto copy = clone(main, &values);
  EXPECT_EQ(first_difference(main, *copy), std::nullopt);
  EXPECT_EQ(values.at(main.input("x")), copy->input("x"));
  EXPECT_EQ(values.at(main.results()[0]), copy->results()[0]);
  EXPECT_EQ(copy->aliased_input(copy->results()[1]), copy->input("x"));
  EXPECT_EQ(copy->unique_name("b"), "b_0");
  // A change of one is not seen in the other.
  main.block().replace_uses(main.input("x"), main.input("y"));
  EXPECT_NE(first_difference(main, *copy), std::nullopt);
  EXPECT_EQ(copy->input("x")->users().size(), 1u);
}

TEST(Ir, AliasesNameResultAndInput) {
  Program program = parsed(kThree, "a, b");
  Function& main = *program.function("main");
  main.alias(main.results()[0], main.input("x"));
  main.alias(main.results()[1], main.input("y"));
  EXPECT_EQ(main.aliased_input(main.results()[0]), main.input("x"));
  EXPECT_EQ(main.aliased_input(main.results()[1]), main.input("y"));
  EXPECT_EQ(main.aliased_input(operation_of(main, "c")->result()), nullptr);
}

TEST(IrDeathTest, AnAliasOfAnotherTypeIsABug) {
  Program program = parsed(kThree, "c");
  Function& main = *program.function("main");
  EXPECT_DEATH(main.alias(main.results()[0], main.input("x")), "cannot alias input x of type tensor<fp32, \\[2\\]>");
}

TEST(Ir, DeadOperationsGoUnlessTheyActOrAreUnknown) {
  Program program = parsed(
      "tensor<fp32, [2]> a = relu(x = x); tensor<fp32, [2]> b = relu(x = a); "
      "tensor<fp32, [2]> c = relu(x = y); tensor<fp32, [2]> d = unheard_of(x = y); "
      "fp32 e = const()[val = fp32(1)];",
      "c");
  Function& main = *program.function("main");
  EXPECT_EQ(remove_dead_operations(main), 3u);
  EXPECT_EQ(main.block().operations().size(), 2u);
  EXPECT_EQ(remove_dead_operations(main), 0u);
}

TEST(Ir, ProgramsFindAndGiveAwayFunctions) {
  Program program;
  program.add_function("a", "ios18");
  program.add_function(std::make_unique<Function>("b", "ios17"));
  EXPECT_EQ(program.function("b")->opset(), "ios17");
  EXPECT_EQ(program.function("c"), nullptr);
  EXPECT_EQ(program.take_function("a")->name(), "a");
  EXPECT_EQ(program.functions().size(), 1u);
  EXPECT_EQ(program.take_function("a"), nullptr);
}

}  // namespace
}  // namespace millwright::mil
