#include "mil/opset.h"

#include <gtest/gtest.h>

#include "mil/parser.h"

namespace millwright::mil {
namespace {

TEST(Opset, KnowsItsAgeByEveryName) {
  EXPECT_EQ(opset_age("ios13"), 13);
  EXPECT_EQ(opset_age("ios18"), 18);
  EXPECT_EQ(opset_age("ios26"), 26);
  EXPECT_EQ(opset_age("CoreML3"), 13);
  EXPECT_EQ(opset_age("CoreML8"), 18);
  EXPECT_EQ(opset_age("CoreML9"), 26);
  EXPECT_EQ(opset_age("macos12"), 15);
  EXPECT_EQ(opset_age("macos26"), 26);
}

TEST(Opset, SaysNothingOfNamesItCannotRead) {
  for (const char* name : {"", "ios", "ios18b", "CoreML", "visionos2", "ios-1", "ios99999999999"}) {
    EXPECT_EQ(opset_age(name), std::nullopt) << name;
  }
}

std::vector<Diagnostic> newer_in(const std::string& opset) {
  const auto program =
      parse_program("program(1.3)\n{\n  func main<" + opset +
                        ">(tensor<fp16, [1, 2, 4]> q) {\n"
                        "    tensor<fp16, [1, 2, 4]> r = relu(x = q);\n"
                        "    tensor<fp16, [1, 2, 4]> y = scaled_dot_product_attention(key = q, query = r, "
                        "value = q);\n"
                        "    tensor<fp16, [1, 2, 4]> z = made_up(x = y);\n"
                        "  } -> (z);\n}\n",
                    "a.mil");
  EXPECT_TRUE(program);
  return newer_operations(*program);
}

TEST(Opset, NamesOperationsThatCameLater) {
  const auto found = newer_in("ios16");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].line, 5);
  EXPECT_EQ(found[0].column, 5);
  EXPECT_EQ(
      found[0].message,
      "line 5, y (scaled_dot_product_attention): scaled_dot_product_attention came with ios18, and the function is "
      "written in ios16");
  EXPECT_TRUE(newer_in("ios18").empty());
  EXPECT_TRUE(newer_in("CoreML9").empty());
  EXPECT_TRUE(newer_in("whatever").empty());
}

}  // namespace
}  // namespace millwright::mil
