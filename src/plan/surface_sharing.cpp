#include "plan/surface_sharing.h"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

namespace millwright::plan {
namespace {

struct Lifetime {
  std::optional<size_t> first;  // task that touches it
  size_t last = 0;
};

}  // namespace

size_t memory_of(const Plan& plan, size_t surface) { return plan.surfaces[surface].shares.value_or(surface); }

void share_surfaces(Plan& plan, size_t first, std::span<const size_t> kept) {
  std::vector<Lifetime> lifetimes(plan.surfaces.size());
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    const auto* evaluate = std::get_if<EvaluateTask>(&plan.tasks[i].action);
    if (evaluate == nullptr) continue;
    for (const auto* surfaces : {&evaluate->inputs, &evaluate->outputs}) {
      for (const size_t surface : *surfaces) {
        if (!lifetimes[surface].first) lifetimes[surface].first = i;
        lifetimes[surface].last = i;
      }
    }
  }
  std::vector<bool> is_fixed(plan.surfaces.size());
  for (size_t surface = 0; surface < std::min(first, is_fixed.size()); ++surface) is_fixed[surface] = true;
  for (const size_t surface : kept) is_fixed[surface] = true;
  for (const StagedWeight& weight : plan.staged_weights) is_fixed[weight.half] = true;

  std::vector<std::vector<size_t>> begins(plan.tasks.size());
  std::vector<std::vector<size_t>> ends(plan.tasks.size());
  for (size_t surface = 0; surface < plan.surfaces.size(); ++surface) {
    if (is_fixed[surface] || !lifetimes[surface].first) continue;
    begins[*lifetimes[surface].first].push_back(surface);
    ends[lifetimes[surface].last].push_back(surface);
  }
  // Of free memory the one that has been free for longest: its last readers are most likely done when it is written.
  std::map<int64_t, std::deque<size_t>> free;  // by bytes
  for (size_t task = 0; task < plan.tasks.size(); ++task) {
    for (const size_t surface : begins[task]) {
      auto& candidates = free[plan.surfaces[surface].type.bytes()];
      if (candidates.empty()) continue;
      plan.surfaces[surface].shares = candidates.front();
      candidates.pop_front();
    }
    for (const size_t surface : ends[task]) {
      free[plan.surfaces[surface].type.bytes()].push_back(memory_of(plan, surface));
    }
  }
}

}  // namespace millwright::plan
