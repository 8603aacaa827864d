// Small programs and the exact DOT text they give.
#include "mil/graph.h"

#include <gtest/gtest.h>

#include "mil/parser.h"

namespace millwright::mil {
namespace {

std::string drawn(const std::string& body, const std::string& results) {
  const Result<Program> program = parse_program(
      "program(1.3)\n{\n func main<ios18>(tensor<fp32, [2]> x) {\n" + body + "\n } -> (" + results + ");\n}\n",
      "test.mil");
  EXPECT_TRUE(program) << program.error().message;
  return draw_graph(*program).dot;
}

TEST(Graph, DrawsOperationsAndUsesButNoConstants) {
  EXPECT_EQ(drawn("tensor<fp32, [2]> w = const()[name = string(\"w\"), val = tensor<fp32, [2]>([1, 2])];\n"
                  "tensor<fp32, [2]> y = add(x = x, y = w)[name = string(\"layers.0.add\")];",
                  "y"),
            "digraph program {\n"
            "  node [shape=box, fontname=\"Helvetica\"];\n"
            "  subgraph cluster_1 {\n"
            "  label=\"main (ios18)\";\n"
            "  n1 [label=\"x\\ntensor<fp32, [2]>\", shape=oval];\n"
            "  n2 [label=\"add\\nlayers.0.add\\ntensor<fp32, [2]>\", shape=box];\n"
            "  n3 [label=\"result y\", shape=oval];\n"
            "  }\n"
            "  n1 -> n2 [label=\"x\"];\n"
            "  n2 -> n3 [label=\"y\"];\n"
            "}\n");
}

TEST(Graph, EscapesLabels) {
  const std::string text = drawn("tensor<fp32, [2]> y = exp(x = x)[name = string(\"a\\\"b\\\\c\")];", "y");
  EXPECT_NE(text.find("[label=\"exp\\na\\\"b\\\\c\\ntensor<fp32, [2]>\", shape=box]"), std::string::npos) << text;
}

TEST(Graph, DrawsOneFunctionWhereToldTo) {
  const std::string text =
      "program(1.3)\n{\n func f<ios18>(tensor<fp32, [2]> x) {\ntensor<fp32, [2]> y = exp(x = x);\n} -> (y);\n"
      " func g<ios18>(tensor<fp32, [2]> x) {\ntensor<fp32, [2]> y = sin(x = x);\n} -> (y);\n}\n";
  const Result<Program> program = parse_program(text, "test.mil");
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ(draw_graph(*program).nodes, 6u);
  const GraphText one = draw_graph(*program, "g");
  EXPECT_EQ(one.nodes, 3u);
  EXPECT_NE(one.dot.find("sin"), std::string::npos);
  EXPECT_EQ(one.dot.find("exp"), std::string::npos);
}

}  // namespace
}  // namespace millwright::mil
