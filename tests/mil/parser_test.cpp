#include "mil/parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mil/compare.h"
#include "mil/printer.h"
#include "mil/program_files.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

using testing::program_files;

std::string diagnostics_text(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += diagnostic_text(diagnostic, "") + "\n";
  return text;
}

// A program with one function around the statements.
std::string with_statements(std::string_view statements, std::string_view results = "x") {
  return fmt::format("program(1.3)\n{{\nfunc main<ios18>(tensor<fp32, [2]> x) {{\n{}\n}} -> ({});\n}}", statements,
                     results);
}

std::string first_error(std::string_view text) {
  const ParseResult result = parse(text);
  return result.diagnostics.empty() ? "no error" : diagnostic_text(result.diagnostics[0], "");
}

const Literal& value_of(const Program& program, std::string_view name) {
  for (const auto& operation : program.functions()[0]->block().operations()) {
    if (operation->result()->name() == name) return *operation->attribute("val");
  }
  ADD_FAILURE() << "no constant " << name;
  return *program.functions()[0]->block().operations().front()->attribute("val");
}

TEST(Parser, PrintsCompiledProgramsBackByteForByte) {
  for (const auto& file : program_files("exact")) {
    const ParseResult result = parse(file.text);
    ASSERT_TRUE(result.program) << file.path << "\n" << diagnostics_text(result.diagnostics);
    EXPECT_EQ(print(*result.program), file.text) << file.path;
  }
}

TEST(Parser, ReadsTypesThatRepeatInEverySpelling) {
  const auto program =
      parse_program(with_statements("tensor<fp32, [2]> a = relu(x = x); tensor<fp32, [2]> b = relu(x = a);\n"
                                    "tensor<fp32,[2]> c = relu(x = b); tensor<fp32 /* > */, [2]> d = "
                                    "relu(x = c); tensor<fp32,\n[2]> e = relu(x = d);\n"
                                    "tensor<fp32, [2, 2]> f = stack(values = (a, b), axis = int32(0));",
                                    "e"),
                    "m");
  ASSERT_TRUE(program.has_value()) << program.error().message;
  std::vector<std::string> types;
  for (const auto& operation : program->functions()[0]->block().operations()) {
    types.push_back(type_text(operation->result()->type()));
  }
  const std::string two = "tensor<fp32, [2]>";
  EXPECT_EQ(types, (std::vector<std::string>{two, two, two, two, two, "tensor<fp32, [2, 2]>"}));
}

TEST(Parser, KeepsPlacesBehindTypesThatRepeat) {
  EXPECT_EQ(
      first_error(with_statements("tensor<fp32, [2]> a = relu(x = x);\n  tensor<fp32, [2]> b = relu(x = nobody);")),
      "5:34: the value 'nobody' is not defined before its use here");
  EXPECT_EQ(first_error(with_statements("tensor<fp32, [2]> a = relu(x = x);\n  tensor<fp32, [2]]> b = relu(x = a);")),
            "5:19: expected '>' behind the parts of the type, found ']'");
}

TEST(Parser, SharesTheNameOfAnOperationWithThatOfItsResult) {
  const auto program = parse_program(with_statements("tensor<fp32, [2]> a = relu(x = x)[name = string(\"a\")];"
                                                     "tensor<fp32, [2]> b = relu(x = a)[name = string(\"a\")];"),
                                     "m");
  ASSERT_TRUE(program.has_value());
  const Operation& first = *program->functions()[0]->block().operations().front();
  EXPECT_EQ(first.attribute("name")->as_string().data(), first.result()->name().data());
  const Operation& second = *program->functions()[0]->block().operations().back();
  EXPECT_EQ(second.attribute("name")->as_string(), "a");
  EXPECT_EQ(second.result()->name(), "b");
}

TEST(Parser, ReadsHandWrittenPrograms) {
  for (const auto& file : program_files("reprinted")) {
    const ParseResult result = parse(file.text);
    ASSERT_TRUE(result.program) << file.path << "\n" << diagnostics_text(result.diagnostics);
    EXPECT_EQ(print(*result.program), file.beside(".expected")) << file.path;
  }
}

// A literal's type may leave its size open: the size is then known, and the question mark prints again.
TEST(Parser, KeepsTheQuestionMarksOfLiterals) {
  const std::string text =
      "program(1.3)\n{\n    func main<CoreML8>(tensor<fp16, [2, ?]> x) {\n"
      "            tensor<int32, [?]> perm = const()[val = tensor<int32, [?]>([1, 0])];\n"
      "            tensor<int32, [2]> reps = const()[val = tensor<int32, [?]>([1, 3])];\n"
      "            tensor<fp16, [?, 2]> y = transpose(perm = perm, x = x)[grid = tensor<fp16, [?, 2]>([[0x1p+0, "
      "0x0p+0]])];\n"
      "        } -> (y);\n}";
  const ParseResult result = parse(text);
  ASSERT_TRUE(result.program) << diagnostics_text(result.diagnostics);
  EXPECT_EQ(print(*result.program), text);
  const Block& block = result.program->functions()[0]->block();
  EXPECT_EQ(block.operations().front()->result()->shape(), Shape{2});
  EXPECT_EQ(block.operations().back()->attribute("grid")->type().shape(), (Shape{1, 2}));
}

TEST(Parser, ReportsWhatIsWrongAndWhere) {
  for (const auto& file : program_files("wrong")) {
    const ParseResult result = parse(file.text);
    EXPECT_FALSE(result.program) << file.path;
    EXPECT_EQ(diagnostics_text(result.diagnostics), file.beside(".errors")) << file.path;
  }
}

TEST(Parser, GivesTheFirstErrorAndHowManyFollow) {
  const auto result = parse_program(with_statements("tensor<fp32, [2]> y = relu(x = a);"), "model.mil");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "model.mil:4:32: the value 'a' is not defined before its use here");
  const auto two = parse_program(with_statements("tensor<fp32, [2]> y = relu(x = a);", "z"), "model.mil");
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().message, "model.mil:4:32: the value 'a' is not defined before its use here (and 1 more error)");
  const auto three = parse_program(with_statements("tensor<fp32, [2]> y = relu(x = a);", "z, w"), "model.mil");
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().message,
            "model.mil:4:32: the value 'a' is not defined before its use here (and 2 more errors)");
}

TEST(Parser, KeepsWhereEachOperationStood) {
  const auto program = parse_program(with_statements("tensor<fp32, [2]> y = relu(x = x);\n\n  write(data = y);"), "m");
  ASSERT_TRUE(program);
  const auto& operations = program->functions()[0]->block().operations();
  EXPECT_EQ(operations.front()->location().line, 4);
  EXPECT_EQ(operations.front()->location().column, 1);
  EXPECT_EQ(operations.back()->location().line, 6);
  EXPECT_EQ(operations.back()->location().column, 3);
  EXPECT_TRUE(operations.back()->results().empty());
}

TEST(Parser, LinksOperandsToTheirDefinitions) {
  const auto program = parse_program(with_statements("tensor<fp32, [2]> y = add(x = x, y = x);\n"
                                                     "tensor<fp32, [4]> z = concat(values = (x, y), axis = int32(0));"),
                                     "m");
  ASSERT_TRUE(program) << program.error().message;
  const Function& main = *program->function("main");
  const Operation& add = *main.block().operations().front();
  const Operation& concat = *main.block().operations().back();
  EXPECT_EQ(add.operand("x"), main.input("x"));
  EXPECT_EQ(concat.operand_values("values"), (std::vector<Value*>{main.input("x"), add.result()}));
  EXPECT_EQ(main.input("x")->users().size(), 3u);
  EXPECT_TRUE(concat.find_operand("values")->is_list);
  EXPECT_EQ(concat.constant("axis")->as_integer(), 0);
}

TEST(Parser, ReadsUnknownOperationsAndOpsets) {
  const auto program = parse_program(
      "program(1.9){func f<ios99>(){fp32 a = unheard_of(k = string(\"v\"))[z = int8(3)];"
      "} -> (a);}",
      "m");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(program->version(), "1.9");
  EXPECT_EQ(program->functions()[0]->opset(), "ios99");
  EXPECT_EQ(program->functions()[0]->block().operations().front()->definition(), nullptr);
}

TEST(Parser, FindsTheSizesOfUnknownAxesInTheLiteral) {
  const auto program = parse_program(
      with_statements("", "x").replace(0, 12,
                                       "program(1.3)[a = tensor<int32, [?, 2]>([[1, 2], [3, 4], [5, 6]]), "
                                       "b = tensor<fp32, [?, 3]>([])]"),
      "m");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(program->attributes()[0].value.type(), Type::tensor(ElementType::int32, {3, 2}));
  EXPECT_EQ(program->attributes()[1].value.type(), Type::tensor(ElementType::fp32, {0, 3}));
}

TEST(Parser, RoundsEachNumberOnceToItsType) {
  const auto program = parse_program(
      with_statements("fp16 a = const()[val = fp16(0.000010)];\n"
                      // Just above the middle of 1 and its successor in fp16; as a double it is the middle.
                      "fp16 b = const()[val = fp16(1.00048828125000000000000001)];\n"
                      "fp16 c = const()[val = fp16(1.00048828125)];\n"
                      "fp16 d = const()[val = fp16(65520)];\n"
                      "bf16 e = const()[val = bf16(0x1.01000000000000000001p+0)];\n"
                      "fp32 g = const()[val = fp32(-0.1)];\n"),
      "m");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(value_of(*program, "a").as_number(), 0x1.5p-17);
  EXPECT_EQ(value_of(*program, "b").as_number(), 0x1.004p+0);
  EXPECT_EQ(value_of(*program, "c").as_number(), 1.0);
  EXPECT_EQ(value_of(*program, "d").as_number(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(value_of(*program, "e").as_number(), 0x1.02p+0);
  EXPECT_EQ(value_of(*program, "g").as_number(), static_cast<double>(-0.1f));
}

TEST(Parser, KeepsAliases) {
  Program program;
  Function* function = program.add_function("main", "ios18");
  const Type type = Type::tensor(ElementType::fp32, {2});
  Value* x = function->block().add_input("x", type);
  Operation* relu = function->block().add_operation("relu");
  relu->add_operand({"x", {x}, false});
  Value* y = relu->add_result("y", type);
  function->block().set_results({y});
  function->alias(y, x);
  const auto again = parse_program(print(program), "printed");
  ASSERT_TRUE(again) << again.error().message;
  const Function& parsed = *again->function("main");
  EXPECT_EQ(parsed.aliased_input(parsed.results()[0]), parsed.input("x"));
}

TEST(Parser, GoesOnBehindAWrongStatement) {
  const ParseResult result =
      parse(with_statements("tensor<fp32, [2]> a = relu(x = );\n"
                            "tensor<fp32, [2]> b = relu(x = a);\n"
                            "tensor<fp32 [2]> c, fp32 d = relu(x = b);\n"
                            "tensor<fp32, [2]> e = add(x = c, y = f);\n"
                            "dict<string, string> g = const()[val = dict<string, string>({{\"a\", 1}})];\n"
                            "tensor<fp32, [2]> h = relu(x = h);",
                            "h, g, d, i"));
  EXPECT_EQ(diagnostics_text(result.diagnostics),
            "4:32: expected the name of a value, found ')'\n"
            "6:13: expected ',' behind the element type, found '['\n"
            "7:38: the value 'f' is not defined before its use here\n"
            "8:68: expected a string in double quotes, found '1'\n"
            "9:32: the value 'h' is not defined before its use here\n"
            "10:16: the value 'i' is not defined before its use here\n");
}

TEST(Parser, GoesOnWithTheNextFunction) {
  const ParseResult result = parse(
      "program(1.3) {\n func a<ios18>(fp33 x) { } -> (x);\n func b(fp32 x) {} -> (x);\n"
      " func c<ios18>(fp32 x) {} -> (y);\n}");
  EXPECT_EQ(diagnostics_text(result.diagnostics),
            "2:16: expected a type such as fp16 or tensor<fp16, [1, 64]>, found 'fp33'\n"
            "3:8: expected '<' before the opset, found '('\n"
            "4:31: the value 'y' is not defined before its use here\n");
}

TEST(Parser, StopsBehindManyErrors) {
  std::string statements;
  for (int i = 0; i < 1000; ++i) statements += "tensor<fp32, [2]> x = relu(y = ;\n";
  EXPECT_EQ(parse(with_statements(statements)).diagnostics.size(), kMaximumDiagnostics);
}

TEST(Parser, SurvivesDeepNesting) {
  const size_t deep = 1'000'000;
  const auto repeat = [](std::string_view part, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += part;
    return text;
  };
  EXPECT_EQ(first_error("program(1.3) { func f<ios18>(" + repeat("state<", deep)),
            "1:222: expected types at most 32 deep inside each other");
  EXPECT_EQ(first_error("program(1.3)[a = tensor<int32, [1]>(" + repeat("[", deep)),
            "1:38: expected an integer for int32, found '['");
  EXPECT_EQ(first_error(with_statements(repeat("f() b(){", deep))),
            "4:253: expected blocks at most 32 deep inside each other");
  EXPECT_EQ(first_error(with_statements("fp32 y = f(a = " + repeat("(", deep))),
            "4:17: expected the name of a value, found '('");
  EXPECT_EQ(first_error("program(1.3)[a = uint64(" + repeat("BLOBFILE(offset = uint64(", 1000)),
            "1:50: expected an integer for uint64, found 'BLOBFILE'");
}

TEST(Parser, AllocatesOnlyForElementsThatAreThere) {
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [1000000000]>([1])]{}"),
            "1:45: expected 1000000000 in axis 0 of tensor<fp32, [1000000000]>, found 1");
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [1000000000]>(1)]{}"),
            "1:45: a single value for all 1000000000 elements of tensor<fp32, [1000000000]> is too large; use the "
            "operation fill");
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [1000000, 0, 1000000]>(1)]{}"),
            "1:54: expected brackets around the elements of tensor<fp32, [1000000, 0, 1000000]>: a single value "
            "stands only for known sizes above 0");
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [1000000, 0, 1000000]>([1])]{}"),
            "1:55: expected '[' before axis 1 of tensor<fp32, [1000000, 0, 1000000]>, found '1'");
  EXPECT_EQ(first_error("program(1.3)[a = list<fp32, 1000000000>([1])]{}"),
            "1:41: expected 1000000000 items in list<fp32, 1000000000>, found 1");
}

TEST(Parser, RefusesSizesThatDoNotFit) {
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [2147483648]>(1)]{}"),
            "1:32: expected a size (0 to 2147483647, or '?'), found '2147483648'");
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [99999999999999999999]>(1)]{}"),
            "1:32: expected a size (0 to 2147483647, or '?'), found '99999999999999999999'");
  EXPECT_EQ(first_error("program(1.3)[a = tensor<fp32, [2147483647, 0, 2147483647, 2]>(1)]{}"),
            "1:31: the shape [2147483647, 0, 2147483647, 2] has more elements than can be counted");
}

TEST(Parser, ReadsManyStatementsInLinearTime) {
  // Quadratic behaviour would take minutes here.
  std::string statements = "tensor<fp32, [2]> v0 = relu(x = x);\n";
  for (int i = 1; i < 100'000; ++i) {
    statements += fmt::format("tensor<fp32, [2]> v{} = relu(x = v{})[name = string(\"v\")];\n", i, i - 1);
  }
  const auto program = parse_program(with_statements(statements, "v99999"), "m");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(program->functions()[0]->block().operations().size(), 100'000u);
}

}  // namespace
}  // namespace millwright::mil
