// The CPU beside an engine: the rates that predicting a training step needs.
#pragma once

#include "ane/chip_profile.h"
#include "base/result.h"

namespace millwright::ane {

struct HostCpu {
  double matrix_tflops = 0;  // fp32 products of the system's library
  double memory_gbps = 0;    // streaming through memory
  std::string source;
};

// Fails for a chip whose CPU nobody has published; `matrix_tflops` of the user's stands in where it is above 0.
Result<HostCpu> host_cpu(const ChipProfile& profile, double matrix_tflops = 0);

}  // namespace millwright::ane
