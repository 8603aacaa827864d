// Fits the constants of the cost model to the calibration rows of one chip.
#pragma once

#include <string>
#include <vector>

#include "measurements.h"

namespace millwright::bench {

// A profile whose constants are fitted, the chips whose rows they are fitted to, and the constants that these rows tell
// about. The other constants keep the value of the profile, and other chips take those of their family.
struct Fit {
  std::string profile;
  std::vector<std::string> chips;
  std::vector<ane::FittedConstant> constants;
};
const std::vector<Fit>& fits();

// Whether any of its chips has rows.
bool is_measured(const Fit& fit, const std::map<std::string, Chip>& chips);

using Constants = std::vector<double>;  // in SI units, as Fit::constants

// Minimizes the mean |log(predicted / published)| over the calibration rows, rows of `without_source` left out.
// Deterministic. Some chip of the fit must have been measured.
Constants fit(const Fit& fit, const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips,
              const std::string& without_source = "");

// The parameters of a chip with fitted constants in them.
ane::CostParameters with_constants(ane::CostParameters parameters, const Fit& fit, const Constants& constants);

}  // namespace millwright::bench
