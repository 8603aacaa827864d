// A process that trains is killed with SIGKILL again and again; what it leaves always resumes, and the end is the same,
// bit for bit, as without a kill.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "base/random.h"
#include "train/checkpoint.h"
#include "train/metrics.h"
#include "train/provenance.h"
#include "train/tiny_run.h"
#include "train/trainer.h"

extern char** environ;

namespace millwright::train {
namespace {

constexpr int kKills = 20;

pid_t spawn_train_run(const std::string& command, const Path& run, const Path& book) {
  std::string program = MILLWRIGHT_TRAIN_RUN;
  std::string arguments[] = {program, command, run.string(), book.string()};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), arguments[3].data(), nullptr};
  pid_t child = -1;
  EXPECT_EQ(posix_spawn(&child, program.c_str(), nullptr, nullptr, argv, environ), 0);
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

void expect_success(int status) { EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status; }

// "resume" once there is a run to resume.
std::string next_command(const Path& run) {
  return std::filesystem::exists(run / kProvenanceFileName) ? "resume" : "start";
}

TEST(Kill, AtAnyMomentLeavesARunThatResumes) {
  const TemporaryFolder folder;
  const Path book = folder.write("book.txt", made_up_text(1, 600));
  const Path straight = folder / "straight";
  const auto begin = std::chrono::steady_clock::now();
  expect_success(wait_for(spawn_train_run("start", straight, book)));
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - begin;

  const uint64_t seed = 20240517;
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomStream random(seed);
  int runs = 0;
  Path run;
  int64_t reached = 0;  // the newest checkpoint seen
  for (int kills = 0; kills < kKills;) {
    if (run.empty()) {
      run = folder / ("run-" + std::to_string(runs++));
      reached = 0;
    }
    const pid_t child = spawn_train_run(next_command(run), run, book);
    // The wait is the experiment: it picks the moment.
    std::this_thread::sleep_for(static_cast<double>(random.uniform()) * duration);
    kill(child, SIGKILL);
    const int status = wait_for(child);
    if (WIFSIGNALED(status)) ++kills;

    const auto search = find_latest_checkpoint(run);
    ASSERT_TRUE(search.has_value()) << search.error().message;
    EXPECT_TRUE(search->damaged.empty()) << search->warnings.front();
    const int64_t update = search->found ? search->found->state.update : 0;
    EXPECT_GE(update, reached) << "a checkpoint was lost";
    reached = update;
    const bool finished = !WIFSIGNALED(status) || kills == kKills;
    if (!finished) continue;
    if (WIFSIGNALED(status)) {
      expect_success(wait_for(spawn_train_run(next_command(run), run, book)));
    } else {
      expect_success(status);
    }
    for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
      const std::string expected = read_whole_file(straight / "checkpoints" / "update-000012" / name);
      ASSERT_FALSE(expected.empty());
      EXPECT_EQ(read_whole_file(run / "checkpoints" / "update-000012" / name), expected) << name;
    }
    const auto history = read_metrics(run / "metrics.jsonl", 1000);
    ASSERT_TRUE(history.has_value());
    ASSERT_EQ(history->updates.size(), 12u);
    for (size_t i = 0; i < 12; ++i) EXPECT_EQ(history->updates[i].update, static_cast<int64_t>(i) + 1);
    run.clear();
  }
}

}  // namespace
}  // namespace millwright::train
