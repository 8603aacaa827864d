#include "base/subprocess.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>

#include "base/temporary_folder.h"

namespace millwright {
namespace {

class Subprocess : public ::testing::Test {
 protected:
  void SetUp() override { previous_ = std::signal(SIGPIPE, SIG_IGN); }
  void TearDown() override { std::signal(SIGPIPE, previous_); }

  Result<ProgramOutput> shell(const std::string& script, std::string_view input = "") {
    const std::vector<std::string> arguments = {"-c", script};
    return run_program("/bin/sh", arguments, input);
  }

 private:
  void (*previous_)(int) = SIG_DFL;
};

TEST_F(Subprocess, HandsInputOverAndGivesBothOutputsAndTheExitCode) {
  const auto outcome = shell("cat; echo wrong >&2; exit 7", "text");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, "text");
  EXPECT_EQ(outcome->errors, "wrong\n");
  EXPECT_EQ(outcome->exit_code, 7);
}

TEST_F(Subprocess, MovesMoreThanPipesHoldInBothDirections) {
  const std::string input(3'000'000, 'x');
  const auto outcome = shell("tee /dev/stderr", input);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, input);
  EXPECT_EQ(outcome->errors, input);
}

TEST_F(Subprocess, NeedsNoReader) {
  const auto outcome = shell("exec 0<&-; echo done", std::string(1'000'000, 'x'));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, "done\n");
  EXPECT_EQ(outcome->exit_code, 0);
}

TEST_F(Subprocess, PassesArgumentsAsTheyAre) {
  const std::vector<std::string> arguments = {"%s|", "a b", "$HOME;", ""};
  const auto outcome = run_program("/usr/bin/printf", arguments, "");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, "a b|$HOME;||");
}

TEST_F(Subprocess, TellsSignalsAndGivesProgramsTheirOwn) {
  EXPECT_EQ(shell("kill -TERM $$")->exit_code, 128 + SIGTERM);
  EXPECT_EQ(shell("kill -PIPE $$")->exit_code, 128 + SIGPIPE);
}

TEST_F(Subprocess, SaysWhatCannotBeStarted) {
  const auto outcome = run_program("/no/such/program", {}, "");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "cannot start /no/such/program: No such file or directory; check the path");
}

TEST_F(Subprocess, FindsExecutableFilesOfThePath) {
  const TemporaryFolder folder;
  const std::string saved = std::getenv("PATH");
  const std::string plain = folder.write("plain", "x");
  const std::string script = folder.write("script", "#!/bin/sh\n");
  ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
  ::setenv("PATH", (":/no/such/folder:" + (folder / "").string()).c_str(), 1);
  EXPECT_EQ(find_program("script"), folder / "script");
  EXPECT_EQ(find_program("plain"), std::nullopt);
  EXPECT_EQ(find_program("missing"), std::nullopt);
  ::unsetenv("PATH");
  EXPECT_EQ(find_program("script"), std::nullopt);
  ::setenv("PATH", saved.c_str(), 1);
}

}  // namespace
}  // namespace millwright
