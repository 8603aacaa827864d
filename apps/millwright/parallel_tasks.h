// Independent tasks of a command on the thread pool, such as one per file. Unlike parallel_for's body they may throw,
// as reading a file that memory cannot hold does.
#pragma once

#include <cstddef>
#include <exception>
#include <vector>

#include "base/parallel.h"

namespace millwright::app {

// Runs task(0) … task(count - 1), then throws the exception of the first that threw one.
template <typename Task>
void run_tasks(size_t count, Task task) {
  std::vector<std::exception_ptr> thrown(count);
  parallel_for(static_cast<int64_t>(count), [&](int64_t index) {
    try {
      task(static_cast<size_t>(index));
    } catch (...) {
      thrown[static_cast<size_t>(index)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
}

}  // namespace millwright::app
