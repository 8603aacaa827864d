#include "model/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/json.h"
#include "base/temporary_folder.h"

namespace millwright::model {
namespace {

// A file with this header, its length in front, and `data_bytes` bytes of data.
std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\1');
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape, size_t begin,
                   size_t end) {
  return fmt::format(R"("{}": {{"dtype": "{}", "shape": {}, "data_offsets": [{}, {}]}})", name, dtype, shape, begin,
                     end);
}

std::string refusal(const std::string& file) {
  const auto header = parse_safetensors(as_bytes(file), "w.safetensors");
  return header ? "accepted" : header.error().message;
}

std::string refusal(const std::string& header, size_t data_bytes) { return refusal(file_of(header, data_bytes)); }

TEST(SafetensorsReader, RefusesAFileTooShortForItsHeader) {
  EXPECT_EQ(refusal("1234567"), "w.safetensors: not a safetensors file: 7 bytes long, expected at least 8");
  EXPECT_EQ(refusal(file_of("{}", 0).substr(0, 9)),
            "w.safetensors: the header should take 2 bytes, but the file ends after 1; it may be truncated");
}

TEST(SafetensorsReader, RefusesAHeaderLengthThatNoFileHas) {
  EXPECT_EQ(refusal("PK\3\4PK\3\4PK\3\4"),
            "w.safetensors: not a safetensors file: header of 289157608118635344 bytes, expected at most 100000000");
  EXPECT_EQ(refusal(std::string(16, '\xff')),
            "w.safetensors: not a safetensors file: header of 18446744073709551615 bytes, expected at most 100000000");
}

TEST(SafetensorsReader, RefusesAHeaderThatIsNotAnObject) {
  EXPECT_EQ(refusal("[1]", 0), "w.safetensors: the header is not a JSON object");
  EXPECT_EQ(refusal("{\"a\"", 0).substr(0, 16), "w.safetensors:1:");
}

TEST(SafetensorsReader, RefusesOffsetsOutsideTheFile) {
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[2]", 0, 8) + "}", 4),
            "w.safetensors: tensor \"a\": data_offsets [0, 8] do not lie inside the 4 bytes of data; the file may be "
            "truncated");
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[1]", 4, 0) + "}", 4),
            "w.safetensors: tensor \"a\": data_offsets [4, 0] do not lie inside the 4 bytes of data; the file may be "
            "truncated");
}

TEST(SafetensorsReader, RefusesOffsetsThatAreNotWholeNumbers) {
  EXPECT_EQ(refusal(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, -4]}})", 4),
            "w.safetensors: tensor \"a\": data_offsets must be two whole numbers");
  EXPECT_EQ(refusal(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}})", 4),
            "w.safetensors: tensor \"a\": data_offsets must be two whole numbers");
}

TEST(SafetensorsReader, RefusesBytesThatDoNotFitTheShape) {
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[2, 3]", 0, 20) + "}", 20),
            "w.safetensors: tensor \"a\": shape [2, 3] of F32 takes 24 bytes; data_offsets hold 20");
}

TEST(SafetensorsReader, RefusesAShapeWhoseProductOverflows) {
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[4294967296, 4294967296, 4]", 0, 0) + "}", 0),
            "w.safetensors: tensor \"a\": shape [4294967296, 4294967296, 4] has more elements than can be counted");
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[18446744073709551615]", 0, 0) + "}", 0),
            "w.safetensors: tensor \"a\": shape has a dimension that is not a whole number: 18446744073709551615");
  // A zero does not hide the overflow: no one may multiply these in another order.
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[4294967296, 4294967296, 0]", 0, 0) + "}", 0),
            "w.safetensors: tensor \"a\": shape [4294967296, 4294967296, 0] has more elements than can be counted");
}

TEST(SafetensorsReader, RefusesOverlapsAndGaps) {
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[2]", 0, 8) + "," + tensor("b", "F32", "[2]", 4, 12) + "}", 12),
            "w.safetensors: tensor \"b\" begins at byte 4 of the data; expected 8, where the one before it ends");
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[1]", 0, 4) + "," + tensor("b", "F32", "[1]", 8, 12) + "}", 12),
            "w.safetensors: tensor \"b\" begins at byte 8 of the data; expected 4, where the one before it ends");
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 5),
            "w.safetensors: 1 bytes of data belong to no tensor");
}

TEST(SafetensorsReader, RefusesUnknownTypesAndRanks) {
  EXPECT_EQ(refusal("{" + tensor("a", "F31", "[1]", 0, 4) + "}", 4),
            "w.safetensors: tensor \"a\": unknown dtype \"F31\"");
  EXPECT_EQ(refusal("{" + tensor("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) + "}", 4),
            "w.safetensors: tensor \"a\": shape has 9 dimensions; expected at most 8");
}

TEST(SafetensorsReader, RefusesMetadataThatIsNotText) {
  EXPECT_EQ(refusal(R"({"__metadata__": {"steps": 3}})", 0), "w.safetensors: __metadata__: \"steps\" must be a string");
}

TEST(SafetensorsReader, KeepsMessagesOnOneLineWhateverTheNameHolds) {
  const std::string message = refusal("{" + tensor("a\\n\\u0007b", "F31", "[1]", 0, 4) + "}", 4);
  EXPECT_EQ(message, "w.safetensors: tensor \"a\\n\\u0007b\": unknown dtype \"F31\"");
}

TEST(SafetensorsReader, ConvertsHalfAndBfloat16) {
  const TemporaryFolder folder;
  const std::string header = "{" + tensor("h", "F16", "[3]", 0, 6) + "," + tensor("b", "BF16", "[2]", 6, 10) + "}";
  // 1.0, -2.0, 65504 in half; 1.0, -3.0 in bfloat16
  const uint16_t bits[] = {0x3c00, 0xc000, 0x7bff, 0x3f80, 0xc040};
  const std::string data(reinterpret_cast<const char*>(bits), sizeof(bits));
  const auto file = SafetensorsFile::open(folder.write("w.safetensors", file_of(header, 0) + data));
  ASSERT_TRUE(file) << file.error().message;
  std::vector<float> half(3), bfloat(2);
  ASSERT_TRUE(file->read(*file->find("h"), half));
  ASSERT_TRUE(file->read(*file->find("b"), bfloat));
  EXPECT_EQ(half, (std::vector<float>{1.0f, -2.0f, 65504.0f}));
  EXPECT_EQ(bfloat, (std::vector<float>{1.0f, -3.0f}));
}

TEST(SafetensorsReader, NamesTheTypeThatItCannotConvert) {
  const TemporaryFolder folder;
  const Path path = folder.write("w.safetensors", file_of("{" + tensor("a", "I64", "[1]", 0, 8) + "}", 8));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file);
  std::vector<float> values(1);
  EXPECT_EQ(file->read(*file->find("a"), values).error().message,
            path.string() + ": tensor \"a\" has dtype I64; expected F32, F16 or BF16");
}

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  const TemporaryFolder folder;
  const std::vector<SafetensorsWriter::Tensor> tensors = {{"z", {2, 3}}, {"scalar", {}}, {"a", {700000}}};
  std::vector<std::vector<float>> values = {{1, 2, 3, 4, 5, 6}, {-0.0f}, std::vector<float>(700000)};
  for (size_t i = 0; i < values[2].size(); ++i) values[2][i] = static_cast<float>(i) * 0.1f;

  auto writer = SafetensorsWriter::open(folder / "w.safetensors", tensors, {{"format", "pt"}});
  ASSERT_TRUE(writer) << writer.error().message;
  for (const auto& tensor : values) ASSERT_TRUE(writer->write(tensor));
  EXPECT_FALSE(std::filesystem::exists(folder / "w.safetensors")) << "the name appears with finish()";
  ASSERT_TRUE(writer->finish());

  const auto file = SafetensorsFile::open(folder / "w.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metadata(), (SafetensorsMetadata{{"format", "pt"}}));
  ASSERT_EQ(file->entries().size(), 3u);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const SafetensorsEntry* entry = file->find(tensors[i].name);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->shape, tensors[i].shape);
    std::vector<float> back(values[i].size());
    ASSERT_TRUE(file->read(*entry, back));
    EXPECT_EQ(std::memcmp(back.data(), values[i].data(), back.size() * sizeof(float)), 0) << entry->name;
  }
}

// The layout by hand, from the description of the format.
TEST(SafetensorsWriter, WritesTheDocumentedBytes) {
  const TemporaryFolder folder;
  const std::vector<SafetensorsWriter::Tensor> tensors = {{"w", {1, 2}}};
  auto writer = SafetensorsWriter::open(folder / "w.safetensors", tensors);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->write(std::vector<float>{1.0f, -2.0f}));
  ASSERT_TRUE(writer->finish());

  const std::string header = R"({"w":{"data_offsets":[0,8],"dtype":"F32","shape":[1,2]}})";
  std::string expected("\x38\0\0\0\0\0\0\0", 8);
  expected += header + std::string(0x38 - header.size(), ' ');
  expected += std::string("\0\0\x80\x3f\0\0\0\xc0", 8);
  EXPECT_EQ(read_whole_file(folder / "w.safetensors"), expected);
}

TEST(SafetensorsWriter, LeavesNothingBehindWhenItIsAbandoned) {
  const TemporaryFolder folder;
  const std::vector<SafetensorsWriter::Tensor> tensors = {{"w", {2}}};
  {
    auto writer = SafetensorsWriter::open(folder / "w.safetensors", tensors);
    ASSERT_TRUE(writer);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace millwright::model
