// .npy files byte by byte, as numpy.lib.format documents them.
#include "mil/npy_file.h"

#include <gtest/gtest.h>

#include <cstring>

namespace millwright::mil {
namespace {

std::string npy(const std::string& header, const std::string& data, char major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += major;
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  if (major > 1) bytes += std::string(2, '\0');
  return bytes + header + data;
}

std::string header(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Result<Literal> decode(const std::string& bytes) { return decode_npy(as_bytes(bytes), "x.npy"); }

std::string error_of(const std::string& bytes) {
  const Result<Literal> result = decode(bytes);
  return result ? "no error" : result.error().message;
}

TEST(NpyFile, ReadsNumbersInRowOrder) {
  const Result<Literal> read = decode(npy(header("<i2", "(2, 3)"), std::string("\1\0\2\0\3\0\4\0\5\0\xff\xff", 12)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->type(), Type::tensor(ElementType::int16, {2, 3}));
  EXPECT_EQ(read->as_integers(), (std::vector<int64_t>{1, 2, 3, 4, 5, -1}));
}

TEST(NpyFile, TurnsColumnOrderIntoRowOrder) {
  // [2, 3, 2] with x[i][j][k] = 100 i + 10 j + k, first axis fastest.
  std::string data;
  for (int k = 0; k < 2; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) data += static_cast<char>(100 * i + 10 * j + k);
    }
  }
  const Result<Literal> read = decode(npy(header("|i1", "(2, 3, 2)", "True"), data));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->as_integers(), (std::vector<int64_t>{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121}));
}

TEST(NpyFile, ReadsScalarsVectorsAndEmptyTensors) {
  EXPECT_EQ(decode(npy(header("|u1", "()"), "\x07"))->as_integers(), std::vector<int64_t>{7});
  EXPECT_EQ(decode(npy(header("|u1", "(1,)"), "\x07", 2))->type().shape(), Shape{1});
}

TEST(NpyFile, ReadsEveryBooleanAsZeroOrOne) {
  EXPECT_EQ(decode(npy(header("|b1", "(3,)"), std::string("\0\1\5", 3)))->as_integers(),
            (std::vector<int64_t>{0, 1, 1}));
}

TEST(NpyFile, RefusesWhatItCannotRead) {
  EXPECT_EQ(error_of("program(1.3)"), "x.npy: not an .npy file: it does not begin with \\x93NUMPY");
  EXPECT_EQ(error_of("\x93NUMPY\x01"), "x.npy: the file ends inside its header");
  EXPECT_EQ(error_of(npy("", "", 9)), "x.npy: expected .npy format version 1 to 3, found 9");
  EXPECT_EQ(error_of(npy(header("<f4", "(2,)"), "").substr(0, 40)), "x.npy: the file ends inside its header");
  EXPECT_EQ(error_of(npy(header("<f4", "(2,)"), std::string(7, 'a'))),
            "x.npy: shape [2] of fp32 takes 8 bytes, found 7");
  EXPECT_EQ(error_of(npy(header("<f4", "(2,)"), std::string(9, 'a'))),
            "x.npy: shape [2] of fp32 takes 8 bytes, found 9");
  EXPECT_EQ(error_of(npy(header(">f4", "(2,)"), std::string(8, 'a'))),
            "x.npy: elements are big-endian (\">f4\"), expected little-endian f2 f4 f8, i1 to i8, u1 to u8 or b1; "
            "convert them with astype");
  EXPECT_EQ(error_of(npy(header("<c8", "(2,)"), std::string(16, 'a'))),
            "x.npy: elements are \"<c8\", expected little-endian f2 f4 f8, i1 to i8, u1 to u8 or b1");
  EXPECT_EQ(error_of(npy(header("<f4", "(1000000000, 1000000000)"), "")),
            "x.npy: shape [1000000000, 1000000000] is too large");
}

TEST(NpyFile, RefusesHeadersThatAreNoDictionaryOfTheThreeKeys) {
  for (const std::string text :
       {"", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "{'descr': '<f4', 'descr': '<f4'}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"}) {
    EXPECT_EQ(error_of(npy(text, "")),
              "x.npy: expected a header with descr, fortran_order and shape, found \"" + text.substr(0, 80) + "\"");
  }
}

TEST(NpyFile, WritesTheBytesThatNumpyWrites) {
  const Result<std::string> written =
      encode_npy(Literal::numbers(Type::tensor(ElementType::fp32, {2, 1}), std::vector<double>{1, -2}));
  ASSERT_TRUE(written);
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
  text.append(117 - text.size(), ' ');  // elements begin at byte 128
  EXPECT_EQ(*written, npy(text + "\n", std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8)));
}

TEST(NpyFile, ReadsBackWhatItWrote) {
  for (const ElementType element :
       {ElementType::fp16, ElementType::fp64, ElementType::int8, ElementType::int64, ElementType::uint16}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 0}, Shape{1, 2, 3}}) {
      const Literal tensor = Literal::splat(Type::tensor(element, shape), 5);
      const Result<Literal> read = decode(*encode_npy(tensor));
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(*read, tensor);
    }
  }
}

TEST(NpyFile, RefusesElementsThatNumpyCannotName) {
  EXPECT_EQ(encode_npy(Literal::splat(Type::tensor(ElementType::bf16, {2}), 1)).error().message,
            "NumPy has no element type bf16");
  EXPECT_EQ(encode_npy(Literal::string("a")).error().message, "a string is no tensor of numbers");
}

}  // namespace
}  // namespace millwright::mil
