#include "chip_choice.h"

namespace millwright::app {

void ChipChoice::add_to(Command& command, const std::string& name, const std::string& help) {
  // An empty word, as from a shell variable that is not set, must not mean "no chip".
  const auto set = [](std::string& value, const std::string& what, const std::string& expected) {
    return [&value, what, expected](const Command::Values& values) -> Status {
      if (values.back().empty()) return fail("{}: expected {}, found \"\"", what, expected);
      value = values.back();
      return {};
    };
  };
  command.option(name, "CHIP", help, set(chip, name, "a chip's name")).words = ane::profile_names();
  command.option("--profile", "FILE", "Your own chip profile (docs/chip-profiles.md)",
                 set(profile, "--profile", "the path of a file"));
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
