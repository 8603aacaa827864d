// Runs the built `millwright` as users do: a process with arguments, standard streams and an exit code.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "base/temporary_folder.h"

extern char** environ;

namespace millwright::app {

using Arguments = std::vector<std::string>;

struct Outcome {
  int exit_code = 0;  // 128 + signal where one ended the process
  std::string out;
  std::string err;
};

// A process that has been started; wait() must be called once.
class Process {
 public:
  // `words` is a whole command line; standard output and error go to files in `folder`.
  Process(const Arguments& words, const TemporaryFolder& folder)
      : out_(folder / "standard-output"), err_(folder / "standard-error") {
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&actions, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int error = posix_spawn(&id_, pointers.front(), &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_EQ(error, 0) << "cannot start " << words.front();
  }

  void signal(int number) const { ::kill(id_, number); }

  Outcome wait() const {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, read_whole_file(out_), read_whole_file(err_)};
  }

 private:
  std::filesystem::path out_;
  std::filesystem::path err_;
  pid_t id_ = 0;
};

inline Arguments millwright_words(const Arguments& arguments) {
  Arguments words = {MILLWRIGHT_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

inline Outcome run(const Arguments& arguments) {
  const TemporaryFolder folder;
  return Process(millwright_words(arguments), folder).wait();
}

// A shell command line in which "$0" is millwright and "$1", "$2", … are the arguments.
inline Outcome run_shell(const std::string& script, const Arguments& arguments) {
  const TemporaryFolder folder;
  Arguments words = {"/bin/sh", "-c", script};
  const Arguments command = millwright_words(arguments);
  words.insert(words.end(), command.begin(), command.end());
  return Process(words, folder).wait();
}

// The last line of standard error, after progress and notes.
inline std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? -1 : begin));
}

// Ends with `code` after one line on standard error and nothing on standard output.
inline void expect_refused(const Arguments& arguments, int code, const std::string& line) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, code);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, line + "\n");
}

}  // namespace millwright::app
