// The attribute against the text that Apple's compiler wrote, and against descriptions spelled out by hand.
#include "mil/flexible_shapes.h"

#include <gtest/gtest.h>

#include "container_testing.h"
#include "mil/compare.h"
#include "mil/container/model_message.h"
#include "mil/printer.h"
#include "program_files.h"
#include "source_dir.h"

namespace millwright::mil {
namespace {

using testing::parsed;
using testing::wire_bytes;
using testing::wire_entry;
using testing::wire_number;
using testing::wire_varint;

Program example() {
  return parsed(
      testing::read_file(std::filesystem::path(kSourceDirectory) / "tests/mil/programs/exact/flexible_shapes.mil"));
}

TEST(FlexibleShapes, AreReadFromTheAttribute) {
  const Program program = example();
  const FlexibleShape ranges = flexible_shape(*program.functions()[0], "x");
  EXPECT_EQ(ranges, (FlexibleShape{{1, 4}, {}, {1, 1, 2, 4000}}));
  EXPECT_EQ(flexible_shape(*program.functions()[1], "x"), (FlexibleShape{{1}, {{1}, {2}}, {}}));
  EXPECT_EQ(flexible_shape(*program.functions()[0], "y"), FlexibleShape());
}

TEST(FlexibleShapes, AreWrittenAsTheyWereRead) {
  const Program program = example();
  const Function& function = *program.functions()[0];
  const Attribute written = flexible_shapes_attribute({{"x", flexible_shape(function, "x")}});
  EXPECT_EQ(written.name, function.attributes()[0].name);
  EXPECT_EQ(print(written.value), print(function.attributes()[0].value));
  // The keys of sets of shapes are arbitrary.
  std::string enumerated = print(flexible_shapes_attribute({{"x", {{1}, {{1}, {2}}, {}}}}).value);
  enumerated.replace(enumerated.find("00000000"), 8, "543d0f94");
  enumerated.replace(enumerated.find("00000001"), 8, "86ca4c5b");
  EXPECT_EQ(enumerated, print(program.functions()[1]->attributes()[0].value));
}

TEST(FlexibleShapes, OfWrongFormsSayNothing) {
  for (const std::string text :
       {"int32(1)", "tuple<int32, int32>((1, 2))", "tuple<tuple<string, int32>>(((\"DefaultShapes\", 1)))",
        "tuple<tuple<string, dict<string, string>>>(((\"RangeDims\", {{\"x\", \"a\"}})))"}) {
    const Program program =
        parsed("program(1.3) { func main<ios18>(tensor<fp16, [?]> x) [FlexibleShapeInformation = " + text +
               "] { tensor<fp16, [?]> y = exp(x = x); } -> (y); }");
    EXPECT_EQ(flexible_shape(*program.functions()[0], "x"), FlexibleShape()) << text;
  }
}

std::string refusal(const FlexibleShape& allowed, const Shape& shape) {
  const Status checked = check_shape(allowed, shape);
  return checked ? "" : checked.error().message;
}

TEST(FlexibleShapes, BoundWhatAnInputMayBe) {
  const FlexibleShape ranges{{1, 4}, {}, {1, 1, 2, 4000}};
  EXPECT_EQ(refusal(ranges, {1, 2}), "");
  EXPECT_EQ(refusal(ranges, {1, 4000}), "");
  EXPECT_EQ(refusal(ranges, {1, 1}), "the program allows 2 to 4000 along axis 1, found 1");
  EXPECT_EQ(refusal(ranges, {1, 4001}), "the program allows 2 to 4000 along axis 1, found 4001");
  EXPECT_EQ(refusal(ranges, {2, 2}), "the program allows 1 to 1 along axis 0, found 2");
  EXPECT_EQ(refusal({{4}, {}, {3, -1}}, {1 << 20}), "");
  EXPECT_EQ(refusal({{4}, {}, {3, -1}}, {2}), "the program allows 3 or more along axis 0, found 2");
  const FlexibleShape counted{{3}, {{1}, {2}}, {}};
  EXPECT_EQ(refusal(counted, {2}), "");
  EXPECT_EQ(refusal(counted, {3}), "");
  EXPECT_EQ(refusal(counted, {4}), "the program allows [1], [2], found [4]");
  EXPECT_EQ(refusal({}, {7, 7}), "");
}

// A model that another tool made: main(x, y) of unknown sizes, described as an array of a shape and a range.
std::string foreign_model(const std::string& description) {
  // tensor<fp32, [?, 2]>
  const std::string type = wire_bytes(1, wire_number(1, 11) + wire_number(2, 2) + wire_bytes(3, wire_bytes(2, "")) +
                                             wire_bytes(3, wire_bytes(1, wire_number(1, 2))));
  const std::string named_x = wire_bytes(1, "x") + wire_bytes(2, type);
  const std::string named_y = wire_bytes(1, "y") + wire_bytes(2, type);
  const std::string argument = wire_entry(2, "x", wire_bytes(1, wire_bytes(1, "x")));
  const std::string operation = wire_bytes(1, "exp") + argument + wire_bytes(3, named_y);
  const std::string block = wire_bytes(2, "y") + wire_bytes(3, operation);
  const std::string function = wire_bytes(1, named_x) + wire_bytes(2, "CoreML7") + wire_entry(3, "CoreML7", block);
  const std::string program = wire_number(1, 1) + wire_entry(2, "main", function);
  return wire_number(1, 8) + wire_bytes(2, description) + wire_bytes(502, program);
}

std::string array(const std::string& name, const std::string& content) {
  return wire_bytes(1, name) + wire_bytes(3, wire_bytes(5, content));
}

std::string printed_shapes(const std::string& model) {
  const auto program = decode_model(model, "test");
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return "";
  const Function& main = *program->functions()[0];
  return main.attributes().empty() ? "none" : print(main.attributes()[0].value);
}

TEST(FlexibleShapes, OfADescriptionBecomeTheAttribute) {
  const std::string any = wire_number(1, 1) + wire_varint(2 << 3) + wire_varint(static_cast<uint64_t>(-1));
  const std::string two = wire_number(1, 2) + wire_number(2, 2);
  const std::string sizes = wire_varint(5) + wire_varint(2);
  const std::string ranges = wire_bytes(1, sizes) + wire_bytes(31, wire_bytes(1, any) + wire_bytes(1, two));
  EXPECT_EQ(
      printed_shapes(foreign_model(wire_bytes(1, array("x", ranges)))),
      "tuple<tuple<string, dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, list<tensor<int32, [2]>, "
      "?>>>>(((\"DefaultShapes\", {{\"x\", [5, 2]}}), (\"RangeDims\", {{\"x\", [[1, -1], [2, 2]]}})))");
  // The same sizes one by one, and sets of shapes.
  const std::string single =
      wire_number(1, 5) + wire_number(1, 2) + wire_bytes(21, wire_bytes(1, wire_bytes(1, sizes)));
  EXPECT_EQ(printed_shapes(foreign_model(wire_bytes(1, array("x", single)))),
            "tuple<tuple<string, dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, dict<string, "
            "tensor<int32, [?]>>>>>(((\"DefaultShapes\", {{\"x\", [5, 2]}}), (\"EnumeratedShapes\", {{\"00000000\", "
            "{{\"x\", [5, 2]}}}})))");
  // In the description of the function.
  const std::string of_function =
      wire_bytes(20, wire_bytes(1, "main") + wire_bytes(2, array("x", wire_bytes(1, sizes))));
  EXPECT_EQ(printed_shapes(foreign_model(of_function)),
            "tuple<tuple<string, dict<string, tensor<int32, [?]>>>>(((\"DefaultShapes\", {{\"x\", [5, 2]}})))");
  // Of another input, and of another rank.
  EXPECT_EQ(printed_shapes(foreign_model(wire_bytes(1, array("z", ranges)))), "none");
  EXPECT_EQ(printed_shapes(foreign_model(wire_bytes(1, array("x", wire_bytes(1, wire_varint(5)))))), "none");
}

TEST(FlexibleShapes, OfAProgramWithoutTheAttributeDoNotAppearOnTheWayThroughAPackage) {
  const Program program =
      parsed("program(1.3) { func main<ios17>(tensor<fp32, [?]> x) { tensor<fp32, [?]> y = exp(x = x); } -> (y); }");
  const auto encoded = encode_model(program);
  ASSERT_TRUE(encoded);
  const auto decoded = decode_model(*encoded, "test");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(first_difference(program, *decoded), std::nullopt);
}

}  // namespace
}  // namespace millwright::mil
