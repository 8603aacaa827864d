// Functions with open sizes, and the exact text they become for inputs of certain sizes.
#include "mil/specialize.h"

#include <gtest/gtest.h>

#include "mil/interpreter/interpreter.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

Program parsed(const std::string& inputs, const std::string& body, const std::string& results,
               const std::string& attributes = "") {
  const std::string text =
      "program(1.3) { func main<ios17>(" + inputs + ") " + attributes + " {\n" + body + "} -> (" + results + "); }";
  auto program = parse_program(text, "test");
  EXPECT_TRUE(program) << program.error().message << "\n" << text;
  EXPECT_TRUE(verify(*program)) << verify(*program).error().message;
  return program ? std::move(*program) : Program();
}

Type fp32(Shape shape) { return Type::tensor(ElementType::fp32, std::move(shape)); }

// The statements of the specialized function.
std::string specialized(const Program& program, const std::vector<Type>& types) {
  const auto function = specialize(*program.functions()[0], types);
  if (!function) return function.error().message;
  EXPECT_TRUE(verify(**function)) << verify(**function).error().message;
  const std::string text = print(**function);
  const size_t begin = text.find("{\n") + 2;
  return text.substr(begin, text.rfind('}') - begin);
}

TEST(Specialize, InfersEveryTypeAnew) {
  const Program program = parsed("tensor<fp32, [?, 3]> x, tensor<fp32, [3, ?]> w",
                                 "tensor<fp32, [?, ?]> y = matmul(x = x, y = w);\n"
                                 "tensor<fp32, [?]> s = reduce_sum(x = y, axes = tensor<int32, [1]>([1]));\n",
                                 "y, s");
  EXPECT_FALSE(is_static(*program.functions()[0]));
  EXPECT_EQ(specialized(program, {fp32({2, 3}), fp32({3, 5})}),
            "            tensor<fp32, [2, 5]> y = matmul(x = x, y = w);\n"
            "            tensor<fp32, [2]> s = reduce_sum(axes = tensor<int32, [1]>([1]), x = y);\n"
            "        ");
}

// [batch, time, 4] becomes [batch · time, 4], then twice as long by way of floating-point numbers.
Program reshaping() {
  return parsed("tensor<fp32, [?, ?, 4]> x",
                "tensor<int32, [3]> s = shape(x = x);\n"
                "tensor<int32, [1]> batch = slice_by_size(begin = tensor<int32, [1]>([0]), size = tensor<int32, "
                "[1]>([1]), x = s);\n"
                "tensor<int32, [1]> time = slice_by_size(begin = tensor<int32, [1]>([1]), size = tensor<int32, "
                "[1]>([1]), x = s);\n"
                "tensor<int32, [1]> rows = mul(x = batch, y = time);\n"
                "tensor<int32, [1]> four = const()[val = tensor<int32, [1]>([4])];\n"
                "bool no = const()[val = bool(false)];\n"
                "tensor<int32, [2]> to = concat(axis = int32(0), interleave = no, values = (rows, four));\n"
                "tensor<fp32, [?, ?]> flat = reshape(shape = to, x = x);\n"
                "tensor<fp32, [1]> real = cast(dtype = string(\"fp32\"), x = rows);\n"
                "tensor<fp32, [1]> half = mul(x = real, y = fp32(0.5));\n"
                "tensor<fp32, [1]> low = floor(x = half);\n"
                "tensor<int32, [1]> count = cast(dtype = string(\"int32\"), x = low);\n"
                "tensor<int32, [2]> end = concat(axis = int32(0), interleave = no, values = (count, four));\n"
                "tensor<fp32, [?, ?]> y = slice_by_index(begin = tensor<int32, [2]>([0, 0]), end = end, x = flat);\n",
                "y, rows");
}

TEST(Specialize, TurnsWhatIsComputedFromShapesIntoConstants) {
  EXPECT_EQ(specialized(reshaping(), {fp32({3, 5, 4})}),
            "            tensor<int32, [1]> rows = const()[val = tensor<int32, [1]>([15])];\n"
            "            tensor<int32, [2]> to = const()[val = tensor<int32, [2]>([15, 4])];\n"
            "            tensor<fp32, [15, 4]> flat = reshape(shape = to, x = x);\n"
            "            tensor<int32, [2]> end = const()[val = tensor<int32, [2]>([7, 4])];\n"
            "            tensor<fp32, [7, 4]> y = slice_by_index(begin = tensor<int32, [2]>([0, 0]), end = end, x = "
            "flat);\n"
            "        ");
}

// The oracle runs the function with open sizes.
TEST(Specialize, ComputesWhatTheFunctionDid) {
  const Program program = reshaping();
  for (const Shape& shape : {Shape{1, 2, 4}, Shape{3, 5, 4}, Shape{2, 1, 4}}) {
    TensorValue x{fp32(shape), {}};
    for (int64_t i = 0; i < x.type.count(); ++i) x.numbers.push_back(static_cast<double>(i));
    const std::vector<TensorValue> inputs = {x};
    const auto function = specialize(*program.functions()[0], std::vector<Type>{x.type});
    ASSERT_TRUE(function) << function.error().message;
    EXPECT_TRUE(is_static(**function));
    EXPECT_TRUE(check_static(**function));
    const auto expected = interpret(*program.functions()[0], inputs, Precision::declared);
    const auto found = interpret(**function, inputs, Precision::declared);
    ASSERT_TRUE(expected && found);
    for (size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ((*found)[i].type, (*expected)[i].type);
      EXPECT_EQ((*found)[i].type, (*function)->results()[i]->type());
      EXPECT_EQ((*found)[i].numbers, (*expected)[i].numbers);
    }
  }
}

TEST(Specialize, LeavesSizesOpenThatDependOnTheData) {
  const Program program = parsed("tensor<fp32, [?]> x",
                                 "tensor<int32, [?, 1]> where = non_zero(x = x)[name = string(\"where\")];\n"
                                 "tensor<fp32, [?]> y = exp(x = x);\n",
                                 "where, y");
  EXPECT_EQ(check_static(*program.functions()[0]).error().message,
            "line 2, where (non_zero): the size of its result tensor<int32, [?, 1]> is known at run time only");
  const auto function = specialize(*program.functions()[0], std::vector<Type>{fp32({6})});
  ASSERT_TRUE(function) << function.error().message;
  EXPECT_EQ((*function)->results()[1]->type(), fp32({6}));
  EXPECT_EQ(check_static(**function).error().message,
            "line 2, where (non_zero): the size of its result tensor<int32, [?, 1]> is known at run time only");
}

TEST(Specialize, CarriesTypesIntoLoopsAndBranches) {
  const Program program = parsed("tensor<fp32, [?]> x, bool p",
                                 "tensor<fp32, [?]> r = cond(pred = p)[] block0() {\n"
                                 "tensor<fp32, [?]> a = exp(x = x);\n} -> (a) block1() {\n"
                                 "tensor<fp32, [?]> b = sin(x = x);\n} -> (b);\n"
                                 "tensor<fp32, [?]> y = while_loop(loop_vars = (r))[] block0(tensor<fp32, [?]> c) {\n"
                                 "} -> (p) block1(tensor<fp32, [?]> i) {\n"
                                 "tensor<fp32, [?]> n = exp(x = i);\n} -> (n);\n",
                                 "y");
  const auto function =
      specialize(*program.functions()[0], std::vector<Type>{fp32({6}), Type::scalar(ElementType::boolean)});
  ASSERT_TRUE(function) << function.error().message;
  EXPECT_TRUE(is_static(**function)) << print(**function);
  EXPECT_EQ((*function)->results()[0]->type(), fp32({6}));
}

TEST(Specialize, KeepsAliasesStatesAndAttributesButNotFlexibleShapes) {
  const Program program =
      parsed("tensor<fp32, [?]> x, state<tensor<fp32, [?]>> s",
             "tensor<fp32, [?]> old = read_state(input = s);\n"
             "tensor<fp32, [?]> y = add(x = x, y = old);\nwrite_state(data = y, input = s);\n",
             "y",
             "[FlexibleShapeInformation = int32(1), mw_aliases = dict<string, string>({{\"y\", \"x\"}}), other = "
             "int32(2)]");
  const auto function = specialize(*program.functions()[0], std::vector<Type>{fp32({6}), Type::state(fp32({6}))});
  ASSERT_TRUE(function) << function.error().message;
  EXPECT_EQ((*function)->attributes().size(), 2u);
  EXPECT_EQ((*function)->aliased_input((*function)->results()[0]), (*function)->input("x"));
  EXPECT_EQ((*function)->block().operations().size(), 3u);
  EXPECT_EQ((*function)->results()[0]->type(), fp32({6}));
}

TEST(Specialize, RefusesTypesThatDoNotFit) {
  const Program program = parsed("tensor<fp32, [?, 3]> x, tensor<fp32, [?, 3]> z",
                                 "tensor<fp32, [?, 3]> y = add(x = x, y = z)[name = string(\"sum\")];\n", "y");
  EXPECT_EQ(specialized(program, {fp32({2, 4}), fp32({2, 3})}),
            "input x: expected tensor<fp32, [?, 3]>, found tensor<fp32, [2, 4]>");
  EXPECT_EQ(specialized(program, {fp32({2, 3}), fp32({4, 3})}),
            "line 2, sum (add): x [2, 3] and y [4, 3] do not broadcast");
  const Program fixed = parsed("tensor<fp32, [?]> x", "tensor<fp32, [4]> y = exp(x = x);\n", "y");
  EXPECT_EQ(specialized(fixed, {fp32({3})}),
            "line 2, y (exp): y is declared as tensor<fp32, [4]>, but with these inputs it becomes tensor<fp32, [3]>");
}

}  // namespace
}  // namespace millwright::mil
