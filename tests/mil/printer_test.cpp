#include "mil/printer.h"

#include <gtest/gtest.h>

#include "mil/compare.h"
#include "mil/parser.h"
#include "mil/program_files.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

Program parsed(const std::string& text) {
  auto program = parse_program(text, "test");
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

TEST(Printer, WhatItPrintsIsReadBackEqualAndPrintsTheSame) {
  for (const std::string_view folder : {"exact", "reprinted", "types"}) {
    for (const auto& file : testing::program_files(folder)) {
      const Program program = parsed(file.text);
      const std::string text = print(program);
      const Program again = parsed(text);
      EXPECT_EQ(first_difference(program, again), std::nullopt) << file.path;
      EXPECT_EQ(print(again), text) << file.path;
    }
  }
}

TEST(Printer, TheEngineStyleIsAFixedPointToo) {
  for (const std::string_view folder : {"exact", "reprinted", "types"}) {
    for (const auto& file : testing::program_files(folder)) {
      const std::string text = print(parsed(file.text), PrintStyle::engine());
      EXPECT_EQ(print(parsed(text), PrintStyle::engine()), text) << file.path;
      EXPECT_EQ(print(parsed(text)), text) << file.path;
    }
  }
}

TEST(Printer, TheEngineStyleNamesConstantsAndOperations) {
  const Program program = parsed(
      "program(1.3) { func main<ios18>(tensor<fp16, [2]> x) {\n"
      "tensor<fp16, [2]> a = mul(x = x, y = fp16(2));\n"
      "fp16 b_y = const()[val = fp16(1)];\n"
      "tensor<fp16, [2]> b = add(x = a, y = fp16(1))[name = string(\"labelled\")];\n"
      "tensor<fp16, [6]> c = concat(values = (tensor<fp16, [2]>([1, 2]), a, tensor<fp16, [2]>([3, 4])), axis = "
      "int32(0));\n"
      "} -> (b, c); }");
  EXPECT_EQ(print(program, PrintStyle::engine()),
            R"(program(1.3)
[buildInfo = dict<string, string>({{"coremlc-component-MIL", "3510.2.1"}, {"coremlc-version", "3505.4.1"}, {"coremltools-component-milinternal", ""}, {"coremltools-version", "9.0"}})]
{
    func main<ios18>(tensor<fp16, [2]> x) {
            fp16 a_y = const()[name = string("a_y"), val = fp16(0x1p+1)];
            tensor<fp16, [2]> a = mul(x = x, y = a_y)[name = string("a")];
            fp16 b_y = const()[name = string("b_y"), val = fp16(0x1p+0)];
            fp16 b_y_0 = const()[name = string("b_y_0"), val = fp16(0x1p+0)];
            tensor<fp16, [2]> b = add(x = a, y = b_y_0)[name = string("labelled")];
            int32 c_axis = const()[name = string("c_axis"), val = int32(0)];
            tensor<fp16, [2]> c_values = const()[name = string("c_values"), val = tensor<fp16, [2]>([0x1p+0, 0x1p+1])];
            tensor<fp16, [2]> c_values_0 = const()[name = string("c_values_0"), val = tensor<fp16, [2]>([0x1.8p+1, 0x1p+2])];
            tensor<fp16, [6]> c = concat(axis = c_axis, values = (c_values, a, c_values_0))[name = string("c")];
        } -> (b, c);
})");
}

TEST(Printer, TheEngineStyleKeepsGivenBuildInformation) {
  const Program program =
      parsed("program(1.3)[buildInfo = dict<string, string>({})] { func f<ios18>(fp16 x) {} -> (x); }");
  EXPECT_EQ(print(program, PrintStyle::engine()), print(program));
}

TEST(Printer, ParametersKeepTheirOrderUnlessAsked) {
  const Program program = parsed("program(1.3) { func f<ios18>(fp16 b, fp16 a, fp16 B) {} -> (a); }");
  EXPECT_NE(print(program).find("(tensor<fp16, []> b, tensor<fp16, []> a, tensor<fp16, []> B)"), std::string::npos);
  EXPECT_NE(
      print(program, {.sort_parameters = true}).find("(tensor<fp16, []> B, tensor<fp16, []> a, tensor<fp16, []> b)"),
      std::string::npos);
}

TEST(Printer, PrintsOneFunctionOrOneLiteralAlone) {
  const Program program = parsed("program(1.0) { func f<ios18>(fp16 x) {} -> (x); }");
  EXPECT_EQ(print(*program.functions()[0]), "    func f<ios18>(tensor<fp16, []> x) {\n        } -> (x);\n");
  const std::vector<int64_t> numbers = {1, -4};
  EXPECT_EQ(print(Literal::int32_vector(numbers)), "tensor<int32, [2]>([1, -4])");
  EXPECT_EQ(print(Literal::string("a\"b")), "string(\"a\\\"b\")");
}

TEST(Printer, ReadsBackLargeConstants) {
  const Type type = Type::tensor(ElementType::fp32, {64, 16, 10});
  std::vector<double> values(static_cast<size_t>(type.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1.0 / static_cast<double>(i + 1);
  Program program;
  Function& function = *program.add_function("main", "ios18");
  Operation* constant = function.block().add_operation("const");
  constant->set_attribute("val", Literal::numbers(type, values));
  function.block().set_results({constant->add_result("w", type)});
  EXPECT_EQ(first_difference(program, parsed(print(program))), std::nullopt);
}

}  // namespace
}  // namespace millwright::mil
