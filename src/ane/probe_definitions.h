// The probes of the published study as a table: programs, published numbers and their sources, disputes.
#pragma once

#include <span>
#include <string_view>

#include "ane/probes.h"

namespace millwright::ane {

struct ProbeDefinition {
  std::string_view name;
  Probe (*build)();
};
std::span<const ProbeDefinition> probe_definitions();

}  // namespace millwright::ane
