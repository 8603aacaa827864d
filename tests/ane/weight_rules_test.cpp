// The rules of weight files. The files are written byte by byte, from the layout in the catalogue.
#include <gtest/gtest.h>

#include <cstring>

#include "ane/rule_testing.h"
#include "base/temporary_folder.h"

namespace millwright::ane {
namespace {

using testing::chip;
using testing::parsed;
using testing::program_text;
using testing::texts;
using testing::weight;
using Lines = std::vector<std::string>;

struct File {
  uint32_t sentinel = 0xDEADBEEF;
  uint32_t element = 1;  // Float16
  uint64_t payload_bytes = 32;
  uint64_t payload_offset = 128;
};

// One weight of 16 elements: header, record at 64, payload at 128.
std::string bytes_of(const File& file) {
  std::string bytes(160, '\0');
  const auto put = [&](size_t at, auto value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
  put(0, uint32_t{1});
  put(4, uint32_t{2});
  put(64, file.sentinel);
  put(68, file.element);
  put(72, file.payload_bytes);
  put(80, file.payload_offset);
  return bytes;
}

class WeightRules : public ::testing::Test {
 protected:
  Lines check(const File& file, std::string_view profile = "m4", uint64_t offset = 64) {
    EXPECT_TRUE(make_directories(folder_.path() / "weights").has_value());
    EXPECT_TRUE(write_file_atomically(folder_.path() / "weights" / "w.bin", bytes_of(file)).has_value());
    const mil::Program program =
        parsed(program_text("tensor<fp16, [1, 4, 1, 32]> x",
                            weight("w", "[4, 4, 1, 1]", "fp16", "@model_path/weights/w.bin", offset) +
                                "tensor<fp16, [1, 4, 1, 32]> y = conv(weight = w, x = x)[name = string(\"y\")];",
                            "y"));
    mil::WeightFiles files(folder_.path());
    return texts(check_program(program, chip(profile), &files));
  }

  TemporaryFolder folder_;
};

const std::string kRefused = "; the compiler refuses the file (InvalidMILProgram); ";

TEST_F(WeightRules, AWholeFileIsFine) {
  EXPECT_EQ(check({}), Lines{});
  EXPECT_EQ(check({}, "m4+macos26"), Lines{});
}

// C40.
TEST_F(WeightRules, TheOffsetNamesTheRecord) {
  for (const uint64_t offset : {0, 128, 1 << 20}) {
    EXPECT_EQ(check({}, "m4", offset),
              Lines{fmt::format("C40 error at compile: w (const): no record begins at offset {} of "
                                "@model_path/weights/w.bin{}give the offset of the record, 64 for the first",
                                offset, kRefused)});
  }
  EXPECT_EQ(check({.sentinel = 0}).size(), 1u);
}

TEST_F(WeightRules, ALenientCompilerReadsGarbage) {
  EXPECT_EQ(check({}, "m4+macos26", 128),
            Lines{"C40 warning silent: w (const): no record begins at offset 128 of @model_path/weights/w.bin; the "
                  "weights are garbage; give the offset of the record, 64 for the first"});
}

// C41: the broken header of the published benchmarks says 512 · 512 · 2 bytes whatever the tensor is.
TEST_F(WeightRules, TheRecordSaysWhatTheTensorIs) {
  EXPECT_EQ(check({.payload_bytes = 30}),
            Lines{"C41 error at compile: w (const): the record has 30 bytes, tensor<fp16, [4, 4, 1, 1]> takes 32" +
                  kRefused + "write the file again with mil convert"});
  EXPECT_EQ(check({.element = 4}), Lines{"C41 error at compile: w (const): the record has element code 4, fp16 has 1" +
                                         kRefused + "write the file again with mil convert"});
  EXPECT_EQ(check({.payload_bytes = 524320, .payload_offset = 0}, "m4").size(), 2u);
}

// C43.
TEST_F(WeightRules, ThePayloadStandsBehindItsRecord) {
  const auto message = [](uint64_t offset) {
    return fmt::format(
        "C43 error at compile: w (const): its payload of 32 bytes at byte {} is not behind its record in the first 4 "
        "GiB of @model_path/weights/w.bin{}write the file again with mil convert",
        offset, kRefused);
  };
  for (const uint64_t offset : {uint64_t{0}, uint64_t{64}, uint64_t{127}, uint64_t{129}, uint64_t{1} << 32,
                                std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(check({.payload_offset = offset}), Lines{message(offset)}) << offset;
  }
}

TEST_F(WeightRules, AMissingFileIsTheLoadersToReport) {
  const mil::Program program = parsed(program_text(
      "tensor<fp16, [1, 4, 1, 32]> x",
      weight("w", "[4, 4, 1, 1]") + "tensor<fp16, [1, 4, 1, 32]> y = conv(weight = w, x = x)[name = string(\"y\")];",
      "y"));
  mil::WeightFiles files(folder_.path());
  EXPECT_EQ(texts(check_program(program, chip("m4"), &files)), Lines{});
}

std::string many_files(int64_t count) {
  std::string body;
  std::string before = "x";
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = fmt::format("c{}", i);
    body += weight("w" + name, "[4, 4, 1, 1]", "fp16", fmt::format("@model_path/{}.bin", i));
    body += fmt::format("tensor<fp16, [1, 4, 1, 32]> {0} = conv(weight = w{0}, x = {1})[name = string(\"{0}\")];\n",
                        name, before);
    before = name;
  }
  return program_text("tensor<fp16, [1, 4, 1, 32]> x", body, before);
}

// C42.
TEST(WeightFileCount, SixteenFilesFit) {
  EXPECT_EQ(
      texts(check_program(parsed(many_files(17)), chip("m5"))),
      Lines{"C42 error at compile: program: has 17 weight files, at most 16 fit; the compile fails (ANECCompile() "
            "FAILED); put several weights into one file"});
  EXPECT_EQ(texts(check_program(parsed(many_files(16)), chip("m5"))), Lines{});
}

std::string scaled_weight(std::string_view element) {
  return program_text("tensor<fp16, [1, 4, 1, 32]> x",
                      weight("d", "[4, 4, 1, 1]", element) + weight("s", "[4, 1, 1, 1]") +
                          "tensor<fp16, [4, 4, 1, 1]> w = constexpr_blockwise_shift_scale(data = d, scale = s)[name = "
                          "string(\"w\")];\n"
                          "tensor<fp16, [1, 4, 1, 32]> y = conv(weight = w, x = x)[name = string(\"y\")];",
                      "y");
}

// C44.
TEST(NarrowWeights, AreRefusedInMemory) {
  for (const char* element : {"int4", "uint4"}) {
    EXPECT_EQ(texts(check_program(parsed(scaled_weight(element)), chip("m5"))),
              Lines{fmt::format("C44 error at compile: w (constexpr_blockwise_shift_scale): data is tensor<{}, [4, 4, "
                                "1, 1]>; the compile fails (ANECCompile() FAILED); use int8 or fp16",
                                element)});
  }
  EXPECT_EQ(texts(check_program(parsed(scaled_weight("int4")), chip("m5+e5"))), Lines{});
  EXPECT_EQ(texts(check_program(parsed(scaled_weight("int8")), chip("m5"))), Lines{});
}

TEST(NarrowWeights, AreSilentlyWrongAsUint8) {
  EXPECT_EQ(texts(check_program(parsed(scaled_weight("uint8")), chip("m5"))),
            Lines{"C44 warning silent: w (constexpr_blockwise_shift_scale): data is tensor<uint8, [4, 4, 1, 1]>; the "
                  "weights are garbage; use int8 or fp16"});
}

}  // namespace
}  // namespace millwright::ane
