#include "plan/plan_check.h"

#include <string_view>
#include <unordered_set>

#include "ane/rules/check.h"
#include "plan/placeholder_weights.h"
#include "plan/placement.h"

namespace millwright::plan {

Status check_rules(const Plan& plan, const ane::ChipProfile& profile) {
  std::unordered_set<std::string_view> checked;
  for (const PlannedProgram& program : plan.programs) {
    // Programs of different layers differ in the numbers of their weights, which no rule looks at here.
    if (program.target != Target::engine || !checked.insert(without_layer(program.name)).second) continue;
    mil::Program alone;
    alone.add_function(with_placeholder_weights(program));
    for (const ane::Finding& finding : ane::check_program(alone, profile)) {
      if (finding.verdict != ane::Verdict::error) continue;
      return fail("plan: {} cannot run {}: {}; or use another --pipeline", profile.name, program.name,
                  ane::finding_text(finding));
    }
  }
  return {};
}

}  // namespace millwright::plan
