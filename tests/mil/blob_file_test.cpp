#include "mil/blob/blob_file.h"

#include <gtest/gtest.h>

#include "blob_testing.h"
#include "mil/blob/blob_format.h"

namespace millwright::mil {
namespace {

using testing::blob_header;
using testing::blob_record;
using testing::padded;
using testing::TestFolder;

std::string load_error(const std::string& bytes, uint64_t offset, const Type& type) {
  const auto file = BlobFile::view(as_bytes(bytes), "w.bin");
  if (!file) return file.error().message;
  const auto literal = file->load(offset, type);
  return literal ? "no error" : literal.error().message;
}

std::string records_error(const std::string& bytes) {
  const auto file = BlobFile::view(as_bytes(bytes), "w.bin");
  if (!file) return file.error().message;
  const auto records = file->records();
  return records ? "no error" : records.error().message;
}

const Type kPair = Type::tensor(ElementType::fp16, {2});

// One record of two halves (1.0 and -2.0) at 64, one of three int32 at 192.
std::string two_records() {
  return padded(blob_header(2) + blob_record(1, 4, 128) + std::string("\x00\x3c\x00\xc0", 4)) +
         blob_record(14, 12, 256) + std::string("\x01\0\0\0\xff\xff\xff\xff\x07\0\0\0", 12);
}

TEST(BlobFile, ReadsElementsAndListsRecords) {
  const std::string bytes = two_records();
  const auto file = BlobFile::view(as_bytes(bytes), "w.bin");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->declared_count(), 2u);
  const auto halves = file->load(64, Type::tensor(ElementType::fp16, {2, 1}));
  ASSERT_TRUE(halves) << halves.error().message;
  EXPECT_EQ(halves->type(), Type::tensor(ElementType::fp16, {2, 1}));
  EXPECT_EQ(halves->as_numbers(), (std::vector<double>{1.0, -2.0}));
  const auto integers = file->load(192, Type::tensor(ElementType::int32, {3}));
  ASSERT_TRUE(integers) << integers.error().message;
  EXPECT_EQ(integers->as_integers(), (std::vector<int64_t>{1, -1, 7}));

  const auto records = file->records();
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[1].offset, 192u);
  EXPECT_EQ((*records)[1].data_offset, 256u);
  EXPECT_EQ((*records)[1].element, ElementType::int32);
  EXPECT_EQ((*records)[1].size_bytes, 12u);
  EXPECT_EQ((*records)[1].count, 3u);
}

TEST(BlobFile, ListsMoreRecordsThanTheHeaderCounts) {
  std::string bytes = two_records();
  bytes[0] = 1;
  const auto file = BlobFile::view(as_bytes(bytes), "w.bin");
  ASSERT_TRUE(file);
  const auto records = file->records();
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->size(), 2u);
}

TEST(BlobFile, RefusesAFileWithoutItsHeader) {
  EXPECT_EQ(records_error(""), "w.bin: expected a weight file with a header of 64 bytes, found 0 bytes in all");
  EXPECT_EQ(records_error(std::string(63, '\0')),
            "w.bin: expected a weight file with a header of 64 bytes, found 63 bytes in all");
  EXPECT_EQ(records_error(blob_header(0, 1)), "w.bin: expected a weight file of version 2, found version 1");
}

TEST(BlobFile, RefusesOffsetsThatNameNoRecord) {
  const std::string bytes = two_records();
  const std::string multiple = "w.bin: expected a record at a multiple of 64 bytes behind the header, found offset ";
  EXPECT_EQ(load_error(bytes, 0, kPair), multiple + "0");
  EXPECT_EQ(load_error(bytes, 160, kPair), multiple + "160");
  EXPECT_EQ(load_error(bytes, 128, kPair), "w.bin: expected a record at offset 128 (0xdeadbeef), found 0xc0003c00");
  EXPECT_EQ(load_error(bytes, 256, kPair), "w.bin: expected a record at offset 256, but the file ends at 268");
  EXPECT_EQ(load_error(bytes, 18446744073709551552u, kPair),
            "w.bin: expected a record at offset 18446744073709551552, but the file ends at 268");
}

TEST(BlobFile, RefusesRecordsThatLie) {
  const auto record = [](uint32_t code, uint64_t size, uint64_t data_offset, uint64_t padding = 0) {
    return load_error(blob_header(1) + blob_record(code, size, data_offset, padding) + std::string(64, '\0'), 64,
                      kPair);
  };
  EXPECT_EQ(record(1, 4, 128), "no error");
  EXPECT_EQ(record(0, 4, 128), "w.bin: the record at offset 64 has the unknown element code 0");
  EXPECT_EQ(record(18, 4, 128), "w.bin: the record at offset 64 has the unknown element code 18");
  EXPECT_EQ(record(1, 4, 0),
            "w.bin: the record at offset 64 puts its data at 0; expected a multiple of 64 that is free for data");
  EXPECT_EQ(record(1, 4, 64),
            "w.bin: the record at offset 64 puts its data at 64; expected a multiple of 64 that is free for data");
  EXPECT_EQ(record(1, 4, 130),
            "w.bin: the record at offset 64 puts its data at 130; expected a multiple of 64 that is free for data");
  EXPECT_EQ(record(1, 65, 128), "w.bin: the record at offset 64 says 65 bytes at 128, but the file ends at 192");
  EXPECT_EQ(record(1, ~uint64_t{0}, 128),
            "w.bin: the record at offset 64 says 18446744073709551615 bytes at 128, but the file ends at 192");
  EXPECT_EQ(record(1, 4, uint64_t{1} << 63),
            "w.bin: the record at offset 64 says 4 bytes at 9223372036854775808, but the file ends at 192");
  EXPECT_EQ(record(1, 3, 128),
            "w.bin: the record at offset 64 says 3 bytes with 0 bits of padding, no whole number of fp16 elements");
  EXPECT_EQ(record(8, 1, 128, 8),
            "w.bin: the record at offset 64 says 1 bytes with 8 bits of padding, no whole number of int4 elements");
  EXPECT_EQ(record(8, 1, 128, 3),
            "w.bin: the record at offset 64 says 1 bytes with 3 bits of padding, no whole number of int4 elements");
  EXPECT_EQ(record(8, 0, 128, 4),
            "w.bin: the record at offset 64 says 0 bytes with 4 bits of padding, no whole number of int4 elements");
  EXPECT_EQ(record(2, 8, 128), "w.bin: expected tensor<fp16, [2]> at offset 64, found 2 elements of fp32");
  EXPECT_EQ(record(1, 6, 128), "w.bin: expected tensor<fp16, [2]> at offset 64, found 3 elements of fp16");
  // Padding means nothing where elements fill bytes.
  EXPECT_EQ(record(1, 4, 128, 77), "no error");
}

TEST(BlobFile, RefusesDataThatCoversItsRecord) {
  const std::string bytes = blob_header(2) + std::string(64, '\0') + blob_record(1, 66, 64);
  EXPECT_EQ(load_error(bytes, 128, Type::tensor(ElementType::fp16, {33})),
            "w.bin: the record at offset 128 says 66 bytes at 64, which covers the record itself");
}

TEST(BlobFile, RefusesShapesThatCannotBeCounted) {
  const std::string bytes = two_records();
  EXPECT_EQ(load_error(bytes, 64, Type::tensor(ElementType::fp16, {kUnknownDimension})),
            "w.bin: expected a tensor of known shape at offset 64, found tensor<fp16, [?]>");
  EXPECT_EQ(load_error(bytes, 64, Type::tensor(ElementType::fp16, {int64_t{1} << 40, int64_t{1} << 40})),
            "w.bin: expected a tensor of known shape at offset 64, found tensor<fp16, [1099511627776, 1099511627776]>");
}

TEST(BlobFile, RefusesAFileThatEndsBeforeItsCount) {
  EXPECT_EQ(records_error(blob_header(1)),
            "w.bin: expected 1 records as the header says, found 0 before the file ends at 64");
  EXPECT_EQ(records_error(two_records().substr(0, 230)),
            "w.bin: expected 2 records as the header says, found 1 before the file ends at 230");
  EXPECT_EQ(records_error(two_records().substr(0, 260)),
            "w.bin: the record at offset 192 says 12 bytes at 256, but the file ends at 260");
}

// Every prefix of a good file is refused or read, and never read wildly (the sanitizers watch).
TEST(BlobFile, SurvivesTruncationAnywhere) {
  const std::string bytes = two_records();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    const auto file = BlobFile::view(as_bytes(cut), "w.bin");
    if (!file) continue;
    EXPECT_FALSE(file->records()) << size;
    EXPECT_EQ(file->load(64, kPair).has_value(), size >= 132) << size;
  }
}

// From least significant bit up, by hand: 1, 2, 3 in 3 bits = 001 010 011 → 11'010'001, 0.
TEST(BlobFormat, PacksFromTheLeastSignificantBit) {
  const auto bytes = [](std::initializer_list<int> values) {
    std::vector<std::byte> list;
    for (const int value : values) list.push_back(static_cast<std::byte>(value));
    return list;
  };
  struct Case {
    ElementType element;
    std::vector<std::byte> elements;
    std::vector<std::byte> packed;
    uint64_t padding;
  };
  const std::vector<Case> cases = {
      {ElementType::uint1, bytes({1, 0, 1, 1, 0, 0, 0, 1, 1}), bytes({0b10001101, 0b1}), 7},
      {ElementType::uint2, bytes({1, 2, 3}), bytes({0b111001}), 2},
      {ElementType::uint3, bytes({1, 2, 3}), bytes({0b11010001, 0}), 7},
      {ElementType::uint4, bytes({0xA, 0xB, 0xC}), bytes({0xBA, 0x0C}), 4},
      {ElementType::int4, bytes({0xF8, 7, 0xFF, 0}), bytes({0x78, 0x0F}), 0},
      {ElementType::uint6, bytes({63, 1, 32}), bytes({0b01111111, 0b00000000, 0b10}), 6},
      {ElementType::uint6, bytes({}), bytes({}), 0},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(pack(c.element, c.elements), c.packed) << element_name(c.element);
    EXPECT_EQ(unpack(c.element, c.packed, c.elements.size()), c.elements) << element_name(c.element);
    EXPECT_EQ(blob_padding_bits(c.element, c.elements.size()), c.padding) << element_name(c.element);
  }
}

TEST(BlobFile, UnpacksElementsBelowAByte) {
  const std::string bytes = blob_header(1) + blob_record(8, 2, 128, 4) + std::string("\x78\x0f", 2);
  const auto file = BlobFile::view(as_bytes(bytes), "w.bin");
  ASSERT_TRUE(file);
  const auto literal = file->load(64, Type::tensor(ElementType::int4, {3, 1}));
  ASSERT_TRUE(literal) << literal.error().message;
  EXPECT_EQ(literal->as_integers(), (std::vector<int64_t>{-8, 7, -1}));
}

TEST(BlobWriter, WritesThePublishedLayout) {
  const TestFolder folder;
  auto writer = BlobWriter::create(folder.path() / "w.bin");
  ASSERT_TRUE(writer) << writer.error().message;
  const std::vector<double> halves = {1.0, -2.0};
  const auto first = writer->append(Literal::numbers(kPair, halves));
  const std::vector<std::byte> nibbles = {std::byte{0xF8}, std::byte{7}, std::byte{0xFF}};
  const auto second = writer->append(Literal::bytes(Type::tensor(ElementType::int4, {3}), nibbles));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, 64u);
  EXPECT_EQ(*second, 192u);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "w.bin"));
  ASSERT_TRUE(writer->commit());
  EXPECT_EQ(testing::read_file(folder.path() / "w.bin"),
            padded(blob_header(2) + blob_record(1, 4, 128) + std::string("\x00\x3c\x00\xc0", 4)) +
                padded(blob_record(8, 2, 256, 4) + std::string("\x78\x0f", 2)));
}

TEST(BlobWriter, LeavesNothingWithoutCommit) {
  const TestFolder folder;
  {
    auto writer = BlobWriter::create(folder.path() / "w.bin");
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(Literal::int32(1)));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(BlobWriter, HoldsEveryTypeWithACode) {
  const TestFolder folder;
  auto writer = BlobWriter::create(folder.path() / "w.bin");
  ASSERT_TRUE(writer);
  constexpr ElementType kHeld[] = {ElementType::fp16,   ElementType::fp32,  ElementType::uint8,  ElementType::int8,
                                   ElementType::bf16,   ElementType::int16, ElementType::uint16, ElementType::int4,
                                   ElementType::uint1,  ElementType::uint2, ElementType::uint4,  ElementType::uint3,
                                   ElementType::uint6,  ElementType::int32, ElementType::uint32, ElementType::fp8e4m3fn,
                                   ElementType::fp8e5m2};
  std::vector<std::pair<uint64_t, Literal>> written;
  for (const ElementType element : kHeld) {
    for (const int64_t count : {0, 1, 5, 64}) {
      std::vector<double> values;
      for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<double>((i * 7) % 2));
      Literal literal = Literal::numbers(Type::tensor(element, {count}), values);
      const auto offset = writer->append(literal);
      ASSERT_TRUE(offset) << offset.error().message;
      written.emplace_back(*offset, std::move(literal));
    }
  }
  ASSERT_TRUE(writer->commit());
  const auto file = BlobFile::open(folder.path() / "w.bin");
  ASSERT_TRUE(file) << file.error().message;
  const auto records = file->records();
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), written.size());
  for (const auto& [offset, literal] : written) {
    const auto loaded = file->load(offset, literal.type());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_TRUE(*loaded == literal) << type_text(literal.type());
  }
}

TEST(BlobWriter, RefusesTypesWithoutACode) {
  const TestFolder folder;
  auto writer = BlobWriter::create(folder.path() / "w.bin");
  ASSERT_TRUE(writer);
  const auto refused = writer->append(Literal::number(ElementType::fp64, 1.0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "weight files cannot hold fp64");
}

}  // namespace
}  // namespace millwright::mil
