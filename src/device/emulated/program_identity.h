// What the engine's stack knows a program by (U3): the hash of its text and the hash of its weights.
#pragma once

#include <string>

#include "ane/chip_profile.h"
#include "device/emulated/numerics.h"
#include "mil/ir.h"

namespace millwright::device {

struct ProgramIdentity {
  std::string text;     // hash of the text, with the places of weights and without their numbers
  std::string weights;  // hash of the numbers

  // What the stack looks the program up by: both, or the text alone.
  std::string key(ane::Identity identity) const {
    return identity == ane::Identity::content ? text + "_" + weights : text;
  }
};

// `written`: the program as it was given; `loaded`: its function with all weights inline.
ProgramIdentity identity_of(const mil::Program& written, const mil::Function& loaded, Numerics numerics,
                            Arithmetic arithmetic);

}  // namespace millwright::device
