// Options that several commands share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "command_tree.h"

namespace millwright::app {

struct Verbosity {
  bool verbose = false;
  bool quiet = false;

  void add_to(Command& command);
  void apply() const;
  // As they were given.
  std::vector<std::string> flags() const;
};

// For commands without a settings table.
struct Threads {
  int64_t count = 0;  // 0: as many as this process may use

  void add_to(Command& command);
  void apply() const;
};

}  // namespace millwright::app
