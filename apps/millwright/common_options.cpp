#include "common_options.h"

#include "base/log.h"
#include "base/parallel.h"

namespace millwright::app {
namespace {

constexpr int64_t kMostThreads = 4096;

}  // namespace

void Verbosity::add_to(Command& command) {
  command.flag("--verbose", verbose, "Say more on standard error");
  command.flag("--quiet", quiet, "Say only what went wrong");
}

void Verbosity::apply() const {
  if (verbose) set_log_level(LogLevel::debug);
  if (quiet) set_log_level(LogLevel::warning);
}

std::vector<std::string> Verbosity::flags() const {
  std::vector<std::string> flags;
  if (verbose) flags.emplace_back("--verbose");
  if (quiet) flags.emplace_back("--quiet");
  return flags;
}

void Threads::add_to(Command& command) {
  command.integer("--threads", count, "Threads to use; 0: as many as this process may", 0, kMostThreads);
}

void Threads::apply() const {
  if (count > 0) set_thread_count(static_cast<int>(count));
}

}  // namespace millwright::app
