#include "chip_choice.h"

namespace millwright::app {

void ChipChoice::add_to(Command& command, const std::string& name, const std::string& help) {
  command.text(name, chip, "CHIP", help).words = ane::profile_names();
  command.text("--profile", profile, "FILE", "Your own chip profile (docs/chip-profiles.md)");
}

Status ChipChoice::check() const {
  if (chip.empty() || profile.empty()) return {};
  return fail("both the chip {} and the profile {} are given; name one of them", chip, profile);
}

Result<ane::ChipProfile> ChipChoice::read() const {
  MW_TRY(check());
  return profile.empty() ? ane::find_profile(chip) : ane::read_profile(profile);
}

}  // namespace millwright::app
