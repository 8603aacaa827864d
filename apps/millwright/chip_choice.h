// Which engine a command is about: a chip by its name, or the user's own profile.
#pragma once

#include <string>

#include "ane/chip_profile.h"
#include "command_tree.h"

namespace millwright::app {

struct ChipChoice {
  std::string chip;     // "m4", "m4+macos26"; empty: none
  std::string profile;  // file; empty: none

  // `name` is "--chip", or a word for a positional argument.
  void add_to(Command& command, const std::string& name, const std::string& help);
  bool is_given() const { return !chip.empty() || !profile.empty(); }
  Status check() const;  // one of them at most
  Result<ane::ChipProfile> read() const;
};

}  // namespace millwright::app
