#include "mil/verifier.h"

#include <gtest/gtest.h>

#include "mil/builder.h"
#include "mil/parser.h"
#include "mil/program_files.h"

namespace millwright::mil {
namespace {

Program parsed(std::string_view statements, std::string_view results, std::string_view attributes = "") {
  auto program =
      parse_program(fmt::format("program(1.3) {{\nfunc main<ios18>(tensor<fp32, [2]> x, tensor<fp32, [2]> y) "
                                "{} {{\n{}\n}} -> ({});\n}}",
                                attributes, statements, results),
                    "test");
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

std::string errors(const Program& program) {
  std::string text;
  for (const Diagnostic& diagnostic : verify_all(program)) text += diagnostic_text(diagnostic, "") + "\n";
  return text;
}

TEST(Verifier, AcceptsTheExampleProgramsOfTheFactBase) {
  for (const auto& file : testing::program_files("reprinted")) {
    const auto program = parse_program(file.text, file.path.filename().string());
    ASSERT_TRUE(program) << program.error().message;
    EXPECT_EQ(errors(*program), "") << file.path;
  }
}

TEST(Verifier, ReportsAnUnknownOperation) {
  const Program program = parsed("tensor<fp32, [2]> a = unheard_of(x = x)[name = string(\"scope.a\")];", "a");
  EXPECT_EQ(errors(program), "3:1: line 3, scope.a (unheard_of): unknown operation unheard_of\n");
}

TEST(Verifier, SaysTheDeclaredAndTheInferredType) {
  EXPECT_EQ(errors(parsed("tensor<fp32, [3]> a = add(x = x, y = y);", "a")),
            "3:1: line 3, a (add): a is declared as tensor<fp32, [3]>, but its operands give tensor<fp32, [2]>\n");
  EXPECT_EQ(errors(parsed("tensor<fp16, [2]> a = add(x = x, y = y);", "a")),
            "3:1: line 3, a (add): a is declared as tensor<fp16, [2]>, but its operands give tensor<fp32, [2]>\n");
  EXPECT_EQ(errors(parsed("tensor<fp32, [2, 1]> a = add(x = x, y = y);", "a")),
            "3:1: line 3, a (add): a is declared as tensor<fp32, [2, 1]>, but its operands give tensor<fp32, [2]>\n");
  EXPECT_EQ(errors(parsed("state<fp32> a = add(x = x, y = y);", "a")),
            "3:1: line 3, a (add): a is declared as state<fp32>, but its operands give tensor<fp32, [2]>\n");
}

TEST(Verifier, KnowsTheTypesOfAttributes) {
  EXPECT_EQ(errors(parsed("tensor<fp32, [2]> a = add(x = x, y = y)[name = int32(4), other = int32(4)];", "a")),
            "3:1: line 3, a (add): the attribute name is int32, expected string\n");
  EXPECT_EQ(errors(parsed("tensor<fp32, [2]> a = add(x = x, y = y)[name = tensor<string, []>(\"n\")];", "a")), "");
  EXPECT_EQ(errors(parsed("tensor<fp32, [2]> a = add(x = x, y = y)[name = tensor<string, [1]>([\"n\"])];", "a")),
            "3:1: line 3, a (add): the attribute name is tensor<string, [1]>, expected string\n");
  const auto errors_with = [](const std::string& build_info) {
    const auto program = parse_program(
        "program(1.3)\n[buildInfo = " + build_info + "]\n{ func main<ios17>(fp32 x) { fp32 y = exp(x = x); } -> (y); }",
        "test");
    EXPECT_TRUE(program) << program.error().message;
    return errors(*program);
  };
  EXPECT_EQ(errors_with("dict<string, string>({})"), "");
  EXPECT_EQ(errors_with("dict<tensor<string, []>, tensor<string, []>>({{\"a\", \"b\"}})"), "");
  EXPECT_NE(errors_with("string(\"x\")").find("the attribute buildInfo is string, expected a dictionary of strings"),
            std::string::npos);
  EXPECT_NE(errors_with("dict<int32, string>({})").find("expected a dictionary of strings"), std::string::npos);
}

TEST(Verifier, AnUnknownSizeAgreesWithAnyOther) {
  EXPECT_EQ(errors(parsed("tensor<fp32, [?]> a = add(x = x, y = y);", "a")), "");
}

TEST(Verifier, ComparesTheNumberOfResults) {
  EXPECT_EQ(errors(parsed("tensor<fp32, [2]> a, tensor<fp32, [2]> b = add(x = x, y = y);", "a")),
            "3:1: line 3, a (add): add has 1 result, found 2\n");
  EXPECT_EQ(errors(parsed("add(x = x, y = y);", "x")), "3:1: line 3, add: add has 1 result, found 0\n");
  EXPECT_EQ(errors(parsed("tensor<fp32, [1]> a = split(x = x, num_splits = int32(2), axis = int32(0));", "a")),
            "3:1: line 3, a (split): split has 2 results, found 1\n");
}

TEST(Verifier, ReportsEveryErrorAndCountsThemInTheStatus) {
  const Program program = parsed(
      "tensor<fp32, [3]> a = add(x = x, y = y);\ntensor<fp32, [2]> b = nothing(x = a);\n"
      "tensor<fp32, [2]> c = relu(y = x);",
      "c");
  EXPECT_EQ(verify_all(program).size(), 3u);
  const Status status = verify(program);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "line 3, a (add): a is declared as tensor<fp32, [3]>, but its operands give tensor<fp32, [2]> "
            "(and 2 more errors)");
  EXPECT_TRUE(verify(parsed("", "x")));
}

TEST(Verifier, RefusesBlocksWhereNoneBelong) {
  EXPECT_EQ(errors(parsed("tensor<fp32, [2]> a = relu(x = x) block0() {} -> (y);", "a")),
            "3:1: line 3, a (relu): relu takes no blocks, found 1\n");
}

TEST(Verifier, ChecksInsideNestedBlocks) {
  EXPECT_EQ(
      errors(parsed(
          "tensor<fp32, [2]> a = cond(pred = bool(true)) block0() {\ntensor<fp32, [5]> b = relu(x = y);\n} -> (b);",
          "a")),
      "4:1: line 4, b (relu): b is declared as tensor<fp32, [5]>, but its operands give tensor<fp32, [2]>\n"
      "3:1: line 3, a (cond): cond takes 2 blocks, found 1\n");
}

// Programs built in memory can have what no text can.
class BuiltProgram : public ::testing::Test {
 protected:
  Program program_;
  Function& main_ = *program_.add_function("main", "ios18");
  const Type type_ = Type::tensor(ElementType::fp32, {2});
  Value* x_ = main_.block().add_input("x", type_);

  Value* relu(Value* x, std::string name, Operation* before = nullptr) {
    Operation* operation = main_.block().add_operation("relu", before);
    operation->add_operand({"x", {x}, false});
    return operation->add_result(std::move(name), type_);
  }
};

TEST_F(BuiltProgram, UsesMustFollowDefinitions) {
  Value* a = relu(x_, "a");
  Value* b = relu(a, "b", a->producer());
  main_.block().set_results({b});
  EXPECT_EQ(errors(program_), "b (relu): x uses a, which is not defined before it\n");
}

TEST_F(BuiltProgram, UsesStayInsideTheirFunction) {
  Function& other = *program_.add_function("other", "ios18");
  Value* foreign = other.block().add_input("f", type_);
  other.block().set_results({foreign});
  Value* a = relu(foreign, "a");
  main_.block().set_results({a, foreign});
  EXPECT_EQ(errors(program_),
            "a (relu): x uses f, which is not defined before it\n"
            "function main: the result f is not defined in this block\n");
}

TEST_F(BuiltProgram, ValuesOfANestedBlockEndWithIt) {
  Operation* cond = main_.block().add_operation("cond");
  Block* block = cond->add_block();
  Operation* inner = block->add_operation("relu");
  inner->add_operand({"x", {x_}, false});
  Value* hidden = inner->add_result("hidden", type_);
  block->set_results({hidden});
  main_.block().set_results({relu(hidden, "a")});
  EXPECT_EQ(errors(program_),
            "cond: cond takes 2 blocks, found 1\n"
            "a (relu): x uses hidden, which is not defined before it\n");
}

TEST_F(BuiltProgram, NamesAreIdentifiersAndUnique) {
  Value* a = relu(x_, "x");
  main_.block().set_results({relu(a, "a b")});
  EXPECT_EQ(errors(program_),
            "x (relu): the value x is defined twice\n"
            "a b (relu): the value name \"a b\" is not an identifier\n");
}

TEST_F(BuiltProgram, FunctionsHaveResultsAndDifferentNames) {
  program_.add_function("main", "ios17")->block().add_input("y", type_);
  EXPECT_EQ(errors(program_),
            "function main: expected one result or more, found none\n"
            "function main: the program has another function of this name\n"
            "function main: expected one result or more, found none\n");
}

TEST_F(BuiltProgram, ParametersAreGivenOnce) {
  Value* a = relu(x_, "a");
  a->producer()->add_operand({"x", {x_}, false});
  main_.block().set_results({a});
  EXPECT_EQ(errors(program_), "a (relu): x is given twice\n");
}

TEST_F(BuiltProgram, AliasesPassWhenTheInputIsReadBeforeTheWrite) {
  Value* read = relu(x_, "read");
  Value* written = relu(x_, "written");
  relu(written, "later");
  main_.block().set_results({written, read});
  main_.alias(written, x_);
  EXPECT_EQ(errors(program_), "");
}

TEST_F(BuiltProgram, AnAliasedInputIsNotReadBehindTheWrite) {
  Value* written = relu(x_, "written");
  Value* late = relu(x_, "late");
  main_.block().set_results({written, late});
  main_.alias(written, x_);
  EXPECT_EQ(errors(program_), "late (relu): reads x behind the operation that stores written into it\n");
}

TEST_F(BuiltProgram, OneInputTakesOneResult) {
  Value* a = relu(x_, "a");
  Value* b = relu(a, "b");
  main_.block().set_results({a, b});
  main_.alias(a, x_);
  main_.alias(b, x_);
  EXPECT_EQ(errors(program_), "function main: two results alias the input x\n");
}

TEST(Verifier, ChecksAliasesReadFromText) {
  const auto with = [](std::string_view aliases) {
    return errors(parsed("tensor<fp32, [2]> a = add(x = x, y = y);\ntensor<bool, [2]> b = less(x = x, y = y);", "a, b",
                         fmt::format("[mw_aliases = {}]", aliases)));
  };
  EXPECT_EQ(with("dict<string, string>({{\"a\", \"x\"}})"),
            "4:1: line 4, b (less): reads x behind the operation that stores a into it\n");
  EXPECT_EQ(with("dict<string, string>({{\"c\", \"x\"}})"), "function main: c is given an alias but is no result\n");
  EXPECT_EQ(with("dict<string, string>({{\"b\", \"z\"}})"), "function main: b aliases z, which is no input\n");
  EXPECT_EQ(with("dict<string, string>({{\"b\", \"x\"}})"),
            "function main: b of type tensor<bool, [2]> cannot alias x of type tensor<fp32, [2]>\n");
  EXPECT_EQ(with("dict<string, string>({{\"b\", \"z\"}, {\"b\", \"w\"}})"),
            "function main: b aliases z, which is no input\n"
            "function main: b aliases two inputs\n"
            "function main: b aliases w, which is no input\n");
  EXPECT_EQ(with("int32(1)"), "function main: mw_aliases is int32, expected dict<string, string>\n");
}

}  // namespace
}  // namespace millwright::mil
