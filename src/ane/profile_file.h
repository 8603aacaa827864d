// Reads profiles: JSON objects of sections and facts, checked against the table of fields.
#pragma once

#include <string>
#include <string_view>

#include "ane/chip_profile.h"

namespace millwright::ane {

// One of the built-in profiles. Their constants of the section "cost" are fitted, and stand as they are written.
Result<ChipProfile> parse_built_in(std::string_view text, const std::string& source);

// Lays the facts of a variant's text over a profile; `name` is that of the variant, for the facts' origin.
Status lay_over(std::string_view text, const std::string& source, const std::string& name, ChipProfile& profile);

}  // namespace millwright::ane
