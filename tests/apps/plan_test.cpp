// `millwright plan` and `millwright simulate`: what they print of the published model, and what they refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/command.h"

namespace millwright::app {
namespace {

nlohmann::json json_of(const Arguments& arguments) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out);
}

TEST(Plan, CountsThePublishedProgramsOfStories110m) {
  const auto plan = json_of({"plan", "--model", "stories110m", "--pipeline", "static", "--chip", "m4", "--json"});
  EXPECT_EQ(plan.at("compiles_first_update"), 72);
  EXPECT_EQ(plan.at("compiles_per_update"), 60);
  EXPECT_EQ(plan.at("programs").size(), 6u);
  EXPECT_EQ(plan.at("programs")[0].at("name"), "attention_forward");
  EXPECT_EQ(plan.at("programs")[0].at("evaluations_per_step"), 12);
  for (const auto& operation : plan.at("operations")) EXPECT_FALSE(operation.at("reason").empty()) << operation;
}

TEST(Plan, PrintsProgramsAndOnRequestOperations) {
  const Outcome short_list = run({"plan", "--model", "tiny", "--pipeline", "dynamic"});
  EXPECT_EQ(short_list.exit_code, 0) << short_list.err;
  EXPECT_NE(short_list.out.find("qkv_backward"), std::string::npos);
  EXPECT_EQ(short_list.out.find("layers.0.attention.scores"), std::string::npos);
  const Outcome long_list = run({"plan", "--model", "stories260k", "--pipeline", "static", "--operations"});
  EXPECT_NE(long_list.out.find("layers.0.attention.scores"), std::string::npos);
}

TEST(Plan, RefusesInOneLine) {
  for (const Arguments& arguments :
       {Arguments{"plan", "--model", "no-such"}, Arguments{"plan", "--pipeline", "fast"},
        Arguments{"plan", "--chip", "m9"}, Arguments{"plan", "--attention", "half"},
        Arguments{"plan", "--model", "stories15m", "--sequence", "40"},
        Arguments{"plan", "--model", "stories15m", "--sequence", "999999"}, Arguments{"simulate", "--chip", "m1"},
        Arguments{"simulate", "--cpu-tflops", "-1"},
        Arguments{"simulate", "--model", "stories15m", "--trace", "/no/such/folder/t.json"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST(Plan, NamesTheRuleThatStopsAModelOnAChip) {
  const TemporaryFolder folder;
  const auto with_outputs = [&](const char* most) {
    return folder
        .write("own.json",
               std::string(R"({"name": "own", "base": "m4", "limits": {"conv_output_channels": {"value": )") + most +
                   R"(, "source": "a test"}}})")
        .string();
  };
  const std::string narrow = with_outputs("31999");
  for (const std::string command : {"plan", "simulate"}) {
    const Outcome refused =
        run({command, "--model", "stories15m", "--pipeline", "static-offload", "--profile", narrow});
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_EQ(refused.err, "millwright " + command +
                               ": plan: own cannot run classifier: C13 error at compile: classifier.logits (conv): has "
                               "32000 output channels, at most 31999 fit; the compile fails (ANECCompile() FAILED); "
                               "split the output channels; or use another --pipeline\n");
  }
  EXPECT_EQ(run({"plan", "--model", "stories15m", "--pipeline", "static", "--profile", narrow}).exit_code, 0);
  const std::string enough = with_outputs("32000");
  EXPECT_EQ(run({"plan", "--model", "stories15m", "--pipeline", "static-offload", "--profile", enough}).exit_code, 0);
}

TEST(Simulate, CallsItsNumbersPredicted) {
  const Outcome outcome = run({"simulate", "--model", "stories15m", "--pipeline", "dynamic", "--chip", "m4"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.rfind("predicted, dynamic of stories15m on m4", 0), 0u) << outcome.out;
  const auto json = json_of({"simulate", "--model", "stories15m", "--pipeline", "dynamic", "--json"});
  EXPECT_EQ(json.at("predicted"), true);
  EXPECT_GT(json.at("wall_seconds_per_step"), json.at("step_seconds"));
}

TEST(Simulate, TakesTheRateOfACpuThatNobodyPublished) {
  const auto json = json_of({"simulate", "--model", "stories15m", "--chip", "m1", "--cpu-tflops", "0.9", "--json"});
  EXPECT_EQ(json.at("cpu_matrix_tflops"), 0.9);
}

TEST(Simulate, WritesATrace) {
  const TemporaryFolder folder;
  const std::string path = (folder / "trace.json").string();
  const Outcome outcome = run({"simulate", "--model", "stories15m", "--trace", path});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto trace = nlohmann::json::parse(read_whole_file(path));
  EXPECT_GT(trace.at("traceEvents").size(), 36u);
}

}  // namespace
}  // namespace millwright::app
