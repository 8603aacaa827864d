// The repository's root, where tests find the programs, golden files and documents they read.
#pragma once

namespace millwright {

// Absolute. One object file of each test binary knows it, so that clones share what the compiler cache holds of the
// rest.
extern const char* const kSourceDirectory;

}  // namespace millwright
