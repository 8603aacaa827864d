// The one thread pool. Work is cut into chunks by the caller, from shapes and never from timing; which thread runs a
// chunk must not change the result, so a chunk writes only its own output.
#pragma once

#include <cstdint>

#include "base/function_ref.h"

namespace millwright {

// Runs body(0) … body(chunks - 1), each once, in any order and on any thread of the pool, and returns when all are
// done. The calling thread takes part; waiting threads sleep. Runs inline, in order, for one chunk, for one thread, or
// when called from inside another parallel_for. The body must not throw. Any thread may call it.
void parallel_for(int64_t chunks, FunctionRef<void(int64_t chunk)> body);

// How many threads a parallel_for uses, the caller included; at least 1. Starts as the number of CPUs that this process
// may use. set_thread_count must not be called while a parallel_for runs.
void set_thread_count(int count);
int thread_count();

}  // namespace millwright
