// Which tasks of a plan have to wait for which.
#pragma once

#include "plan/plan.h"

namespace millwright::plan {

// Fills in Task::after from the memory that the tasks read and write: a reader waits for the last writer,
// a writer for the readers of what it replaces. The update waits for everything. What `after` held before is dropped.
void order_tasks(Plan& plan);

}  // namespace millwright::plan
