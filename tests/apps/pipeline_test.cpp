// Training on the emulated engine by the command: it replaces its own process where the chip's compile budget ends, and
// nobody notices.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/tiny_run.h"
#include "base/hash.h"

namespace millwright::app {
namespace {

class Pipeline : public testing::Test {
 protected:
  // Two layers: 12 programs, 10 of them anew for each update, so a process of m4 pays for 11 updates (C21).
  Arguments engine(const std::string& chip, const std::string& pipeline, const Arguments& more = {}) const {
    Arguments arguments = {"--device",   "emulated", "--chip",  chip, "--pipeline",         pipeline,
                           "--layers",   "2",        "--dim",   "32", "--hidden-dim",       "64",
                           "--sequence", "32",       "--steps", "45", "--checkpoint-every", "20"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  std::string bits(const std::string& run) const {
    std::string bits;
    for (const char* name : {"/model.safetensors", "/optimizer.safetensors"}) {
      const auto hash = hash_file(tiny_.path(run + "/checkpoints/update-000045" + name));
      bits += hash ? *hash : hash.error().message;
    }
    return bits;
  }

  TinyRun tiny_;
};

TEST_F(Pipeline, RestartsWhereTheCompileBudgetEndsWithTheSameBits) {
  const Outcome limited = run(tiny_.train("limited", engine("m4", "static")));
  ASSERT_EQ(limited.exit_code, 0) << limited.err;
  const Outcome unlimited = run(tiny_.train("unlimited", engine("m4+macos26", "static")));
  ASSERT_EQ(unlimited.exit_code, 0) << unlimited.err;
  EXPECT_EQ(bits("limited"), bits("unlimited"));
  // One run for who looks at it: a line of metrics for each update, and each line of progress once.
  const std::string metrics = tiny_.file("limited/metrics.jsonl");
  EXPECT_EQ(std::count(metrics.begin(), metrics.end(), '\n'), 45 + 3);
  EXPECT_EQ(limited.err.find("update 1/45"), limited.err.rfind("update 1/45"));
  EXPECT_NE(limited.err.find("update 45/45"), std::string::npos);
}

TEST_F(Pipeline, KeepsFlagsAcrossARestart) {
  const Outcome outcome = run(tiny_.train("run", engine("m4", "static", {"--quiet", "--json"})));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("\"updates\": 45"), std::string::npos) << outcome.out;
}

// Three layers: 18 programs, 15 of them anew for each update, so a process of m4 pays for 7 updates.
TEST_F(Pipeline, RecordsOneTimelineAcrossARestart) {
  const std::string trace = tiny_.path("trace.json");
  const Outcome outcome = run(tiny_.train("run", engine("m4", "static", {"--layers", "3", "--trace", trace})));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto events = nlohmann::json::parse(read_whole_file(trace)).at("traceEvents");
  EXPECT_EQ(events[0].at("args").at("name"), "CPU (measured)");
  EXPECT_EQ(events[1].at("args").at("name"), "emulated engine (measured)");
  std::map<std::string, int> counts;
  double left = 0, restarted = 0, behind = 0;
  for (const auto& event : events) {
    if (event.at("ph") != "X") continue;
    const std::string name = event.at("name");
    ++counts[name];
    const double end = event.at("ts").get<double>() + event.at("dur").get<double>();
    if (name == "restart") {
      left = event.at("ts");
      restarted = end;
    } else if (name == "update" && event.at("args").at("update") == 7) {
      EXPECT_EQ(left, 0);
      behind = end;
    } else if (name == "update" && event.at("args").at("update") == 8) {
      EXPECT_GT(event.at("ts"), restarted);
    }
  }
  EXPECT_EQ(counts["update"], 10);
  EXPECT_EQ(counts["weights"], 10);
  EXPECT_EQ(counts["restart"], 1);
  EXPECT_EQ(counts["layers.2.ffn_forward"], 20);
  EXPECT_GT(left, behind);
  EXPECT_GT(restarted, left);
}

TEST_F(Pipeline, RefusesATraceThatCannotBeWritten) {
  const Outcome outcome = run(tiny_.train("run", engine("m4", "static", {"--trace", tiny_.path("none/trace.json")})));
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_NE(outcome.err.find("none"), std::string::npos) << outcome.err;
}

TEST_F(Pipeline, TrainsWithWeightsAsInputsInOneProcess) {
  const Outcome outcome = run(tiny_.train("run", engine("m4", "dynamic")));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(Pipeline, ResumesFromADurableCheckpointAndKeepsTheBits) {
  tiny_.train_successfully("whole", engine("m4+macos26", "static"));
  Arguments half = engine("m4", "static");
  tiny_.train_successfully("stopped", half);
  // As after a loss of power behind update 20: what came later is gone.
  std::filesystem::remove_all(tiny_.path("stopped/checkpoints/update-000045"));
  std::filesystem::remove_all(tiny_.path("stopped/checkpoints/update-000040"));
  const Outcome outcome = run({"train", "--resume", tiny_.path("stopped")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(bits("stopped"), bits("whole"));
}

// Six moments spread at random over the whole run, its restarts among them.
TEST_F(Pipeline, SurvivesBeingKilledAtAnyMoment) {
  const Arguments often = engine("m4", "static", {"--checkpoint-every", "7"});
  const auto start = std::chrono::steady_clock::now();
  tiny_.train_successfully("whole", often);
  const auto whole = std::chrono::steady_clock::now() - start;
  RandomStream random(11);
  for (int i = 0; i < 6; ++i) {
    const std::string name = fmt::format("killed-{}", i);
    const double moment = double{random.uniform()};
    SCOPED_TRACE(fmt::format("killed at {:.3f} of the run", moment));
    const TemporaryFolder streams;
    const Process process(millwright_words(tiny_.train(name, often)), streams);
    // Not to wait for anything: where the process is by then is what varies.
    std::this_thread::sleep_for(moment * whole);
    process.signal(SIGKILL);
    process.wait();
    const bool has_settings = std::filesystem::exists(tiny_.path(name + "/run.toml"));
    const Outcome outcome =
        run(has_settings ? Arguments{"train", "--resume", tiny_.path(name)} : tiny_.train(name, often));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(bits(name), bits("whole"));
  }
}

TEST_F(Pipeline, RefusesWhatCannotBePlannedInOneLine) {
  const Outcome outcome = run(tiny_.train("run", engine("m4", "static", {"--sequence", "40"})));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  const Outcome cpu = run(tiny_.train("run", {"--pipeline", "static"}));
  EXPECT_EQ(cpu.err,
            "millwright train: pipeline: static needs an engine, and the device is cpu; use --device emulated\n");
}

}  // namespace
}  // namespace millwright::app
