#include <gtest/gtest.h>

#include "blob_testing.h"
#include "mil/blob/program_blobs.h"
#include "mil/compare.h"
#include "mil/parser.h"
#include "mil/printer.h"

namespace millwright::mil {
namespace {

using testing::blob_header;
using testing::blob_record;
using testing::TestFolder;

Program parsed(const std::string& text) {
  auto program = parse_program(text, "test");
  EXPECT_TRUE(program) << program.error().message;
  return std::move(*program);
}

std::string in_function(const std::string& opset, const std::string& statements, const std::string& result) {
  return "program(1.3) { func main<" + opset + ">() {" + statements + "} -> (" + result + "); }";
}

std::string weights_of(float value) {
  const auto* bytes = reinterpret_cast<const char*>(&value);
  return blob_header(1) + blob_record(2, 4, 128) + std::string(bytes, sizeof(value));
}

TEST(WeightFiles, FindsFilesInsideTheModelsFolderOnly) {
  const WeightFiles files("model");
  EXPECT_EQ(files.resolve("@model_path/weights/weight.bin").value(), Path("model/weights/weight.bin"));
  EXPECT_EQ(files.resolve("@model_path/a..b/...").value(), Path("model/a..b/..."));
  const auto error = [&](const std::string& path) {
    const auto resolved = files.resolve(path);
    return resolved ? "no error" : resolved.error().message;
  };
  EXPECT_EQ(error("weights/weight.bin"),
            "expected a weight file path that begins with @model_path/, found \"weights/weight.bin\"");
  const std::string outside = "expected a weight file inside the model's folder, found ";
  EXPECT_EQ(error("@model_path/../secret"), outside + "\"@model_path/../secret\"");
  EXPECT_EQ(error("@model_path/weights/../../secret"), outside + "\"@model_path/weights/../../secret\"");
  EXPECT_EQ(error("@model_path//etc/passwd"), outside + "\"@model_path//etc/passwd\"");
  EXPECT_EQ(error("@model_path/"), outside + "\"@model_path/\"");
}

TEST(WeightFiles, TakesBytesForFiles) {
  const TestFolder folder;
  folder.write("w.bin", weights_of(0.5f));
  const std::string other = weights_of(0.25f);
  const Type type = Type::tensor(ElementType::fp32, {1});
  WeightFiles both(folder.path());
  both.provide("@model_path/other.bin", as_bytes(other));
  EXPECT_EQ(both.load({"@model_path/w.bin", 64}, type)->number_at(0), 0.5);
  EXPECT_EQ(both.load({"@model_path/other.bin", 64}, type)->number_at(0), 0.25);
  EXPECT_EQ(both.bytes("@model_path/other.bin")->size(), other.size());

  WeightFiles provided;
  const auto error = [&](const std::string& path) { return provided.load({path, 64}, type).error().message; };
  EXPECT_EQ(error("@model_path/w.bin"), "the weight file @model_path/w.bin is missing; given: none");
  provided.provide("@model_path/other.bin", as_bytes(other).first(100));
  EXPECT_EQ(error("@model_path/w.bin"), "the weight file @model_path/w.bin is missing; given: @model_path/other.bin");
  EXPECT_EQ(error("@model_path/other.bin"),
            "@model_path/other.bin: expected a record at offset 64, but the file ends at 100");
}

TEST(ProgramBlobs, LoadsEveryReference) {
  const TestFolder folder;
  folder.write("weights/weight.bin", weights_of(0.5f));
  const std::string blob = "(BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), offset = uint64(64)))";
  const auto text = [](const std::string& scalar, const std::string& one) {
    return in_function("ios18",
                       "fp32 a = const()[val = " + scalar + "]; fp32 b = add(x = a, y = " + scalar +
                           ")[name = string(\"b\"), pair = tuple<tensor<fp32, [1]>, int32>((" + one + ", 2))];",
                       "b");
  };
  Program program = parsed(text("tensor<fp32, []>" + blob, blob.substr(1, blob.size() - 2)));
  WeightFiles files(folder.path());
  const Status loaded = load_blobs(program, files);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(first_difference(program, parsed(text("fp32(0.5)", "[0.5]"))), std::nullopt);
}

TEST(ProgramBlobs, NamesTheOperationOfAMissingFileOrWrongRecord) {
  const TestFolder folder;
  const std::string path = folder.write("w.bin", weights_of(0.5f)).string();
  const auto error = [&](const std::string& type, const std::string& name) {
    Program program =
        parsed(in_function("ios18",
                           type + " a = const()[val = " + type + "(BLOBFILE(path = string(\"@model_path/" + name +
                               "\"), offset = uint64(64)))];",
                           "a"));
    WeightFiles files(folder.path());
    const Status loaded = load_blobs(program, files);
    return loaded ? "no error" : loaded.error().message;
  };
  EXPECT_EQ(error("tensor<fp32, [1]>", "w.bin"), "no error");
  EXPECT_EQ(error("tensor<fp32, [2]>", "w.bin"),
            "line 1, a (const): " + path + ": expected tensor<fp32, [2]> at offset 64, found 1 elements of fp32");
  EXPECT_EQ(error("tensor<fp32, [1]>", "v.bin"), "line 1, a (const): cannot open " +
                                                     (folder.path() / "v.bin").string() +
                                                     ": No such file or directory; check the path");
}

TEST(ProgramBlobs, StoresLargeConstantsOnce) {
  const TestFolder folder;
  const std::string ten = "tensor<int32, [10]>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])";
  const std::string text =
      in_function("ios18",
                  "tensor<int32, [10]> a = const()[val = " + ten + "]; tensor<int32, [10]> b = add(x = " + ten +
                      ", y = int32(1)); tensor<uint4, [2]> c = const()[val = "
                      "tensor<uint4, [2]>([1, 2])]; tensor<int32, [2]> d = const()[val = "
                      "tensor<int32, [2]>([1, 2])];",
                  "b, c, d");
  Program program = parsed(text);
  const std::string path = "@model_path/w.bin";
  WeightFiles none("nowhere");
  auto writer = BlobWriter::create(folder.path() / "w.bin");
  ASSERT_TRUE(writer);
  const Status stored = store_blobs(program, kBlobElements, *writer, path, none);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(writer->count(), 2u);
  ASSERT_TRUE(writer->commit());
  const auto reference = [](const std::string& type, int offset) {
    return type + "(BLOBFILE(path = string(\"@model_path/w.bin\"), offset = uint64(" + std::to_string(offset) + ")))";
  };
  const std::string moved = reference("tensor<int32, [10]>", 64);
  EXPECT_EQ(first_difference(program, parsed(in_function("ios18",
                                                         "tensor<int32, [10]> a = const()[val = " + moved +
                                                             "]; tensor<int32, [10]> b = add(x = " + moved +
                                                             ", y = int32(1)); tensor<uint4, [2]> c = const()[val = " +
                                                             reference("tensor<uint4, [2]>", 192) +
                                                             "]; tensor<int32, [2]> d = const()[val = "
                                                             "tensor<int32, [2]>([1, 2])];",
                                                         "b, c, d"))),
            std::nullopt)
      << print(program);
  WeightFiles files(folder.path());
  ASSERT_TRUE(load_blobs(program, files));
  EXPECT_EQ(first_difference(program, parsed(text)), std::nullopt);
}

TEST(ProgramBlobs, KeepsInlineWhatAnOldOpsetCannotStore) {
  const TestFolder folder;
  const auto stored_count = [&](const std::string& opset, const std::string& element) {
    const std::string type = "tensor<" + element + ", [10]>";
    Program program = parsed(in_function(opset, type + " a = const()[val = " + type + "(1)];", "a"));
    WeightFiles none("nowhere");
    auto writer = BlobWriter::create(folder.path() / "w.bin");
    EXPECT_TRUE(store_blobs(program, kBlobElements, *writer, "@model_path/w.bin", none));
    return writer->count();
  };
  EXPECT_EQ(stored_count("ios17", "int32"), 0u);
  EXPECT_EQ(stored_count("ios18", "int32"), 1u);
  EXPECT_EQ(stored_count("ios15", "fp16"), 1u);
  EXPECT_EQ(stored_count("ios18", "int64"), 0u);
  EXPECT_EQ(stored_count("ios26", "uint16"), 1u);
}

TEST(ProgramBlobs, CopiesReferencesToTheNewFile) {
  const TestFolder folder;
  folder.write("old.bin", weights_of(0.5f));
  const std::string blob = "tensor<fp32, []>(BLOBFILE(path = string(\"@model_path/old.bin\"), offset = uint64(64)))";
  Program program = parsed(
      in_function("ios16", "fp32 a = const()[val = " + blob + "]; fp32 b = const()[val = " + blob + "];", "a, b"));
  WeightFiles files(folder.path());
  auto writer = BlobWriter::create(folder.path() / "new.bin");
  ASSERT_TRUE(store_blobs(program, kBlobElements, *writer, "@model_path/new.bin", files));
  ASSERT_TRUE(writer->commit());
  EXPECT_EQ(writer->count(), 1u);
  std::filesystem::remove(folder.path() / "old.bin");
  WeightFiles moved(folder.path());
  ASSERT_TRUE(load_blobs(program, moved));
  EXPECT_EQ(first_difference(program, parsed(in_function("ios16",
                                                         "fp32 a = const()[val = fp32(0.5)]; fp32 b = const()[val = "
                                                         "fp32(0.5)];",
                                                         "a, b"))),
            std::nullopt);
}

}  // namespace
}  // namespace millwright::mil
