// Which instruction sets the kernels are compiled for, and how a test forces one. Every kernel file includes this
// before Highway. SSE-only x86 runs the scalar code; SVE is left out because its vectors cannot be array elements (NEON
// runs there).
#pragma once

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#include <cstdint>
#include <string>
#include <vector>

namespace millwright::cpu {

struct KernelTarget {
  int64_t id = 0;    // Highway's target bit
  std::string name;  // as Highway writes it: "AVX3", "AVX2", "NEON", "SCALAR"
};

// Targets that this build contains and this machine runs, best first.
std::vector<KernelTarget> kernel_targets();

// Makes every following kernel call use this target; id 0 returns to the best one. Not while kernels run.
void force_kernel_target(int64_t id);

}  // namespace millwright::cpu
