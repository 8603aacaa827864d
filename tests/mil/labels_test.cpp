#include "mil/labels.h"

#include <gtest/gtest.h>

#include "mil/parser.h"
#include "mil/printer.h"

namespace millwright::mil {
namespace {

std::string without_labels(const std::string& results, std::vector<std::string>& gone) {
  auto program = parse_program(
      "program(1.3) { func main<ios15>(tensor<fp32, [2]> x) {\n"
      "tensor<fp32, [2]> p = softmax(axis = int32(0), x = x);\n"
      "tensor<string, [2]> c = const()[val = tensor<string, [2]>([\"cat\", \"dog\"])];\n"
      "string label, dict<string, fp32> all = classify(classes = c, probabilities = p);\n"
      "tensor<fp32, [2]> y = relu(x = x);\n} -> (" +
          results + "); }",
      "a.mil");
  EXPECT_TRUE(program) << program.error().message;
  gone = replace_labels(*program->functions().front());
  return print(*program->functions().front());
}

TEST(Labels, GiveWayToTheProbabilities) {
  std::vector<std::string> gone;
  EXPECT_EQ(without_labels("y, label, all", gone),
            "    func main<ios15>(tensor<fp32, [2]> x) {\n"
            "            tensor<fp32, [2]> p = softmax(axis = int32(0), x = x);\n"
            "            tensor<fp32, [2]> y = relu(x = x);\n"
            "        } -> (y, p);\n");
  EXPECT_EQ(gone, (std::vector<std::string>{"label", "all"}));
}

TEST(Labels, ProbabilitiesAreAResultOnce) {
  std::vector<std::string> gone;
  const std::string text = without_labels("label, p", gone);
  EXPECT_NE(text.find("} -> (p);"), std::string::npos) << text;
}

TEST(Labels, OtherFunctionsStayAsTheyAre) {
  std::vector<std::string> gone;
  const std::string text = without_labels("y", gone);
  EXPECT_TRUE(gone.empty());
  EXPECT_NE(text.find("classify"), std::string::npos);
}

}  // namespace
}  // namespace millwright::mil
