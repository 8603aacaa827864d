// Replaces this process by a fresh one of the same program: what an engine with a compile budget per process needs.
// Only the command does this; the library answers with a state that another process can go on from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace millwright::app {

// The descriptor that the process before left open for this one, once; nothing where there was none.
std::optional<int> inherited_handover();

// Runs the program anew with these arguments and the descriptor. Returns only where that fails.
Status replace_process(const std::vector<std::string>& arguments, int handover);

}  // namespace millwright::app
