// Any text as a program for a chip: where the verifier passes it, every rule says something or nothing, in one line
// each.
#include <cstdint>
#include <string_view>

#include "ane/rules/check.h"
#include "base/check.h"
#include "mil/parser.h"
#include "mil/verifier.h"

namespace {

using namespace millwright;

const std::vector<ane::ChipProfile>& profiles() {
  static const std::vector<ane::ChipProfile> known = [] {
    std::vector<ane::ChipProfile> found;
    for (const char* name : {"m1+im+zeros", "m4", "m5+e5+orion"}) {
      auto profile = ane::find_profile(name);
      MW_CHECK(profile.has_value(), "{}", profile.error().message);
      found.push_back(std::move(*profile));
    }
    return found;
  }();
  return known;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const mil::ParseResult result = mil::parse({reinterpret_cast<const char*>(data), size});
  if (!result.program || !mil::verify(*result.program)) return 0;
  for (const ane::ChipProfile& profile : profiles()) {
    for (const ane::Finding& finding : ane::check_program(*result.program, profile)) {
      MW_CHECK(!finding.problem.empty() && !finding.subject.empty(), "an empty finding of {}", finding.rule);
    }
    for (const auto& function : result.program->functions()) {
      const std::vector<ane::SurfaceUse> inputs(function->inputs().size(), ane::SurfaceUse{.bytes = 4096});
      const std::vector<ane::SurfaceUse> outputs(function->results().size(), ane::SurfaceUse{.bytes = 64});
      ane::check_request({*function, inputs, outputs}, profile);
    }
  }
  return 0;
}
