#include "ane/host_cpu.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace millwright::ane {
namespace {

struct PublishedCpu {
  std::string_view chip;
  double matrix_tflops;
  std::string_view source;
};

// The fact base, field-notes section 3.4: large fp32 products through Accelerate. Of the two figures for M4 the lower
// one, measured on the machine without a fan.
constexpr std::array kPublished = {
    PublishedCpu{"m4", 1.5, "ane-guide: Accelerate fp32, M4 Air 1.5 TFLOPS (1.77 elsewhere)"},
    PublishedCpu{"m4-max", 3.3, "ane-guide: M4 Max 3.3 to 3.4 TFLOPS"},
};

// Of the published bandwidth of a chip, what one stream of copies reaches: 90 of 120 GB/s (rustane, C6A).
constexpr double kStreamingShare = 0.75;

}  // namespace

Result<HostCpu> host_cpu(const ChipProfile& profile, double matrix_tflops) {
  if (!profile.memory.dram_gbps.known()) {
    return fail(
        "{}: the memory bandwidth of this chip is unknown; a profile that names memory.dram_gbps can be simulated",
        profile.name);
  }
  HostCpu cpu;
  cpu.memory_gbps = kStreamingShare * *profile.memory.dram_gbps;
  if (matrix_tflops > 0) {
    cpu.matrix_tflops = matrix_tflops;
    cpu.source = "given by the user";
    return cpu;
  }
  const std::string_view chip = std::string_view(profile.name).substr(0, profile.name.find('+'));
  const auto found = std::ranges::find(kPublished, chip, &PublishedCpu::chip);
  if (found == kPublished.end()) {
    return fail("{}: nobody has published how fast the CPU of this chip multiplies; give it with --cpu-tflops",
                profile.name);
  }
  cpu.matrix_tflops = found->matrix_tflops;
  cpu.source = found->source;
  return cpu;
}

}  // namespace millwright::ane
