// Programs in their protobuf form: read back equal, and refused with the place of what is wrong.
#include <gtest/gtest.h>

#include "blob_testing.h"
#include "container_testing.h"
#include "mil/compare.h"
#include "mil/container/model_message.h"
#include "mil/container/program_message.h"
#include "mil/printer.h"
#include "source_dir.h"

namespace millwright::mil {
namespace {

using testing::parsed;
using testing::program_files;
using testing::wire_bytes;
using testing::wire_entry;
using testing::wire_number;

TEST(ProgramMessage, GivesBackEveryProgramOfTheTextTests) {
  for (const std::string folder : {"exact", "reprinted", "types"}) {
    for (const auto& file : program_files(folder)) {
      SCOPED_TRACE(file.path.string());
      const Program program = parsed(file.text);
      const auto message = encode_program(program);
      ASSERT_TRUE(message) << message.error().message;
      const auto again = decode_program(*message, "message", program.version());
      ASSERT_TRUE(again) << again.error().message;
      EXPECT_EQ(first_difference(program, *again), std::nullopt);
      EXPECT_EQ(print(*again), print(program));
    }
  }
}

TEST(ProgramMessage, NamesOpsetsAsCoreMlDoes) {
  EXPECT_EQ(opset_in_message("ios15"), "CoreML5");
  EXPECT_EQ(opset_in_message("ios18"), "CoreML8");
  EXPECT_EQ(opset_in_text("CoreML6"), "ios16");
  EXPECT_EQ(opset_in_text("CoreML99"), "CoreML99");
  EXPECT_EQ(opset_in_message("ios99"), "ios99");
  EXPECT_EQ(specification_version("ios15"), 6);
  EXPECT_EQ(specification_version("ios17"), 8);
  EXPECT_EQ(specification_version("CoreML7"), 8);  // text has these names too
  EXPECT_EQ(specification_version("ios99"), std::nullopt);
}

// Messages by hand. Numbers as in tests/mil/containers/schema.proto.
std::string dimension(uint64_t size) { return wire_bytes(3, wire_bytes(1, wire_number(1, size))); }
std::string tensor(uint64_t data_type, const std::string& dimensions = "", uint64_t rank = 0) {
  return wire_bytes(1, wire_number(1, data_type) + wire_number(2, rank) + dimensions);
}
const std::string kFloat = tensor(11);
std::string named(const std::string& name, const std::string& type) {
  return wire_bytes(1, name) + wire_bytes(2, type);
}
std::string immediate(const std::string& type, const std::string& tensor_value) {
  return wire_bytes(2, type) + wire_bytes(3, wire_bytes(1, tensor_value));
}
std::string block(const std::string& operations, const std::string& result) {
  return wire_bytes(2, result) + operations;
}
std::string program(const std::string& body) {
  return wire_entry(2, "main",
                    wire_bytes(1, named("x", kFloat)) + wire_bytes(2, "CoreML8") + wire_entry(3, "CoreML8", body));
}
std::string operation(const std::string& kind, const std::string& rest) {
  return wire_bytes(3, wire_bytes(1, kind) + rest);
}
std::string constant(const std::string& type, const std::string& value) {
  return program(block(operation("const", wire_bytes(3, named("c", type)) + wire_entry(5, "val", value)), "c"));
}

std::string error_of(const std::string& message) {
  const auto decoded = decode_program(message, "m");
  return decoded ? "no error" : decoded.error().message;
}

std::string text_of(const std::string& message) {
  const auto decoded = decode_program(message, "m");
  if (!decoded) return decoded.error().message;
  for (const auto& operation : decoded->functions()[0]->block().operations()) {
    if (operation->is_const()) return print(*operation->attribute("val"));
  }
  return "no const";
}

TEST(ProgramMessage, ReadsNumbersInEveryFieldThatMayHoldThem) {
  const std::string two = dimension(2);
  // Packed or one by one, in the field that the converter uses or in another.
  EXPECT_EQ(
      text_of(constant(tensor(23, two, 1), immediate(tensor(23, two, 1), wire_bytes(2, wire_bytes(1, "\x01\x02"))))),
      "tensor<int32, [2]>([1, 2])");
  EXPECT_EQ(text_of(constant(tensor(23, two, 1),
                             immediate(tensor(23, two, 1), wire_bytes(2, wire_number(1, 1) + wire_number(1, 2))))),
            "tensor<int32, [2]>([1, 2])");
  EXPECT_EQ(
      text_of(constant(tensor(23, two, 1), immediate(tensor(23, two, 1), wire_bytes(5, wire_bytes(1, "\x01\x02"))))),
      "tensor<int32, [2]>([1, 2])");
  EXPECT_EQ(
      text_of(constant(tensor(22, two, 1),
                       immediate(tensor(22, two, 1), wire_bytes(7, wire_bytes(1, std::string("\x01\0\xff\xff", 4)))))),
      "tensor<int16, [2]>([1, -1])");
  EXPECT_EQ(
      text_of(constant(tensor(10), immediate(tensor(10), wire_bytes(1, wire_bytes(1, std::string("\0\0\0\x3f", 4)))))),
      "fp16(0x1p-1)");
  // Below a byte: packed, or one byte each.
  EXPECT_EQ(text_of(constant(tensor(25, two, 1), immediate(tensor(25, two, 1), wire_bytes(7, wire_bytes(1, "\x78"))))),
            "tensor<int4, [2]>([-8, 7])");
  EXPECT_EQ(
      text_of(constant(tensor(25, two, 1), immediate(tensor(25, two, 1), wire_bytes(7, wire_bytes(1, "\xf8\x07"))))),
      "tensor<int4, [2]>([-8, 7])");
}

TEST(ProgramMessage, RefusesValuesThatAreNotOfTheirType) {
  const auto error = [](const std::string& type, const std::string& tensor_value) {
    const std::string message = error_of(constant(type, immediate(type, tensor_value)));
    const std::string place = "m: function main: operation 0: const: attribute val: ";
    EXPECT_TRUE(message.starts_with(place)) << message;
    return message.substr(std::min(place.size(), message.size()));
  };
  const std::string one_int = wire_bytes(2, wire_number(1, 300));
  EXPECT_EQ(error(tensor(23, dimension(2), 1), one_int), "expected the elements of tensor<int32, [2]>, found 1");
  EXPECT_EQ(error(tensor(21), one_int), "300 does not fit int8");
  EXPECT_EQ(error(tensor(11), one_int), "expected the elements of fp32 in a field for them, found field 2");
  EXPECT_EQ(error(tensor(10), wire_bytes(7, wire_bytes(1, "abc"))), "expected whole elements of fp16, found 3 bytes");
  EXPECT_EQ(error(tensor(20), one_int), "expected the number of an element type, found 20");
  EXPECT_EQ(error(tensor(23, dimension(1) + dimension(1), 1), one_int),
            "expected 1 dimensions in a tensor type as its rank says, found 2");
  EXPECT_EQ(error(tensor(23, "", ~uint64_t{0}), one_int), "expected a tensor type of known rank, found rank -1");
  EXPECT_EQ(error(tensor(23, dimension(uint64_t{1} << 60), 1), one_int),
            "expected a size that can be counted, found 1152921504606846976");
  EXPECT_EQ(error(tensor(23, dimension(uint64_t{1} << 30) + dimension(uint64_t{1} << 30), 2), one_int),
            "the shape [1073741824, 1073741824] has more elements than can be counted");
  EXPECT_EQ(error(tensor(23, dimension(1 << 20) + dimension(0), 2), ""),
            "expected at most 65536 rows in front of an empty axis, found the shape [1048576, 0]");
  const std::string unknown = wire_bytes(3, wire_bytes(2, ""));
  EXPECT_EQ(error(tensor(23, unknown + unknown, 2), one_int),
            "expected at most one unknown size in the type of a value, found tensor<int32, [?, ?]>");
  EXPECT_EQ(error(tensor(23, wire_bytes(3, wire_bytes(2, wire_number(1, 1))), 1), one_int),
            "expected one unknown size, found any number of them (a variadic dimension)");
  EXPECT_EQ(error(tensor(23, wire_bytes(3, ""), 1), one_int),
            "expected a known or unknown size in a dimension, found neither");
  EXPECT_EQ(error(wire_bytes(5, wire_bytes(1, kFloat)), one_int), "expected a value of state<fp32>, found a tensor");
}

TEST(ProgramMessage, RefusesValuesOutOfTheirContainers) {
  const std::string pair = wire_bytes(3, wire_bytes(1, kFloat) + wire_bytes(1, tensor(23)));
  const auto error = [&](const std::string& value) {
    const std::string message = error_of(constant(pair, value));
    return message.substr(message.rfind("val: ") + 5);
  };
  const std::string number = immediate(kFloat, wire_bytes(1, wire_bytes(1, std::string(4, '\0'))));
  const auto tuple = [](const std::string& items) { return wire_bytes(3, wire_bytes(2, items)); };
  EXPECT_EQ(error(wire_bytes(2, pair)), "expected the value of tuple<fp32, int32>, found none");
  EXPECT_EQ(error(wire_bytes(2, pair) + tuple(wire_bytes(1, number))),
            "expected 2 items in tuple<fp32, int32>, found 1");
  EXPECT_EQ(error(wire_bytes(2, pair) + tuple(wire_bytes(1, number) + wire_bytes(1, number))),
            "expected a value of int32, found fp32");
  EXPECT_EQ(error(wire_bytes(2, pair) + wire_bytes(3, wire_bytes(4, ""))),
            "expected a value of tuple<fp32, int32>, found a dictionary");
  EXPECT_EQ(error(wire_bytes(2, pair) + wire_bytes(5, wire_bytes(1, "w"))),
            "expected a value of tuple<fp32, int32> in the program: weight files hold numbers of known shape");
}

TEST(ProgramMessage, RefusesWhatTextCouldNotSay) {
  const std::string result = wire_bytes(3, named("y", kFloat));
  const std::string uses = wire_entry(2, "x", wire_bytes(1, wire_bytes(1, "z")));
  EXPECT_EQ(error_of(program(block(operation("relu", uses + result), "y"))),
            "m: function main: operation 0: relu: operand x: the value \"z\" is not defined before its use here");
  EXPECT_EQ(error_of(program(block(operation("relu", result) + operation("relu", result), "y"))),
            "m: function main: operation 1: relu: the value y is defined twice");
  EXPECT_EQ(error_of(program(block(operation("re lu", result), "y"))),
            "m: function main: operation 0: expected an identifier as the kind of an operation, found \"re lu\"");
  EXPECT_EQ(error_of(program(block(operation("relu", wire_bytes(3, named("1", kFloat))), "y"))),
            "m: function main: operation 0: relu: expected an identifier as the name of a result, found \"1\"");
  EXPECT_EQ(error_of(program(operation("relu", result))),
            "m: function main: expected the results of a block, found none");
  EXPECT_EQ(error_of(program(block("", "y"))), "m: function main: the value \"y\" is not defined before its use here");
  EXPECT_EQ(error_of(program(block(operation("const", result), "y"))),
            "m: function main: operation 0: y (const): expected the attribute val, found none");
  EXPECT_EQ(error_of(constant(tensor(23), immediate(kFloat, wire_bytes(1, wire_bytes(1, std::string(4, '\0')))))),
            "m: function main: operation 0: c (const): the const is declared as int32, but its val is fp32");
  EXPECT_EQ(error_of(wire_entry(2, "main", wire_bytes(2, "CoreML8"))),
            "m: function main: expected a block for the opset CoreML8, found none");
  const std::string empty_function = program(block("", "x"));
  EXPECT_EQ(error_of(empty_function), "no error");
  EXPECT_EQ(error_of(empty_function + empty_function), "m: the function main is defined twice");
  EXPECT_EQ(error_of(wire_entry(2, "1", "")), "m: expected an identifier as the name of a function, found \"1\"");
}

TEST(ProgramMessage, RefusesDeepNesting) {
  std::string type = kFloat;
  for (int i = 0; i < 32; ++i) type = wire_bytes(5, wire_bytes(1, type));
  EXPECT_EQ(error_of(wire_entry(4, "a", wire_bytes(2, type))),
            "m: program: attribute a: expected types at most 32 deep inside each other");
  std::string inner = block("", "x");
  for (int i = 0; i < 32; ++i) inner = block(operation("cond", wire_bytes(4, inner)), "x");
  const std::string message = error_of(program(inner));
  EXPECT_TRUE(message.ends_with("cond: expected blocks at most 32 deep inside each other")) << message;
}

TEST(ProgramMessage, RefusesMoreFunctionsThanAnyoneHas) {
  const std::string body =
      wire_bytes(1, named("x", kFloat)) + wire_bytes(2, "CoreML8") + wire_entry(3, "CoreML8", block("", "x"));
  std::string message;
  for (int i = 0; i < 4097; ++i) message += wire_entry(2, "f" + std::to_string(i), body);
  EXPECT_EQ(error_of(message), "m: expected at most 4096 functions");
}

TEST(ProgramMessage, RefusesEveryTruncationOrReadsIt) {
  const auto whole = encode_program(parsed(program_files("exact")[1].text));
  ASSERT_TRUE(whole);
  size_t refused = 0;
  for (size_t size = 0; size < whole->size(); ++size) {
    refused += decode_program(whole->substr(0, size), "m").has_value() ? 0 : 1;
  }
  // Only an end between the program's own fields is a whole message.
  EXPECT_GT(refused, whole->size() - 10);
  EXPECT_EQ(error_of(whole->substr(0, 10)),
            "m: expected a whole protobuf message, found one that is cut short or damaged (end of buffer exception)");
}

TEST(ModelMessage, TellsModelsOfAnotherKind) {
  const auto error = [](const std::string& bytes) { return decode_model(bytes, "m").error().message; };
  EXPECT_EQ(error(wire_number(1, 4) + wire_bytes(500, "")),
            "m: expected an ML program (field 502), found a model of another kind (field 500)");
  EXPECT_EQ(error(""), "m: expected a Core ML model with an ML program, found none");
}

TEST(ModelMessage, RefusesFeaturesThatCoreMlHasNot) {
  const auto error = [](const std::string& text) {
    const auto encoded = encode_model(parsed(text));
    return encoded ? "no error" : encoded.error().message;
  };
  EXPECT_EQ(error("program(1.3) { func main<ios18>(tensor<bool, [2]> m) {} -> (m); }"),
            "function main, input m: expected a tensor of fp16, fp32, fp64, int8 or int32 as Core ML takes and gives "
            "them, found tensor<bool, [2]>; cast it inside the function");
  EXPECT_EQ(error("program(1.3) { func main<ios99>(fp32 m) {} -> (m); }"),
            "function main: expected an opset from ios13 to ios18 or ios26, found ios99");
  EXPECT_EQ(error("program(1.3) { }"), "expected a program with a function, found none");
}

// The ranges and shapes of FlexibleShapeInformation stand in the descriptions of the inputs.
TEST(ModelMessage, DescribesInputsOfFlexibleShape) {
  const auto file =
      testing::read_file(std::filesystem::path(kSourceDirectory) / "tests/mil/programs/exact/flexible_shapes.mil");
  const auto encoded = encode_model(parsed(file));
  ASSERT_TRUE(encoded) << encoded.error().message;
  const auto feature = [](const std::string& array) {
    return wire_bytes(2, wire_bytes(1, "x") + wire_bytes(3, wire_bytes(5, array)));
  };
  const auto range = [](uint64_t lower, uint64_t upper) {
    return wire_bytes(1, wire_number(1, lower) + wire_number(2, upper));
  };
  const std::string fp32 = wire_number(2, 65568);
  const std::string ranges = wire_bytes(31, range(1, 1) + range(2, 4000));
  EXPECT_NE(encoded->find(feature(wire_bytes(1, "\x01\x04") + fp32 + ranges)), std::string::npos);
  const std::string shapes =
      wire_bytes(21, wire_bytes(1, wire_bytes(1, "\x01")) + wire_bytes(1, wire_bytes(1, "\x02")));
  EXPECT_NE(encoded->find(feature(wire_bytes(1, "\x01") + fp32 + shapes)), std::string::npos);
}

}  // namespace
}  // namespace millwright::mil
