// Reads profiles: JSON objects of sections and facts, checked against the table of fields.
#pragma once

#include <string>
#include <string_view>

#include "ane/chip_profile.h"

namespace millwright::ane {

// Lays the facts of a variant's text over a profile; `name` is that of the variant, for the facts' origin.
Status lay_over(std::string_view text, const std::string& source, const std::string& name, ChipProfile& profile);

}  // namespace millwright::ane
