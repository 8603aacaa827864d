#include "cpu/passes/passes.h"

namespace millwright::cpu {

void run_passes(mil::Function& function) {
  mil::remove_dead_operations(function);
  decompose_composites(function);
  decompose_scales(function);
  decompose_images(function);
  merge_pads(function);
  accumulate_scatters(function);
  fuse_softmax(function);
  fuse_matmul(function);
  // After the sums over batch axes of one element have gone into their products.
  remove_identities(function);
  widen_elements(function);
  recompute_cheap(function);
  mil::remove_dead_operations(function);
}

}  // namespace millwright::cpu
