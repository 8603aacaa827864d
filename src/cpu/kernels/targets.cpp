// Which targets exist here, and the test hook that picks one.
#include "cpu/kernels/targets.h"

#include <hwy/highway.h>

namespace millwright::cpu {

std::vector<KernelTarget> kernel_targets() {
  std::vector<KernelTarget> targets;
  for (int64_t id : hwy::SupportedAndGeneratedTargets()) targets.push_back({id, hwy::TargetName(id)});
  return targets;
}

void force_kernel_target(int64_t id) {
  hwy::SetSupportedTargetsForTest(id);
  // Dispatch tables remember the chosen target; this makes them look again.
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace millwright::cpu
