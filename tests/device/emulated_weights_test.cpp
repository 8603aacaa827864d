// Weights from files, as the private interface gets them: bytes by path. The files are written byte by byte, from the
// layout in the catalogue (C40 to C43).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "device/emulated/emulated_executable.h"
#include "device/emulated_testing.h"

namespace millwright::device {
namespace {

using ::testing::HasSubstr;

const mil::Shape kShape = {1, 2, 1, 32};
constexpr size_t kElements = 64;
const std::string kPath = "@model_path/weights/w.bin";

struct Record {
  uint32_t sentinel = 0xDEADBEEF;
  uint32_t element = 1;  // Float16
  uint64_t payload_bytes = 2 * kElements;
  uint64_t payload_offset = 128;
};

// Header, record at 64, 64 halves at 128.
std::string weight_file(const std::vector<uint16_t>& halves, const Record& record = {}) {
  std::string bytes(128 + 2 * kElements, '\0');
  const auto put = [&](size_t at, auto value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
  put(0, uint32_t{1});
  put(4, uint32_t{2});
  put(64, record.sentinel);
  put(68, record.element);
  put(72, record.payload_bytes);
  put(80, record.payload_offset);
  for (size_t i = 0; i < halves.size(); ++i) put(128 + 2 * i, halves[i]);
  return bytes;
}

std::string weights_of(float value) { return weight_file(std::vector<uint16_t>(kElements, float_to_half_bits(value))); }

// main(x) → y = x · w, w in a file.
mil::Program program(uint64_t offset = 64, const std::string& path = kPath) {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  const mil::Type type = mil::Type::tensor(mil::ElementType::fp16, kShape);
  mil::Value* x = b.input("x", type);
  mil::Value* w = b.constant(mil::Literal::blob(type, {path, offset}), "w");
  function->block().set_results({b.mul(x, w, "y")});
  return program_of(std::move(function));
}

Result<std::unique_ptr<Executable>> compiled(Device& device, const mil::Program& program, const std::string& bytes,
                                             const std::string& path = kPath) {
  const WeightFile file{path, as_bytes(bytes)};
  return device.compile(program, {.weights = {&file, 1}});
}

std::string error_of(const Result<std::unique_ptr<Executable>>& executable) {
  return executable ? "compiled" : executable.error().message;
}

// The product of 1 and every weight.
std::vector<float> weights_in(Executable& executable) {
  EXPECT_TRUE(executable.load().has_value());
  const Surface x = filled_halves(kShape, 1);
  Surface y = filled_halves(kShape, 0);
  const Status status = evaluate(executable, {&x}, {&y});
  EXPECT_TRUE(status.has_value()) << status.error().message;
  std::vector<float> values;
  for (size_t i = 0; i < kElements; ++i) values.push_back(half_at(y, i));
  return values;
}

TEST(EmulatedWeights, ComeFromTheFileOfTheirPath) {
  Engine engine;
  CpuDevice cpu;
  for (Device* device : std::vector<Device*>{&engine.device(), &cpu}) {
    const auto executable = compiled(*device, program(), weights_of(3));
    ASSERT_TRUE(executable.has_value()) << executable.error().message;
    EXPECT_THAT(weights_in(**executable), ::testing::Each(3));
  }
}

// C24: what stands in the file later is not looked at, not even by another load.
TEST(EmulatedWeights, AreThoseOfTheCompile) {
  Engine engine;
  std::string bytes = weights_of(3);
  const auto executable = compiled(engine.device(), program(), bytes);
  ASSERT_TRUE(executable.has_value());
  bytes = weights_of(5);
  EXPECT_THAT(weights_in(**executable), ::testing::Each(3));
  ASSERT_TRUE((*executable)->unload().has_value());
  EXPECT_THAT(weights_in(**executable), ::testing::Each(3));
  // Other bytes are another identity (U3), compiled anew.
  const auto other = compiled(engine.device(), program(), bytes);
  ASSERT_TRUE(other.has_value());
  EXPECT_THAT(weights_in(**other), ::testing::Each(5));
  EXPECT_EQ(engine.device().limits().compile_budget_left, 117);
}

// C25.
TEST(EmulatedWeights, AreSeededFromOneFileAtMost) {
  Engine engine;
  const auto donor = compiled(engine.device(), program(), weights_of(3));
  ASSERT_TRUE(donor.has_value());
  const std::string bytes = weights_of(5);
  const WeightFile file{kPath, as_bytes(bytes)};
  const auto seeded = engine.device().compile_seeded(**donor, program(), {.weights = {&file, 1}});
  ASSERT_TRUE(seeded.has_value()) << seeded.error().message;
  EXPECT_THAT(weights_in(**seeded), ::testing::Each(5));
  EXPECT_EQ(engine.device().limits().compile_budget_left, 118);

  const auto two = [] {
    mil::Program both = program();
    mil::Function& function = *both.functions()[0];
    mil::Builder b(function);
    const mil::Type type = mil::Type::tensor(mil::ElementType::fp16, kShape);
    mil::Value* more = b.constant(mil::Literal::blob(type, {"@model_path/v.bin", 64}), "v");
    function.block().set_results({b.add(function.results()[0], more, "z")});
    return both;
  };
  const WeightFile files[] = {{kPath, as_bytes(bytes)}, {"@model_path/v.bin", as_bytes(bytes)}};
  const auto two_donor = engine.device().compile(two(), {.weights = files});
  ASSERT_TRUE(two_donor.has_value()) << two_donor.error().message;
  const auto refused = engine.device().compile_seeded(**two_donor, two(), {.weights = files});
  EXPECT_EQ(error_of(refused),
            "program main: load failed on m4: C25 error at load: load: the program has 2 weight files, expected 1; the "
            "load fails; compile the program");
}

TEST(EmulatedWeights, AreSeededByTheEngineAlone) {
  CpuDevice cpu;
  const auto donor = compiled(cpu, program(), weights_of(3));
  ASSERT_TRUE(donor.has_value());
  EXPECT_EQ(error_of(cpu.compile_seeded(**donor, program(), {})),
            "the device cpu loads no weights without a compile; compile the program");
  Engine engine;
  EXPECT_EQ(error_of(engine.device().compile_seeded(**donor, program(), {})),
            "seeded load: the donor is an executable of another device");
}

// C27.
TEST(EmulatedWeights, AreRefusedWhereTheirFileIsMissing) {
  for (const char* chip : {"m4", "m4+macos26"}) {
    Engine engine({}, chip);
    const auto message = [&](std::string_view given) {
      return fmt::format(
          "program main: compile failed on {}: C27 error at compile: w (const): the weight file "
          "@model_path/weights/w.bin is missing; given: {}; the compile fails (ANECCompile() FAILED); write model.mil "
          "and every weight file first",
          chip, given);
    };
    EXPECT_EQ(error_of(engine.device().compile(program(), {})), message("none"));
    EXPECT_EQ(error_of(compiled(engine.device(), program(), weights_of(3), "@model_path/v.bin")),
              message("@model_path/v.bin"));
    EXPECT_EQ(engine.device().limits().compile_budget_left,
              engine.device().profile().lifecycle.compile_budget.value == ane::kNoLimit ? std::nullopt
                                                                                        : std::optional<int64_t>(119));
  }
}

std::string refusal(const std::string& bytes, uint64_t offset = 64) {
  Engine engine;
  return error_of(compiled(engine.device(), program(offset), bytes));
}

TEST(EmulatedWeights, AreCheckedWhereTheSystemDoes) {
  const std::vector<uint16_t> halves(kElements, float_to_half_bits(3));
  const std::string refused = "program main: compile failed on m4: ";
  EXPECT_EQ(refusal(weight_file(halves)), "compiled");
  EXPECT_THAT(refusal(weight_file(halves), 128), HasSubstr(refused + "C40 error at compile: w (const)"));
  EXPECT_THAT(refusal(weight_file(halves, {.sentinel = 1})), HasSubstr(refused + "C40"));
  EXPECT_THAT(refusal(weight_file(halves, {.element = 2})), HasSubstr(refused + "C41"));
  EXPECT_THAT(refusal(weight_file(halves, {.payload_bytes = 126})), HasSubstr(refused + "C41"));
  EXPECT_THAT(refusal(weight_file(halves, {.payload_offset = (uint64_t{1} << 32) + 128})), HasSubstr(refused + "C43"));
  EXPECT_THAT(refusal(weight_file(halves).substr(0, 255)), HasSubstr(refused + "C43"));  // cut short
  EXPECT_THAT(refusal(weight_file(halves).substr(0, 100)), HasSubstr(refused + "C40"));
  EXPECT_THAT(refusal(""), HasSubstr(refused + "C40"));
  // The header is nobody's rule, but no file has another one.
  std::string version = weight_file(halves);
  version[4] = 1;
  EXPECT_EQ(refusal(version), refused + "InvalidMILProgram: w (const): " + kPath +
                                  ": expected a weight file of version 2, found version 1");
}

// Without validation a payload is read from where the record's lower 32 bits point to.
TEST(EmulatedWeights, AreReadAsTheyStandWhereTheSystemDoesNotCheck) {
  const auto read = [](const std::string& bytes, uint64_t offset = 64) {
    Engine engine({}, "m4+macos26");
    const auto executable = compiled(engine.device(), program(offset), bytes);
    EXPECT_TRUE(executable.has_value()) << executable.error().message;
    EXPECT_THAT((*executable)->warnings(), ::testing::Contains(HasSubstr("warning silent: w (const)")));
    return weights_in(**executable);
  };
  std::vector<uint16_t> halves(kElements, float_to_half_bits(3));
  EXPECT_THAT(read(weight_file(halves, {.element = 2})), ::testing::Each(3));
  EXPECT_THAT(read(weight_file(halves, {.payload_offset = (uint64_t{1} << 32) + 128})), ::testing::Each(3));
  // The published benchmarks' header: a size of 512 · 512 halves, the payload at the start of the file. The first
  // halves are then the count and the version.
  const std::vector<float> header = read(weight_file(halves, {.payload_bytes = 0x80000, .payload_offset = 0}));
  EXPECT_EQ(header[0], 0x1p-24f);
  EXPECT_EQ(header[1], 0);
  EXPECT_EQ(header[2], 0x1p-23f);
  // The offset of the payload taken for that of its record: weights 8 and 9 are the pointer, here to the header.
  halves[8] = halves[9] = 0;
  EXPECT_EQ(read(weight_file(halves), 128)[0], 0x1p-24f);
  // What lies behind the end reads as zeros.
  const std::vector<float> shortened = read(weight_file(halves).substr(0, 130));
  EXPECT_EQ(shortened[0], 3);
  EXPECT_EQ(shortened[1], 0);
  EXPECT_THAT(read(weight_file(halves, {.payload_offset = 4096})), ::testing::Each(0));
  EXPECT_THAT(read(weight_file(halves), uint64_t{1} << 40), ::testing::Each(0));
  EXPECT_THAT(read(""), ::testing::Each(0));
}

TEST(EmulatedWeights, AreAnErrorWhereTheyAreGarbageUnderStrictness) {
  Engine engine(EmulatedOptions{.profile = profile_of("m4+macos26"), .strict = true});
  EXPECT_EQ(error_of(compiled(engine.device(), program(), weights_of(3))), "compiled");
  EXPECT_THAT(error_of(compiled(engine.device(), program(128), weights_of(3))),
              HasSubstr("compile failed on m4+macos26: C40 error silent: w (const)"));
}

// C42.
TEST(EmulatedWeights, StandInSixteenFilesAtMost) {
  const auto with_files = [](int64_t count) {
    auto function = std::make_unique<mil::Function>("main", "ios18");
    mil::Builder b(*function);
    const mil::Type type = mil::Type::tensor(mil::ElementType::fp16, kShape);
    mil::Value* sum = b.input("x", type);
    const std::string bytes = weights_of(3);
    std::vector<WeightFile> files;
    for (int64_t i = 0; i < count; ++i) {
      const std::string path = fmt::format("@model_path/{}.bin", i);
      files.push_back({path, as_bytes(bytes)});
      sum = b.add(sum, b.constant(mil::Literal::blob(type, {path, 64}), "w"));
    }
    function->block().set_results({sum});
    Engine engine;
    return error_of(engine.device().compile(program_of(std::move(function)), {.weights = files}));
  };
  EXPECT_EQ(with_files(16), "compiled");
  EXPECT_EQ(with_files(17),
            "program main: compile failed on m4: C42 error at compile: program: has 17 weight files, at most 16 fit; "
            "the compile fails (ANECCompile() FAILED); put several weights into one file");
}

}  // namespace
}  // namespace millwright::device
