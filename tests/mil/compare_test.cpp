#include "mil/compare.h"

#include <gtest/gtest.h>

#include "mil/parser.h"

namespace millwright::mil {
namespace {

std::string difference(const std::string& a, const std::string& b) {
  const auto first = parse_program(a, "first");
  const auto second = parse_program(b, "second");
  EXPECT_TRUE(first) << first.error().message;
  EXPECT_TRUE(second) << second.error().message;
  const auto found = first_difference(*first, *second);
  EXPECT_EQ(equal(*first, *second), !found.has_value());
  return found.value_or("equal");
}

constexpr std::string_view kBase =
    "program(1.3)[k = int32(1)] { func main<ios18>(tensor<fp32, [2]> x, tensor<bool, []> p) [a = bool(true)] { "
    "fp32 c = const()[name = string(\"c\"), val = fp32(0)]; tensor<fp32, [2]> m = mul(x = x, y = c); "
    "tensor<fp32, [2]> r = cond(pred = p) block0() { tensor<fp32, [2]> i = relu(x = m); } -> (i) block1() { } -> (x); "
    "tensor<fp32, [4]> j = concat(axis = int32(0), values = (m, r)); } -> (m, j); }";

std::string changed(std::string_view from, std::string_view to) {
  std::string text(kBase);
  const size_t position = text.find(from);
  EXPECT_NE(position, std::string::npos) << from;
  return text.replace(position, from.size(), to);
}

TEST(Compare, AProgramEqualsItselfWhateverItsLayout) {
  EXPECT_EQ(difference(std::string(kBase), std::string(kBase)), "equal");
  EXPECT_EQ(difference(std::string(kBase), changed("; ", ";\n\n  // more\n")), "equal");
}

TEST(Compare, TheOrderOfOperandsAndAttributesDoesNotCount) {
  EXPECT_EQ(difference(std::string(kBase), changed("x = x, y = c", "y = c, x = x")), "equal");
  EXPECT_EQ(difference(std::string(kBase),
                       changed("name = string(\"c\"), val = fp32(0)", "val = fp32(0), name = string(\"c\")")),
            "equal");
}

TEST(Compare, NamesTheFirstDifference) {
  const std::pair<std::pair<std::string_view, std::string_view>, std::string_view> cases[] = {
      {{"1.3", "1.0"}, "versions 1.3 and 1.0"},
      {{"k = int32(1)", "k = int32(2)"}, "program: attribute k"},
      {{"k = int32(1)", "k = int64(1)"}, "program: attribute k"},
      {{"k = int32(1)", "k = int32(1), l = int32(1)"}, "program: 1 and 2 attributes"},
      {{"main", "side"}, "functions main and side"},
      {{"ios18", "ios17"}, "function main: opsets ios18 and ios17"},
      {{"a = bool(true)", "a = bool(false)"}, "function main: attribute a"},
      {{"[2]> x,", "[3]> x,"}, "function main, inputs"},
      {{"val = fp32(0)", "val = fp32(-0.0)"}, "function main, operation 0 (const): attribute val"},
      {{"mul(", "add("}, "function main, operation 1 (mul): mul and add"},
      {{"x = x, y = c", "x = x, y = x"}, "function main, operation 1 (mul): operand y"},
      {{"x = x, y = c", "x = x, z = c"}, "function main, operation 1 (mul): operand y"},
      {{"x = x, y = c", "x = x, y = fp32(0)"}, "function main, operation 1 (mul): operand y"},
      {{"x = x, y = c", "x = x, y = (c)"}, "function main, operation 1 (mul): operand y"},
      {{"x = x, y = c", "x = x"}, "function main, operation 1 (mul): 2 and 1 operands"},
      {{"[2]> m", "[?]> m"}, "function main, operation 1 (mul): results"},
      {{"relu(x = m)", "relu(x = x)"}, "function main, operation 2 (cond): block 0, operation 0 (relu): operand x"},
      {{"block1() { } -> (x)", ""}, "function main, operation 2 (cond): 2 and 1 blocks"},
      {{"-> (i)", "-> (m)"}, "function main, operation 2 (cond): block 0, results"},
      {{"values = (m, r)", "values = (r, m)"}, "function main, operation 3 (concat): operand values"},
      {{"-> (m, j)", "-> (j, m)"}, "function main, results"},
      {{"} -> (m, j)", "fp32 n = const()[val = fp32(1)]; } -> (m, j)"}, "function main, 4 and 5 operations"},
      {{"-> (m, j); }", "-> (m, j); func two<ios18>(fp32 x) {} -> (x); }"}, "1 and 2 functions"},
  };
  for (const auto& [change, expected] : cases) {
    EXPECT_EQ(difference(std::string(kBase), changed(change.first, change.second)), expected);
  }
}

}  // namespace
}  // namespace millwright::mil
