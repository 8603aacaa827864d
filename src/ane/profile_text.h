// Profiles for people and for files.
#pragma once

#include <string>
#include <vector>

#include "ane/chip_profile.h"

namespace millwright::ane {

// One fact as text.
struct FactText {
  struct Alternative {
    std::string value;
    std::string source;
  };

  std::string section;
  std::string key;
  std::string value;  // "120 GB/s", "unknown", "none"
  std::string source;
  std::string reason;
  // The profile or variant that states it, where that is neither the chip's own nor what all chips share: "m4" of an M4
  // Pro, "variant-macos26".
  std::string taken_from;
  std::vector<Alternative> alternatives;
  std::string help;
};

// Every fact, in the order of the table.
std::vector<FactText> fact_texts(const ChipProfile& profile);

// The whole profile as a file without a base: parse_profile reads an equal one.
std::string profile_json(const ChipProfile& profile);

}  // namespace millwright::ane
