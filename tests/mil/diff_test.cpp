// Pairs of programs and the exact text of what differs between them.
#include "mil/diff.h"

#include <gtest/gtest.h>

#include "blob_testing.h"
#include "mil/parser.h"

namespace millwright::mil {
namespace {

Program parsed(const std::string& text) {
  auto program = parse_program(text, "test");
  EXPECT_TRUE(program) << program.error().message << "\n" << text;
  return program ? std::move(*program) : Program();
}

std::string differences(const std::string& a, const std::string& b, const DiffOptions& options = {}) {
  std::string text;
  for (const Difference& difference : diff(parsed(a), parsed(b), options).differences) {
    text += difference_text(difference);
  }
  return text;
}

std::string program(const std::string& functions) { return "program(1.3)\n{\n" + functions + "}\n"; }

// The body begins at line 4.
std::string main_of(const std::string& body, const std::string& results,
                    const std::string& inputs = "tensor<fp32, [2]> x") {
  return program("func main<ios18>(" + inputs + ") {\n" + body + "} -> (" + results + ");\n");
}

TEST(Diff, SaysWhatOfAnOperationChanged) {
  const std::string a = main_of(
      "tensor<fp32, [2]> a = exp(x = x);\n"
      "tensor<fp32, [2]> b = log(x = x, epsilon = fp32(1));\n"
      "tensor<fp32, [2, 1]> c = matmul(x = a, y = b, transpose_x = bool(true));\n",
      "c");
  const std::string b = main_of(
      "fp32 e = const()[val = fp32(2)];\n"
      "tensor<fp32, [2]> p = exp(x = x);\n"
      "tensor<fp32, [2]> q = log(x = x, epsilon = e);\n"
      "tensor<fp16, [2, 1]> r = matmul(x = q, y = q, transpose_y = bool(true))[mode = string(\"m\")];\n",
      "r");
  EXPECT_EQ(differences(a, b),
            "~ line 5 -> line 6, b (log)\n"
            "    epsilon: fp32(0x1p+0) -> fp32(0x1p+1)\n"
            "~ line 6 -> line 7, c (matmul)\n"
            "    mode: none -> string(\"m\")\n"
            "    transpose_x: bool(true) -> none\n"
            "    transpose_y: none -> bool(true)\n"
            "    x: a (exp, line 4) -> q (log, line 6)\n"
            "    type: tensor<fp32, [2, 1]> -> tensor<fp16, [2, 1]>\n");
}

TEST(Diff, ListsOperationsThatCameAndWent) {
  const std::string a = main_of(
      "tensor<fp32, [2]> a = exp(x = x);\ntensor<fp32, [2]> b = log(x = a);\ntensor<fp32, [2]> c = sin(x = b);\n", "c");
  const std::string b = main_of(
      "tensor<fp32, [2]> a = exp(x = x);\ntensor<fp32, [2]> b = sin(x = a);\ntensor<fp32, [2]> c = cos(x = b);\n", "c");
  EXPECT_EQ(differences(a, b),
            "~ function main\n"
            "    result 0: c (sin, line 6) -> c (cos, line 6)\n"
            "- line 5, b (log)\n"
            "~ line 6 -> line 5, c (sin)\n"
            "    x: b (log, line 5) -> a (exp, line 4)\n"
            "+ line 6, c (cos)\n");
}

TEST(Diff, FindsAnOperationThatMoved) {
  const std::string first = "tensor<fp32, [2]> a = exp(x = x);\n";
  const std::string second = "tensor<fp32, [2]> b = log(x = x);\n";
  EXPECT_EQ(differences(main_of(first + second, "a, b"), main_of(second + first, "a, b")),
            "^ line 4 -> line 5, a (exp)\n");
}

TEST(Diff, FindsALayerThatWasTakenOut) {
  std::string a;
  std::string b;
  std::string value = "x";
  for (int layer = 0; layer < 6; ++layer) {
    const std::string up = fmt::format("u{}", layer);
    const std::string next = fmt::format("r{}", layer);
    const std::string text = fmt::format(
        "tensor<fp32, [2]> {} = silu(x = {{0}});\ntensor<fp32, [2]> {} = add(x = {{0}}, y = {});\n", up, next, up);
    a += fmt::format(fmt::runtime(text), value);
    if (layer == 3) {
      value = next;
      continue;
    }
    b += fmt::format(fmt::runtime(text), layer == 4 ? "r2" : value);
    value = next;
  }
  const std::string found = differences(main_of(a, "r5"), main_of(b, "r5"));
  EXPECT_EQ(std::ranges::count(found, '-') - std::ranges::count(found, '>'), 2) << found;
  EXPECT_EQ(found.find('+'), std::string::npos) << found;
}

TEST(Diff, ComparesInputsResultsAndOpsets) {
  const std::string a = program(
      "func main<ios17>(tensor<fp32, [2]> x, state<tensor<fp32, [2]>> s)\n{\n"
      "tensor<fp32, [2]> y = exp(x = x);\n} -> (y, y);\n");
  const std::string b = program(
      "func main<ios18>(tensor<fp16, [2]> x, tensor<bool, [1]> t, tensor<fp32, [2]> s)\n{\n"
      "tensor<fp32, [2]> y = exp(x = x);\n} -> (y);\n");
  EXPECT_EQ(differences(a, b),
            "~ function main\n"
            "    opset: ios17 -> ios18\n"
            "    input x: tensor<fp32, [2]> -> tensor<fp16, [2]>\n"
            "    input s: state<tensor<fp32, [2]>> -> tensor<fp32, [2]>\n"
            "    input t: none -> tensor<bool, [1]>\n"
            "    result 1: y (exp, line 5) -> none\n");
}

TEST(Diff, PairsInputsByOrderOrByName) {
  const std::string body = "tensor<fp32, [2]> y = sub(x = a, y = b);\n";
  const std::string a = main_of(body, "y", "tensor<fp32, [2]> a, tensor<fp32, [2]> b");
  // In another order, and called by each other's name.
  EXPECT_EQ(differences(a, main_of(body, "y", "tensor<fp32, [2]> b, tensor<fp32, [2]> a")), "");
  EXPECT_EQ(differences(a, main_of("tensor<fp32, [2]> y = sub(x = b, y = a);\n", "y",
                                   "tensor<fp32, [2]> b, tensor<fp32, [2]> a")),
            "");
  EXPECT_EQ(differences(a, main_of("tensor<fp32, [2]> y = sub(x = b, y = a);\n", "y",
                                   "tensor<fp32, [2]> a, tensor<fp32, [2]> b")),
            "~ line 4, y (sub)\n"
            "    x: a (input) -> b (input)\n"
            "    y: b (input) -> a (input)\n");
}

TEST(Diff, ComparesFunctions) {
  const std::string exp = "<ios18>(tensor<fp32, [2]> x) {\ntensor<fp32, [2]> y = exp(x = x);\n} -> (y);\n";
  EXPECT_EQ(differences(program("func f" + exp + "func g" + exp), program("func g" + exp + "func f" + exp)), "");
  EXPECT_EQ(differences(program("func f" + exp + "func g" + exp), program("func g" + exp)), "- function f\n");
  EXPECT_EQ(differences(program("func g" + exp), program("func f" + exp + "func g" + exp)), "+ function f\n");
  EXPECT_EQ(differences(program("func f" + exp), program("func g" + exp)),
            "~ function f\n"
            "    name: f -> g\n");
}

TEST(Diff, ComparesAttributesOfProgramsAndFunctions) {
  const auto text = [](const std::string& program_attributes, const std::string& function_attributes,
                       const std::string& input) {
    return "program(1.3)\n[" + program_attributes + "]\n{\nfunc main<ios18>(tensor<fp32, [?]> " + input + ")\n[" +
           function_attributes + "]\n{\ntensor<fp32, [?]> y_" + input + " = exp(x = " + input + ");\n} -> (y_" + input +
           ");\n}\n";
  };
  const auto shapes = [](const std::string& input, const std::string& other) {
    return "S = dict<string, tensor<int32, [?]>>({{\"" + input + "\", [1]}, {\"other\", [" + other + "]}})";
  };
  const std::string a = text("A = int32(1), buildInfo = dict<string, string>({})", shapes("p", "2"), "p");
  EXPECT_EQ(differences(a, text("A = int32(1)", shapes("q", "2"), "q")), "");
  EXPECT_EQ(differences(a, text("A = int32(1)", shapes("q", "2"), "q"), {.compare_build_info = true}),
            "~ program\n"
            "    attribute buildInfo: dict<string, string>({}) -> none\n");
  EXPECT_EQ(differences(a, text("A = int32(2)", shapes("q", "3"), "q")),
            "~ program\n"
            "    attribute A: int32(1) -> int32(2)\n"
            "~ function main\n"
            "    attribute S: dict<string, tensor<int32, [?]>>({{\"p\", [1]}, {\"other\", [2]}}) -> "
            "dict<string, tensor<int32, [?]>>({{\"q\", [1]}, {\"other\", [3]}})\n");
  const std::string swapped = "S = dict<string, tensor<int32, [?]>>({{\"other\", [2]}, {\"q\", [1]}})";
  EXPECT_EQ(differences(a, text("A = int32(1)", swapped, "q")), "");
}

TEST(Diff, LooksIntoNestedBlocks) {
  const auto loop = [](const std::string& bound, const std::string& step, const std::string& prefix) {
    return main_of(fmt::format("tensor<fp32, [2]> {0}k = exp(x = x);\n"
                               "tensor<fp32, [2]> {0}y = while_loop(loop_vars = ({0}k))[]\n"
                               "    block0(tensor<fp32, [2]> {0}c) {{\n"
                               "        bool {0}go = less(x = {0}c, y = fp32({1}));\n"
                               "    }} -> ({0}go) block1(tensor<fp32, [2]> {0}i) {{\n"
                               "        tensor<fp32, [2]> {0}n = add(x = {0}i, y = {0}{2});\n"
                               "    }} -> ({0}n);\n",
                               prefix, bound, step),
                   prefix + "y");
  };
  EXPECT_EQ(differences(loop("9", "k", ""), loop("9", "k", "other_")), "");
  EXPECT_EQ(differences(loop("9", "k", ""), loop("8", "k", "other_")),
            "~ line 7, go (less)\n"
            "    y: fp32(0x1.2p+3) -> fp32(0x1p+3)\n");
  EXPECT_EQ(differences(loop("9", "k", ""), loop("9", "i", "other_")),
            "~ line 9, n (add)\n"
            "    y: k (exp, line 4) -> other_i (input)\n");
}

TEST(Diff, ComparesConstantsInWeightFilesByWhatTheyHold) {
  const testing::TestFolder folder;
  const auto weights = [](const std::string& numbers) {
    return testing::blob_header(1) + testing::blob_record(2, numbers.size(), 128) + numbers;
  };
  std::string numbers;
  for (int i = 0; i < 20; ++i) numbers += testing::little_endian(0x3f800000, 4);  // 1.0
  folder.write("a/one.bin", weights(numbers));
  folder.write("b/two.bin", std::string(weights(numbers)));
  std::string other = numbers;
  other.replace(8, 4, testing::little_endian(0x40000000, 4));  // 2.0
  folder.write("c/one.bin", weights(other));
  const auto text = [](const std::string& value) {
    return main_of("tensor<fp32, [20]> w = const()[val = tensor<fp32, [20]>(" + value +
                       ")];\ntensor<fp32, [20]> y = add(x = x, y = w);\n",
                   "y");
  };
  const auto blob = [&](const std::string& name) {
    return text("BLOBFILE(path = string(\"@model_path/" + name + "\"), offset = uint64(64))");
  };
  WeightFiles a(folder.path() / "a");
  WeightFiles b(folder.path() / "b");
  WeightFiles c(folder.path() / "c");
  const DiffOptions a_and_b{.a_weights = &a, .b_weights = &b};
  EXPECT_EQ(differences(blob("one.bin"), blob("two.bin"), a_and_b), "");
  const std::string changed =
      "~ line 5, y (add)\n"
      "    y: tensor<fp32, [20]> in @model_path/one.bin at 64 -> tensor<fp32, [20]>, 1 of 20 elements differ, by up to "
      "1\n";
  EXPECT_EQ(differences(blob("one.bin"), blob("one.bin"), {.a_weights = &a, .b_weights = &c}), changed);
  EXPECT_EQ(differences(blob("one.bin"), blob("one.bin"), {.a_weights = &a, .b_weights = &c, .ignore_weights = true}),
            "");
  std::string ones = "[1";
  for (int i = 1; i < 20; ++i) ones += i == 2 ? ", 2" : ", 1";
  EXPECT_EQ(differences(blob("one.bin"), text(ones + "]"), {.a_weights = &c}), "");
  EXPECT_EQ(differences(blob("one.bin"), text(ones + "]"), {.a_weights = &a}), changed);

  // Without one of the files, by their places.
  const ProgramDiff unread = diff(parsed(blob("one.bin")), parsed(blob("missing.bin")), a_and_b);
  EXPECT_EQ(unread.weights_note, "line 4, w (const): cannot open " + (folder.path() / "b" / "missing.bin").string() +
                                     ": No such file or directory; check the path");
  ASSERT_EQ(unread.differences.size(), 1u);
  EXPECT_EQ(
      difference_text(unread.differences[0]),
      "~ line 5, y (add)\n"
      "    y: tensor<fp32, [20]> in @model_path/one.bin at 64 -> tensor<fp32, [20]> in @model_path/missing.bin at "
      "64\n");
  EXPECT_TRUE(diff(parsed(blob("gone.bin")), parsed(blob("gone.bin")), a_and_b).equal());
}

// Every operation of a program whose numbers become half precision changes, and none comes or goes.
TEST(Diff, FollowsAProgramWhoseTypesAllChange) {
  const auto text = [](const std::string& element) {
    std::string body;
    for (int i = 0; i < 5000; ++i) {
      body += fmt::format("tensor<{}, [2]> v{} = {}(x = {});\n", element, i, i % 3 == 0 ? "exp" : "sin",
                          i == 0 ? "x" : fmt::format("v{}", i - 1));
    }
    return main_of(body, "v4999", "tensor<" + element + ", [2]> x");
  };
  const std::vector<Difference> found = diff(parsed(text("fp32")), parsed(text("fp16"))).differences;
  ASSERT_EQ(found.size(), 5001u);
  for (const Difference& difference : found) EXPECT_EQ(difference.changes.size(), 1u);
}

}  // namespace
}  // namespace millwright::mil
