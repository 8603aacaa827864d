// The only file that includes TBB. It is built without thread-sanitizer instrumentation: TBB hands its task objects
// over inside its own uninstrumented library, so every one of them would be reported. The shares it calls are
// instrumented.
#include "base/worker_arena.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

namespace millwright {

struct WorkerArena::Tbb {
  explicit Tbb(int threads)
      : control(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(threads)), arena(threads, 1) {}
  tbb::global_control control;
  tbb::task_arena arena;
};

WorkerArena::WorkerArena(int threads) { resize(threads); }
WorkerArena::~WorkerArena() = default;

void WorkerArena::resize(int threads) {
  tbb_.reset();  // first, because of several controls the smallest counts
  tbb_ = std::make_unique<Tbb>(threads);
  threads_ = threads;
}

void WorkerArena::run(int times, void (*share)(void*), void* argument) {
  tbb_->arena.execute([=] {
    tbb::parallel_for(
        tbb::blocked_range<int>(0, times, 1),
        [=](const tbb::blocked_range<int>& range) {
          for (int i = range.begin(); i < range.end(); ++i) share(argument);
        },
        tbb::simple_partitioner());
  });
}

}  // namespace millwright
