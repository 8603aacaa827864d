// Memory of this process and this machine, as the operating system counts it.
#pragma once

#include <cstddef>

namespace millwright {

size_t peak_resident_bytes();     // the most since the process began
size_t current_resident_bytes();  // now

size_t machine_memory_bytes();  // built into the machine; 0 where the system does not say

}  // namespace millwright
