// What the cost model's constants of a chip stand on: measurements that they were fitted to, other chips that they were
// taken from, guesses. For everyone who shows a predicted number.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ane/chip_profile.h"

namespace millwright::ane {

// Kinds of predictions, which go by constants of their own.
enum class CostPart : uint8_t { time, energy, int8, compile };

struct BasisLine {
  std::vector<std::string> constants;  // "cost.floor_ms", "power.compute_w"
  std::string profile;                 // that states them: "m4", "common"
  bool is_fitted = false;              // to published measurements
  std::string
      origin;  // "fitted to published measurements (profile m4)", "guide ch10: measured on an M1 Max (profile …)"
};

// The facts that predictions of these parts go by, those of one origin together, fitted ones first.
std::vector<BasisLine> cost_basis(const ChipProfile& profile, std::span<const CostPart> parts);

}  // namespace millwright::ane
