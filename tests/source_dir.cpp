#include "source_dir.h"

namespace millwright {

const char* const kSourceDirectory = MILLWRIGHT_SOURCE_DIR;

}  // namespace millwright
