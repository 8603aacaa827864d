// Internal operations (`mw.…`): created by the CPU executor's passes, never part of an engine program.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {

std::vector<OperationDefinition> internal() { return {}; }

}  // namespace millwright::mil::operations
