// Model folders: read from protoc's hand, written and read back, and shown to protoc.
#include <gtest/gtest.h>

#include "blob_testing.h"
#include "container_testing.h"
#include "mil/blob/program_blobs.h"
#include "mil/compare.h"
#include "mil/container/model_folder.h"
#include "mil/printer.h"
#include "mil/verifier.h"
#include "source_dir.h"

namespace millwright::mil {
namespace {

using testing::parsed;
using testing::read_file;
using testing::TestFolder;

const std::filesystem::path kContainers = std::filesystem::path(kSourceDirectory) / "tests/mil/containers";

// Written by protoc from text, not by us: containers/README.md.
TEST(ModelFolder, ReadsAPackageThatProtocWrote) {
  auto model = read_model(kContainers / "foreign.mlpackage");
  ASSERT_TRUE(model) << model.error().message;
  const Program expected = parsed(read_file(kContainers / "foreign.mil"));
  EXPECT_EQ(first_difference(model->program, expected), std::nullopt) << print(model->program);
  WeightFiles weights(model->folder);
  const Status loaded = load_blobs(model->program, weights);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Literal* w = model->program.functions()[0]->block().operations().front()->attribute("val");
  EXPECT_EQ(w->as_numbers(), (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

constexpr const char* kTwoFunctions = R"(program(1.0)
[buildInfo = dict<tensor<string, []>, tensor<string, []>>({})]
{
    func main<ios16>(tensor<int32, [1, 12]> tokens, tensor<fp32, []> scale) {
            tensor<fp16, [12]> w = const()[val = tensor<fp16, [12]>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])];
            tensor<fp32, [1, 12]> y = cast(dtype = tensor<string, []>("fp32"), x = tokens);
        } -> (y);
    func second<ios18>(state<tensor<fp16, [2]>> kv) {
            tensor<uint4, [3]> n = const()[val = tensor<uint4, [3]>([1, 2, 15])];
            tensor<fp16, [2]> v = read_state(input = kv);
        } -> (v);
})";

class WrittenModel : public ::testing::TestWithParam<const char*> {};

TEST_P(WrittenModel, IsReadBackEqual) {
  const TestFolder folder;
  const bool package = std::string(GetParam()) == "mlpackage";
  const Path path = folder.path() / (std::string("model.") + GetParam());
  const Program program = parsed(kTwoFunctions);
  WeightFiles none("nowhere");
  const auto write = [&] { return (package ? write_mlpackage : write_mlmodelc)(program, path, none); };
  const Status written = write();
  ASSERT_TRUE(written) << written.error().message;

  auto model = read_model(path);
  ASSERT_TRUE(model) << model.error().message;
  WeightFiles weights(model->folder);
  EXPECT_EQ(weights.open("@model_path/weights/weight.bin").value()->declared_count(), 2u);
  EXPECT_NE(first_difference(model->program, program), std::nullopt);
  ASSERT_TRUE(load_blobs(model->program, weights));
  EXPECT_EQ(first_difference(model->program, program), std::nullopt);
  EXPECT_EQ(print(model->program), print(program));

  const Status again = write();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message,
            "cannot write " + path.string() + ": something of this name exists; remove it or choose another name");
}

TEST_P(WrittenModel, CarriesTheWeightsOfAnotherFolder) {
  const TestFolder folder;
  const bool package = std::string(GetParam()) == "mlpackage";
  auto foreign = read_model(kContainers / "foreign.mlpackage");
  ASSERT_TRUE(foreign);
  WeightFiles weights(foreign->folder);
  const Path path = folder.path() / "copy";
  const Status written = (package ? write_mlpackage : write_mlmodelc)(foreign->program, path, weights);
  ASSERT_TRUE(written) << written.error().message;
  auto copy = read_model(path);
  ASSERT_TRUE(copy) << copy.error().message;
  WeightFiles copied(copy->folder);
  ASSERT_TRUE(load_blobs(copy->program, copied));
  ASSERT_TRUE(load_blobs(foreign->program, weights));
  EXPECT_EQ(first_difference(copy->program, foreign->program), std::nullopt);
}

TEST_P(WrittenModel, LeavesNothingWhenItCannotBeWritten) {
  const TestFolder folder;
  const bool package = std::string(GetParam()) == "mlpackage";
  const Program program = parsed(
      "program(1.3) { func main<ios18>() { fp16 a = const()[val = tensor<fp16, []>(BLOBFILE(path = "
      "string(\"@model_path/w.bin\"), offset = uint64(64)))]; } -> (a); }");
  WeightFiles none("nowhere");
  const Status written = (package ? write_mlpackage : write_mlmodelc)(program, folder.path() / "m", none);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message,
            "line 1, a (const): cannot open nowhere/w.bin: No such file or directory; check the path");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

INSTANTIATE_TEST_SUITE_P(Forms, WrittenModel, ::testing::Values("mlpackage", "mlmodelc"),
                         [](const auto& info) { return std::string(info.param); });

TEST(ModelFolder, SaysWhatIsMissing) {
  const TestFolder folder;
  const auto error = [](const Path& path) { return read_model(path).error().message; };
  const std::string place = folder.path().string();
  EXPECT_EQ(error(folder.path()),
            place + ": expected a folder with a Manifest.json (.mlpackage) or a model.mil (.mlmodelc), found neither");
  folder.write("Manifest.json", "{\"rootModelIdentifier\": \"A\", \"itemInfoEntries\": {\"A\": {\"path\": \"../m\"}}}");
  EXPECT_EQ(error(folder.path()),
            place + "/Manifest.json: expected the path of the root model inside the package, found \"../m\"");
  folder.write("Manifest.json", "[]");
  EXPECT_EQ(error(folder.path()), place + "/Manifest.json: expected a JSON object");
}

// --decode_raw must find whole messages all the way down, and the schema typed for the tests must find the fields.
TEST(ModelFolder, IsUnderstoodByProtoc) {
  if (!testing::has_protoc()) GTEST_SKIP() << "protoc is not installed (Debian: protobuf-compiler); NOT CHECKED";
  const TestFolder folder;
  const Program program = parsed(
      "program(1.3) { func main<ios16>(tensor<fp16, [1, ?]> x, fp32 s) {"
      "tensor<fp16, [1, ?]> y = mul(x = x, y = fp16(0.5))[name = string(\"half\")]; } -> (y); }");
  WeightFiles none("nowhere");
  ASSERT_TRUE(write_mlpackage(program, folder.path() / "m.mlpackage", none));
  const std::string file = (folder.path() / "m.mlpackage/Data/com.apple.CoreML/model.mlmodel").string();
  const auto raw = testing::output_of("protoc --decode_raw < '" + file + "'");
  ASSERT_TRUE(raw);
  EXPECT_TRUE(raw->starts_with("1: 7\n2 {\n")) << *raw;
  EXPECT_NE(raw->find("\n502 {\n  1: 1\n  2 {\n    1: \"main\"\n"), std::string::npos) << *raw;
  const auto decoded =
      testing::output_of("protoc --decode=schema.Model -I'" + kContainers.string() + "' schema.proto < '" + file + "'");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, read_file(kContainers / "small.expected")) << *decoded;
}

TEST(ModelFolder, DescribesStatesAndFunctionsToProtoc) {
  if (!testing::has_protoc()) GTEST_SKIP() << "protoc is not installed (Debian: protobuf-compiler); NOT CHECKED";
  const TestFolder folder;
  WeightFiles none("nowhere");
  ASSERT_TRUE(write_mlpackage(parsed(kTwoFunctions), folder.path() / "m.mlpackage", none));
  const std::string file = (folder.path() / "m.mlpackage/Data/com.apple.CoreML/model.mlmodel").string();
  const auto decoded =
      testing::output_of("protoc --decode=schema.Model -I'" + kContainers.string() + "' schema.proto < '" + file + "'");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->substr(0, decoded->find("mlProgram {")), read_file(kContainers / "two_functions.expected"));
}

}  // namespace
}  // namespace millwright::mil
