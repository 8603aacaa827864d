// One program in each of the forms that read_program_source tells apart, and what it says of anything else.
#include <gtest/gtest.h>

#include "blob_testing.h"
#include "mil/blob/program_blobs.h"
#include "mil/compare.h"
#include "mil/container/model_message.h"
#include "mil/container/program_message.h"
#include "mil/container/program_source.h"
#include "mil/parser.h"
#include "mil/printer.h"

namespace millwright::mil {
namespace {

constexpr const char* kText =
    "program(1.3)\n{\n func main<ios18>(tensor<fp32, [2]> x) {\n  tensor<fp32, [2]> a = exp(x = x);\n } -> (a);\n}\n";

Program program() { return std::move(*parse(kText).program); }

TEST(ProgramSource, TellsTextAndMessagesApart) {
  for (const std::string& bytes :
       {std::string(kText), std::string("// a note\n") + kText, *encode_model(program()), *encode_program(program())}) {
    const Result<ProgramSource> source = read_program_source(bytes, "input", ".");
    ASSERT_TRUE(source) << source.error().message;
    ASSERT_TRUE(source->program) << bytes;
    EXPECT_EQ(first_difference(*source->program, program()), std::nullopt);
  }
}

TEST(ProgramSource, ReadsAFileByItsContentWhateverItsName) {
  const testing::TestFolder folder;
  const Result<ProgramSource> source = read_program_source(folder.write("model.txt", *encode_model(program())));
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(first_difference(*source->program, program()), std::nullopt);
  EXPECT_EQ(source->folder, folder.path());
}

TEST(ProgramSource, KeepsEveryErrorOfTheText) {
  const testing::TestFolder folder;
  folder.write("a.mlmodelc/model.mil",
               "program(1.3)\n{\n func main<ios18>(tensor<fp32, [2]> x) {\n"
               "  tensor<fp33, [2]> a = exp(x = x);\n  tensor<fp32, [2]> b = exp(x = missing);\n } -> (b);\n}\n");
  const Result<ProgramSource> source = read_program_source(folder.path() / "a.mlmodelc");
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_FALSE(source->program);
  EXPECT_EQ(source->name, (folder.path() / "a.mlmodelc" / "model.mil").string());
  ASSERT_EQ(source->diagnostics.size(), 2u);
  EXPECT_EQ(source->diagnostics[0].line, 4);
  EXPECT_EQ(source->diagnostics[1].line, 5);
}

TEST(ProgramSource, RefusesADamagedMessage) {
  const std::string whole = *encode_model(program());
  for (size_t length = 1; length < whole.size(); ++length) {
    const Result<ProgramSource> source = read_program_source(whole.substr(0, length), "input", ".");
    EXPECT_FALSE(source) << length;
  }
}

TEST(StripWeights, LeavesOutOnlyWhatIsLongerThanParameters) {
  std::string numbers = "1";
  for (int i = 1; i < 17; ++i) numbers += ", 1";
  const std::string before =
      "program(1.3)\n{\n func main<ios18>(tensor<fp32, [17]> x) {\n"
      "  tensor<fp32, [17]> w = const()[name = string(\"w\"), val = tensor<fp32, [17]>([" +
      numbers +
      "])];\n"
      "  tensor<int32, [16]> p = const()[name = string(\"p\"), val = tensor<int32, [16]>([" +
      numbers.substr(3) + "])];\n  tensor<fp32, [17]> a = add(x = x, y = w);\n } -> (a);\n}\n";
  Program stripped = std::move(*parse(before).program);
  EXPECT_EQ(strip_weights(stripped), 1u);
  const std::string text = print(stripped);
  EXPECT_NE(text.find("tensor<fp32, [17]>(BLOBFILE(path = string(\"@model_path/stripped\"), offset = uint64(0)))"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("tensor<int32, [16]>([1, 1, 1"), std::string::npos) << text;
  EXPECT_TRUE(parse(text).program);
}

}  // namespace
}  // namespace millwright::mil
