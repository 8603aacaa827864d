// `millwright devices` and `millwright mil check --chip`: what users see of chips and their rules.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "apps/command.h"

namespace millwright::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kSwapped =
    "program(1.3)\n"
    "{\n"
    "  func main<ios18>(tensor<fp16, [1, 4, 1, 32]> x, tensor<fp16, [1, 4, 1, 32]> W) {\n"
    "    tensor<fp16, [1, 4, 1, 32]> y = add(x = x, y = W)[name = string(\"y\")];\n"
    "  } -> (y);\n"
    "}";
constexpr const char* kTangent =
    "program(1.3)\n"
    "{\n"
    "  func main<ios18>(tensor<fp16, [1, 4, 1, 32]> x) {\n"
    "    tensor<fp16, [1, 4, 1, 32]> y = tan(x = x)[name = string(\"y\")];\n"
    "  } -> (y);\n"
    "}";
constexpr const char* kSwapping =
    "C33 warning silent: function main: its inputs are declared as x, W and bind as W, x; surfaces listed as declared "
    "are swapped, or refused (0x1d) where their sizes differ; choose names whose order is that of the declaration\n";

// As from a shell variable that is not set: not the same as naming no chip.
TEST(Devices, RefuseAnEmptyChip) {
  const TemporaryFolder folder;
  folder.write("tangent.mil", kTangent);
  const std::string file = (folder / "tangent.mil").string();
  for (const Arguments& arguments : {Arguments{"mil", "check", "--chip", "", file},
                                     Arguments{"probe", "peak", "--chip", ""}, Arguments{"plan", "--chip", ""}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, testing::HasSubstr("--chip: expected a chip's name, found \"\""));
  }
  EXPECT_THAT(run({"devices", "--profile", ""}).err, testing::HasSubstr("--profile: expected the path of a file"));
}

TEST(Devices, ListsDevicesAndChips) {
  const Outcome outcome = run({"devices"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, testing::StartsWith("cpu       this machine's CPU, without rules\n"));
  EXPECT_THAT(outcome.out, testing::HasSubstr("\napple     the engine of this Mac (not in this build)\n"));
  EXPECT_THAT(outcome.out,
              testing::HasSubstr("\nm4        M4        H16     19 TFLOPS      55 GB/s        0.095 ms       119\n"));
  EXPECT_THAT(outcome.out, testing::HasSubstr("\nvariants, behind a chip's name with +: capacity32, "));
}

TEST(Devices, ListsThemAsJson) {
  const Json json = Json::parse(run({"devices", "--json"}).out);
  EXPECT_EQ(json.at("devices").at(0),
            (Json{{"name", "cpu"}, {"meaning", "this machine's CPU, without rules"}, {"built", true}}));
  EXPECT_EQ(json.at("devices").size(), 3u);
  EXPECT_THAT(json.at("chips"), testing::Contains(Json{{"name", "m5-max"}, {"title", "M5 Max"}, {"family", "H17s"}}));
  EXPECT_THAT(json.at("variants"), testing::Contains("macos26"));
}

TEST(Devices, ShowsAChipWithItsSources) {
  const Outcome outcome = run({"devices", "m1"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, testing::StartsWith("m1: M1 (H13)\n\nthroughput\n"));
  EXPECT_THAT(outcome.out, testing::HasSubstr("\n  weight_gbps                  51 GB/s  [guide ch9]\n"));
  EXPECT_THAT(outcome.out,
              testing::HasSubstr("\n  channel_axis                 65536  [mx]\n"
                                 "                               a classifier of 32,000 channels ran on M1 "
                                 "and M3\n"
                                 "                               or 16384  [guide ch4]\n"));
}

TEST(Devices, SaysWhichProfileAFactWasTakenFrom) {
  const std::string pro = run({"devices", "m4-pro+macos26"}).out;
  EXPECT_THAT(pro, testing::HasSubstr("\n  floor_ms                     0.0738 ms  [fit]  from m4\n"));
  EXPECT_THAT(pro, testing::HasSubstr("\n  compile_budget               none  [mx#24]  from variant-macos26\n"));
  EXPECT_THAT(pro, testing::HasSubstr("\n  dram_gbps                    273 GB/s  [Apple]\n"));
  EXPECT_THAT(pro, testing::HasSubstr("\n  rank                         5  [guide ch4; forge]\n"));
  EXPECT_THAT(run({"devices", "m4"}).out, testing::Not(testing::HasSubstr("from m4\n")));
}

TEST(Devices, ShowsUsersProfiles) {
  const TemporaryFolder folder;
  const std::string all = folder.write("m4.json", run({"devices", "m4", "--json"}).out);
  EXPECT_EQ(run({"devices", "--profile", all}).out, run({"devices", "m4"}).out);
  const std::string own = folder.write("own.json", R"({"name": "own", "base": "m4"})");
  EXPECT_THAT(run({"devices", "--profile", own}).out, testing::StartsWith("own: M4 (H16)\n"));
  const std::string wrong = folder.write("wrong.json", R"({"name": "own", "base": "m4", "limits": {"rank": 5}})");
  expect_refused(
      {"devices", "--profile", wrong}, 2,
      "millwright devices: " + wrong + ": \"limits.rank\": expected an object with \"value\" and \"source\", found 5");
  expect_refused({"devices", "--profile", (folder / "none.json").string()}, 1,
                 "millwright devices: cannot open " + (folder / "none.json").string() +
                     ": No such file or directory; check the path");
  expect_refused({"devices", "m4", "--profile", own}, 2,
                 "millwright devices: both the chip m4 and the profile " + own + " are given; name one of them");
}

TEST(Devices, SuggestsTheChipThatWasMeant) {
  const Outcome outcome = run({"devices", "m4-prp"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(
      outcome.err,
      testing::StartsWith("millwright devices: unknown chip \"m4-prp\"; did you mean m4-pro?; the chips are m1, "));
}

TEST(MilCheckChip, WarnsOfWhatTheEngineDoesWrongSilently) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.mil", kSwapped);
  const Outcome outcome = run({"mil", "check", "--chip", "m4", path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, path + ": " + kSwapping);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(run({"mil", "check", path}).out, "");
  EXPECT_EQ(run({"mil", "check", "--chip", "m4+declaration", path}).out, "");
}

TEST(MilCheckChip, CountsWarningsAsErrorsWhenStrict) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.mil", kSwapped);
  const Outcome outcome = run({"mil", "check", "--chip", "m4", "--strict", path});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.out, testing::StartsWith(path + ": C33 error silent: function main: "));
  EXPECT_EQ(outcome.err, "millwright mil check: 1 error in 1 of 1 program\n");
}

TEST(MilCheckChip, ReportsWhatTheEngineRefuses) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.mil", kTangent);
  const Outcome outcome = run({"mil", "check", "--chip", "m4", folder.write("b.mil", kSwapped), path});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.out, testing::EndsWith(path + ":4:5: C09 error at compile: y (tan): tan is no operation of the "
                                                    "engine; the compile fails (ANECCompile() FAILED); run it on the "
                                                    "CPU\n"));
  EXPECT_EQ(outcome.err, "millwright mil check: 1 error in 1 of 2 programs\n");
}

TEST(MilCheckChip, PrintsFindingsAsJson) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.mil", kTangent);
  const Outcome outcome = run({"mil", "check", "--chip", "m4", "--json", path});
  EXPECT_EQ(outcome.exit_code, 2);
  const Json finding = {{"rule", "C09"},
                        {"verdict", "error"},
                        {"stage", "compile"},
                        {"line", 4},
                        {"column", 5},
                        {"subject", "y (tan)"},
                        {"problem", "tan is no operation of the engine"},
                        {"effect", "the compile fails (ANECCompile() FAILED)"},
                        {"remedy", "run it on the CPU"}};
  const Json expected = {{{"file", path},
                          {"ok", false},
                          {"errors", Json::array()},
                          {"warnings", Json::array()},
                          {"findings", Json::array({finding})}}};
  EXPECT_EQ(Json::parse(outcome.out), expected);
}

TEST(MilCheckChip, LooksIntoWeightFilesAndLeavesTheReasonToTheRule) {
  const TemporaryFolder folder;
  const std::string path = folder.write(
      "a.mil",
      "program(1.3)\n{\n func main<ios18>(tensor<fp16, [1, 4, 1, 32]> x) {\n"
      "  tensor<fp16, [4, 4, 1, 1]> w = const()[name = string(\"w\"), val = tensor<fp16, [4, 4, 1, 1]>(BLOBFILE(path = "
      "string(\"@model_path/w.bin\"), offset = uint64(64)))];\n"
      "  tensor<fp16, [1, 4, 1, 32]> y = conv(weight = w, x = x)[name = string(\"y\")];\n } -> (y);\n}\n");
  folder.write("w.bin", std::string(160, '\0'));
  const Outcome outcome = run({"mil", "check", "--chip", "m4", path});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, path +
                             ":4:3: C40 error at compile: w (const): no record begins at offset 64 of "
                             "@model_path/w.bin; the compiler refuses the file (InvalidMILProgram); give the offset "
                             "of the record, 64 for the first\n");
  // A compiler that does not look takes it, and so does the check.
  const Outcome lenient = run({"mil", "check", "--chip", "m4+macos26", path});
  EXPECT_EQ(lenient.exit_code, 0);
  EXPECT_THAT(lenient.out, testing::StartsWith(path + ":4:3: C40 warning silent: "));
  EXPECT_EQ(run({"mil", "check", "--chip", "m4", "--ignore-weights", path}).out, "");
}

TEST(MilCheckChip, GoesByUsersProfiles) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.mil", kTangent);
  const std::string own = folder.write("own.json", R"({"name": "own", "base": "m4", "limits": {"operations": {
      "value": ["tan"], "source": "a wish"}}})");
  EXPECT_EQ(run({"mil", "check", "--profile", own, path}).out, "");
}

}  // namespace
}  // namespace millwright::app
