// `millwright probe`: what users see of the study's probes. What the numbers are is tested in tests/device/probe.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/command.h"
#include "source_dir.h"

namespace millwright::app {
namespace {

using Json = nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Probe, PrintsTheTableOfAnEmulatedM4) {
  const Outcome outcome = run({"probe", "dispatch"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, StartsWith("dispatch: small programs\non emulated m4\n\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nnothing          one relu of 64 x 32           0.07404 "));
  EXPECT_THAT(outcome.out, HasSubstr("0.095 ms (-22 %), 0.07 ms (+6 %)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n\ndisputed\n - others measure 0.065 to 0.19 ms "));
  EXPECT_THAT(outcome.out, HasSubstr("\n\npredicted from\n - cost.floor_ms, "));
}

TEST(Probe, PrintsJson) {
  const Json json = Json::parse(run({"probe", "power", "--json"}).out);
  EXPECT_EQ(json.at("probe"), "power");
  EXPECT_EQ(json.at("device"), "emulated m4");
  EXPECT_EQ(json.at("chip"), "m4");
  EXPECT_EQ(json.at("clock"), "predicted");
  ASSERT_EQ(json.at("rows").size(), 4u);
  const Json& arithmetic = json.at("rows")[2];
  EXPECT_NEAR(arithmetic.at("watts").get<double>(), 2.8, 0.1);
  const Json watts = {{"value", 2.8},
                      {"unit", "W"},
                      {"id", "M0856"},
                      {"source", "maderix part 2, shape assumed"},
                      {"use", "calibration"}};
  EXPECT_THAT(arithmetic.at("published"), testing::Contains(watts));
  EXPECT_EQ(json.at("notes")[0], (Json{{"topic", "published"}, {"text", "0 W when idle (M0857, maderix part 2)"}}));
}

TEST(Probe, HitsTheCompileBudget) {
  const Json json = Json::parse(run({"probe", "compile-limit", "--json"}).out);
  EXPECT_EQ(json.at("accepted"), 119);
  EXPECT_EQ(json.at("takes_known_program"), true);
  EXPECT_THAT(json.at("refusal").get<std::string>(), EndsWith("(C21); only a new process gets more"));
  EXPECT_EQ(json.at("compile_seconds").size(), 119u);
  const Json free = Json::parse(run({"probe", "compile-limit", "--chip", "m4+macos26", "--most", "130", "--json"}).out);
  EXPECT_EQ(free.at("accepted"), 130);
  EXPECT_EQ(free.at("refusal"), nullptr);
}

TEST(Probe, RunsOnTheCpuByItsClock) {
  const Json json = Json::parse(run({"probe", "depth", "--device", "cpu", "--quick", "--runs", "1", "--json"}).out);
  EXPECT_EQ(json.at("device"), "cpu");
  EXPECT_EQ(json.at("chip"), nullptr);
  EXPECT_EQ(json.at("clock"), "measured");
  for (const Json& row : json.at("rows")) {
    EXPECT_GT(row.at("ms").get<double>(), 0);
    EXPECT_EQ(row.at("watts"), nullptr);
    EXPECT_EQ(row.at("published"), Json::array());
  }
}

TEST(Probe, TakesUsersProfiles) {
  const TemporaryFolder folder;
  const std::string own = folder.write(
      "own.json",
      R"({"name": "own", "base": "m4", "lifecycle": {"compile_budget": {"value": 7, "source": "a guess"}}})");
  const Outcome outcome = run({"probe", "compile-limit", "--profile", own});
  EXPECT_THAT(outcome.out, StartsWith("compile-limit: programs that one process may compile\non emulated own\n\n"
                                      "accepted         7, program 8 was refused\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\npublished\n - 7 (a guess)\n"));
}

TEST(Probe, WritesTableAndFigure) {
  const TemporaryFolder folder;
  const std::string output = (folder / "new" / "probes").string();
  const std::string svg = (folder / "qos.svg").string();
  const Outcome outcome = run({"probe", "qos", "--output", output, "--svg", svg});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(read_whole_file(folder / "new" / "probes" / "qos.txt"), outcome.out);
  const std::string figure = read_whole_file(folder / "qos.svg");
  EXPECT_EQ(read_whole_file(folder / "new" / "probes" / "qos.svg"), figure);
  EXPECT_THAT(figure, StartsWith("<svg "));
  EXPECT_THAT(figure, HasSubstr(">qos on emulated m4, predicted</text>"));
}

TEST(Probe, RefusesWhatItCannotDo) {
  const std::string names = "peak, matmul, sram, dispatch, conv-vs-matmul, depth, int8, compile-limit, qos, power";
  expect_refused({"probe"}, 2, "millwright probe: name is missing; millwright probe --help shows how to call it");
  expect_refused({"probe", "speed"}, 2, "millwright probe: there is no probe \"speed\"; the probes are " + names);
  expect_refused({"probe", "peak", "--device", "gpu"}, 2,
                 "millwright probe: unknown device \"gpu\"; expected cpu or emulated");
  expect_refused({"probe", "peak", "--device", "cpu", "--chip", "m4"}, 2,
                 "millwright probe: --chip and --profile are for --device emulated");
  expect_refused({"probe", "peak", "--chip", "m4", "--profile", "own.json"}, 2,
                 "millwright probe: both the chip m4 and the profile own.json are given; name one of them");
  expect_refused({"probe", "power", "--device", "cpu"}, 2,
                 "millwright probe: probe power: device cpu measures no energy; use an engine, such as --device "
                 "emulated");
  expect_refused({"probe", "int8", "--quick"}, 2,
                 "millwright probe: probe int8: all of its programs are large; leave out --quick");
  expect_refused({"probe", "peak", "--runs", "0"}, 2, "millwright probe: --runs: expected 1 to 100000, found 0");
  const TemporaryFolder folder;
  const std::string nowhere = (folder / "none" / "a.svg").string();
  const Outcome outcome = run({"probe", "qos", "--svg", nowhere});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
}

// An engine that takes none of a probe's programs: the reason of the last.
TEST(Probe, SaysWhyAnEngineRefusesEverything) {
  const TemporaryFolder folder;
  const std::string own = folder.write(
      "own.json",
      R"({"name": "own", "base": "m4", "limits": {"operations": {"value": ["relu"], "source": "a wish"}}})");
  const Outcome outcome = run({"probe", "sram", "--quick", "--profile", own});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err,
              StartsWith("millwright probe: sram, 2560 channels, 12.5 MiB: program main: compile failed on "
                         "own: C09 error at compile: "));
}

// Without what the predictions stand on, as scripts/write-probe-docs leaves it out.
std::string without_basis(const std::string& table) { return table.substr(0, table.find("\npredicted from\n")); }

// Every table and figure of docs/probes.md is what the commands print today.
TEST(ProbeDocument, ShowsWhatTheCommandsPrint) {
  const std::filesystem::path docs = std::filesystem::path(kSourceDirectory) / "docs";
  const std::string document = read_whole_file(docs / "probes.md");
  const std::string marker = "<!-- millwright ";
  int tables = 0;
  int figures = 0;
  std::istringstream lines(document);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(marker, 0) != 0) continue;
    std::istringstream words(line.substr(marker.size(), line.size() - marker.size() - 4));
    Arguments arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    const std::string chip = arguments.size() > 2 ? arguments.back() : "m4";
    const TemporaryFolder folder;
    const std::filesystem::path svg = folder / "figure.svg";
    arguments.insert(arguments.end(), {"--svg", svg.string()});
    const Outcome outcome = run(arguments);
    EXPECT_THAT(document, HasSubstr(line + "\n```\n" + without_basis(outcome.out))) << "run scripts/write-probe-docs";
    const std::filesystem::path figure = docs / "probes" / (arguments[1] + chip.substr(2) + ".svg");
    if (std::filesystem::exists(figure)) {
      ++figures;
      EXPECT_EQ(read_whole_file(figure), read_whole_file(svg)) << figure << ": run scripts/write-probe-docs";
    }
    ++tables;
  }
  EXPECT_EQ(tables, 12);
  EXPECT_EQ(figures, 11);
}

}  // namespace
}  // namespace millwright::app
