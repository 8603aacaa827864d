// parallel_for over a oneTBB arena: one task per thread, each taking the next chunk from a shared counter. This is the
// only file that includes TBB. The counters also order memory between caller and workers in a way the thread sanitizer
// can see; it cannot look into TBB's library.
#include "base/parallel.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "base/check.h"

#if defined(__SANITIZE_THREAD__)
#define MW_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MW_THREAD_SANITIZER 1
#endif
#endif

#if defined(MW_THREAD_SANITIZER)
// TBB hands its task objects to workers with synchronization inside its uninstrumented library. Only accesses made by
// TBB's own header code are suppressed; those of chunk bodies, called from there, are still checked.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race_top:tbb::\nrace_top:millwright::run_chunks\n"; }
#endif

namespace millwright {

namespace {

struct Pool {
  std::unique_ptr<tbb::global_control> control;
  std::unique_ptr<tbb::task_arena> arena;
  int threads = 0;

  void resize(int count) {
    arena.reset();
    control.reset();
    threads = count;
    control =
        std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(count));
    arena = std::make_unique<tbb::task_arena>(count, 1);
  }
};

// Never destroyed: other static objects may still use the pool while the process ends.
Pool& pool() {
  static Pool* const instance = [] {
    auto* created = new Pool;
    created->resize(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    return created;
  }();
  return *instance;
}

thread_local bool inside_parallel_for = false;

// Set for the time that a thread runs chunks, so that nested calls run inline.
class InsideParallelFor {
 public:
  InsideParallelFor() { inside_parallel_for = true; }
  ~InsideParallelFor() { inside_parallel_for = false; }
};

struct Job {
  FunctionRef<void(int64_t)> body;
  int64_t chunks;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> finished_workers{0};
};

}  // namespace

// One worker's share of a job. Outside the anonymous namespace so that the suppression above can name it.
void run_chunks(void* opaque) {
  auto& job = *static_cast<Job*>(opaque);
  int64_t chunk = job.next.fetch_add(1, std::memory_order_acq_rel);
  if (chunk < job.chunks) {
    const InsideParallelFor inside;
    for (; chunk < job.chunks; chunk = job.next.fetch_add(1, std::memory_order_acq_rel)) job.body(chunk);
  }
  job.finished_workers.fetch_add(1, std::memory_order_release);
}

void parallel_for(int64_t chunks, FunctionRef<void(int64_t)> body) {
  if (chunks <= 0) return;
  if (chunks == 1 || inside_parallel_for || pool().threads == 1) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
    return;
  }
  Job job{body, chunks};
  job.next.store(0, std::memory_order_release);
  const auto workers = static_cast<int>(std::min<int64_t>(chunks, pool().threads));
  Job* const shared = &job;
  pool().arena->execute([shared, workers] {
    tbb::parallel_for(
        tbb::blocked_range<int>(0, workers, 1),
        [shared](const tbb::blocked_range<int>& range) {
          for (int worker = range.begin(); worker < range.end(); ++worker) run_chunks(shared);
        },
        tbb::simple_partitioner());
  });
  const int64_t finished = job.finished_workers.load(std::memory_order_acquire);
  MW_CHECK(finished == workers, "{} of {} workers finished", finished, workers);
}

void set_thread_count(int count) {
  MW_CHECK(count >= 1, "thread count {}", count);
  MW_CHECK(!inside_parallel_for, "set_thread_count inside a parallel_for");
  if (count != pool().threads) pool().resize(count);
}

int thread_count() { return pool().threads; }

}  // namespace millwright
