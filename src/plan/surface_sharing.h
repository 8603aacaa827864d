// Memory of surfaces: those that are not needed at the same time share it.
#pragma once

#include <cstddef>
#include <span>

#include "plan/plan.h"

namespace millwright::plan {

// Gives surfaces from `first` on the memory of earlier ones of their size that no later task reads, in the order of the
// tasks. `kept` are read by others than tasks. Call it before order_tasks(), which makes the tasks wait accordingly.
void share_surfaces(Plan& plan, size_t first, std::span<const size_t> kept);

// The surface whose memory this one has: itself, where it shares none.
size_t memory_of(const Plan& plan, size_t surface);

}  // namespace millwright::plan
