// The weights of a program as the engine's compiler reads them from their files: checked, or as the bytes stand.
#pragma once

#include "ane/chip_profile.h"
#include "base/result.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::device {

// Puts every weight into the program. Where the profile validates weight files (C40, C41, C43) whatever is wrong with
// one is an error. Where it does not, a payload is read from where the 32 bits behind the record's size point to, of
// the size that the tensor has, whatever else the record says; what lies outside the file reads as zeros (nobody has
// published what the engine reads there). A file that is not there is an error in both (C27).
Status load_engine_weights(mil::Program& program, mil::WeightFiles& files, const ane::ChipProfile& profile);

}  // namespace millwright::device
