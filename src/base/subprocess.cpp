#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

extern char** environ;  // NOLINT: POSIX leaves its declaration to programs

namespace millwright {
namespace {

// Both ends of a pipe; closed with the object, and in every other program that is started.
class Pipe {
 public:
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }

  Status open() {
    if (::pipe(ends_.data()) != 0) return fail(ErrorKind::io, "cannot open a pipe: {}", std::strerror(errno));
    for (const int end : ends_) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    return {};
  }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close_end(size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

class Child {
 public:
  Status start(const Path& program, std::span<const std::string> arguments) {
    MW_TRY(input_.open());
    MW_TRY(output_.open());
    MW_TRY(errors_.open());
    std::vector<char*> words = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input_.reading(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output_.writing(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors_.writing(), STDERR_FILENO);
    // Signals that this process ignores are not the program's affair.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int error = ::posix_spawn(&id_, program.c_str(), &actions, &attributes, words.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return system_error("start", program, error);
    input_.close_end(0);
    output_.close_end(1);
    errors_.close_end(1);
    ::fcntl(input_.writing(), F_SETFL, O_NONBLOCK);  // so that a full pipe does not keep the other two from being read
    return {};
  }

  // Writes and reads at once, until the program has closed its outputs.
  void exchange(std::string_view input, ProgramOutput& result) {
    std::array<pollfd, 3> polled = {pollfd{input_.writing(), POLLOUT, 0}, pollfd{output_.reading(), POLLIN, 0},
                                    pollfd{errors_.reading(), POLLIN, 0}};
    while (polled[1].fd >= 0 || polled[2].fd >= 0) {
      if (::poll(polled.data(), polled.size(), -1) < 0) {
        if (errno == EINTR) continue;
        break;
      }
      if (polled[0].revents != 0 && !feed(input)) {
        input_.close_end(1);
        polled[0].fd = -1;
      }
      if (polled[1].revents != 0 && !drain(output_.reading(), result.output)) polled[1].fd = -1;
      if (polled[2].revents != 0 && !drain(errors_.reading(), result.errors)) polled[2].fd = -1;
    }
  }

  int wait() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  // False when all is written, or nobody reads.
  bool feed(std::string_view& input) const {
    if (input.empty()) return false;
    const ssize_t count = ::write(input_.writing(), input.data(), input.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    input.remove_prefix(static_cast<size_t>(count));
    return !input.empty();
  }

  // False at the end.
  static bool drain(int descriptor, std::string& text) {
    std::array<char, 1 << 16> piece;
    const ssize_t count = ::read(descriptor, piece.data(), piece.size());
    if (count < 0) return errno == EINTR;
    text.append(piece.data(), static_cast<size_t>(count));
    return count > 0;
  }

  Pipe input_;
  Pipe output_;
  Pipe errors_;
  pid_t id_ = 0;
};

}  // namespace

std::optional<Path> find_program(std::string_view name) {
  const char* const folders = std::getenv("PATH");
  std::string_view rest = folders == nullptr ? "" : folders;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const std::string_view folder = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (folder.empty()) continue;  // would be the working directory
    const Path candidate = Path(folder) / name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(candidate, ignored) && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

Result<ProgramOutput> run_program(const Path& program, std::span<const std::string> arguments, std::string_view input) {
  Child child;
  MW_TRY(child.start(program, arguments));
  ProgramOutput result;
  child.exchange(input, result);
  result.exit_code = child.wait();
  return result;
}

}  // namespace millwright
