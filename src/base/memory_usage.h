// Resident memory of this process, as the operating system counts it.
#pragma once

#include <cstddef>

namespace millwright {

size_t peak_resident_bytes();     // the most since the process began
size_t current_resident_bytes();  // now

}  // namespace millwright
