// Runs that end early (interrupted, killed, out of disk, NaN) and go on: whatever happens, the checkpoints that were
// complete stay complete, and a resumed run ends with the same bits as one that was never interrupted.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "apps/tiny_run.h"
#include "base/hash.h"
#include "train/checkpoint.h"

namespace millwright::app {
namespace {

constexpr const char* kLastCheckpoint = "/checkpoints/update-000012";

class Resume : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return tiny_.path(name); }

  // Weights and optimizer of the last update, as fingerprints.
  std::string bits(const std::string& run) const {
    std::string bits;
    for (const char* name : {"/model.safetensors", "/optimizer.safetensors"}) {
      const auto hash = hash_file(path(run + kLastCheckpoint + name));
      bits += hash ? *hash : hash.error().message;
    }
    return bits;
  }
  void resume(const std::string& run_name) const {
    const Outcome outcome = run({"train", "--resume", path(run_name)});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  // Every checkpoint of the run that carries a checkpoint's name is complete.
  void expect_only_complete_checkpoints(const std::string& run) const {
    const Path folder = path(run + "/checkpoints");
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (entry.path().filename().string().rfind("update-", 0) != 0) continue;
      const auto state = train::verify_checkpoint(entry.path());
      EXPECT_TRUE(state) << state.error().message;
    }
  }

  TinyRun tiny_;
};

TEST_F(Resume, GoesOnFromAnEarlierCheckpointWithTheSameBits) {
  tiny_.train_successfully("whole");
  tiny_.train_successfully("cut");
  EXPECT_EQ(bits("whole"), bits("cut"));
  std::filesystem::remove_all(path(std::string("cut") + kLastCheckpoint));
  ASSERT_TRUE(std::filesystem::exists(path("cut/checkpoints/update-000008")));
  resume("cut");
  EXPECT_EQ(bits("whole"), bits("cut"));
}

TEST_F(Resume, NeedsNothingButTheRun) {
  tiny_.train_successfully("whole");
  tiny_.train_successfully("cut");
  std::filesystem::remove_all(path(std::string("cut") + kLastCheckpoint));
  std::filesystem::remove(path("text.txt"));
  resume("cut");
  EXPECT_EQ(bits("whole"), bits("cut"));
}

TEST_F(Resume, SavesAndStopsOnASignalAndGoesOnWithTheSameBits) {
  tiny_.train_successfully("whole", {"--steps", "4000", "--checkpoint-every", "0"});
  const TemporaryFolder streams;
  const Process process(millwright_words(tiny_.train("cut", {"--steps", "4000", "--checkpoint-every", "0"})), streams);
  // Training has begun when the first line of metrics is there.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (tiny_.file("cut/metrics.jsonl").empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  process.signal(SIGTERM);
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_EQ(last_line(outcome.err).find("millwright train: interrupted after update "), 0u) << outcome.err;
  EXPECT_NE(outcome.err.find("go on with: millwright train --resume " + path("cut") + "\n"), std::string::npos);
  expect_only_complete_checkpoints("cut");
  resume("cut");
  for (const char* name : {"/model.safetensors", "/optimizer.safetensors"}) {
    const std::string last = std::string("/checkpoints/update-004000") + name;
    EXPECT_EQ(*hash_file(path("whole" + last)), *hash_file(path("cut" + last)));
  }
}

// 20 moments spread at random over the time that the whole run takes, from starting up to writing the report.
TEST_F(Resume, SurvivesBeingKilledAtAnyMoment) {
  const Arguments often = {"--checkpoint-every", "3", "--steps", "24"};
  const auto start = std::chrono::steady_clock::now();
  tiny_.train_successfully("whole", often);
  const auto whole = std::chrono::steady_clock::now() - start;
  const auto last_bits = [&](const std::string& run) {
    const std::string last = run + "/checkpoints/update-000024/";
    return *hash_file(path(last + "model.safetensors")) + *hash_file(path(last + "optimizer.safetensors"));
  };
  RandomStream random(77);
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("killed-{}", i);
    const double moment = double{random.uniform()};
    SCOPED_TRACE(fmt::format("killed at {:.3f} of the run", moment));
    const TemporaryFolder streams;
    const Process process(millwright_words(tiny_.train(name, often)), streams);
    // Not to wait for anything: where the process is by then is what varies.
    std::this_thread::sleep_for(moment * whole);
    process.signal(SIGKILL);
    process.wait();
    expect_only_complete_checkpoints(name);
    // Killed before the run had settings of its own, it starts anew.
    const bool has_settings = std::filesystem::exists(path(name + "/run.toml"));
    const Outcome outcome = run(has_settings ? Arguments{"train", "--resume", path(name)} : tiny_.train(name, often));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(last_bits(name), last_bits("whole"));
  }
}

TEST_F(Resume, KeepsTheLastGoodCheckpointWhenTheDiskIsFull) {
  tiny_.train_successfully("whole", {"--vocabulary", "320"});
  tiny_.train_successfully("run", {"--checkpoint-every", "8"});
  std::filesystem::remove_all(path(std::string("run") + kLastCheckpoint));
  const std::string good = "run/checkpoints/update-000008/model.safetensors";
  const std::string before = *hash_file(path(good));
  // No file may grow over 4 KiB, which metrics fit into and weights do not.
  const Outcome outcome = run_shell("ulimit -f 8; exec \"$0\" \"$@\"", {"train", "--resume", path("run")});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_NE(last_line(outcome.err).find("File too large"), std::string::npos) << outcome.err;
  EXPECT_EQ(*hash_file(path(good)), before);
  EXPECT_FALSE(std::filesystem::exists(path(std::string("run") + kLastCheckpoint)));
  expect_only_complete_checkpoints("run");
  resume("run");
  EXPECT_EQ(bits("run"), bits("whole"));
}

TEST_F(Resume, StopsAtANaNWithTheUpdateAndTheLastGoodCheckpoint) {
  const Outcome outcome =
      run(tiny_.train("run", {"--learning-rate", "1000", "--clip", "0", "--steps", "200", "--checkpoint-every", "2"}));
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  const std::string line = last_line(outcome.err);
  EXPECT_EQ(line.find("millwright train: update "), 0u) << outcome.err;
  EXPECT_TRUE(line.find("NaN") != std::string::npos || line.find("infinit") != std::string::npos) << line;
  expect_only_complete_checkpoints("run");
  const auto search = train::find_latest_checkpoint(path("run"));
  ASSERT_TRUE(search && search->found);
  EXPECT_NE(line.find(search->found->path.filename().string()), std::string::npos) << line;
}

}  // namespace
}  // namespace millwright::app
