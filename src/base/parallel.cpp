// parallel_for: a shared counter hands the next chunk to whichever worker asks. The counters order memory between
// caller and workers in the thread sanitizer's sight; it cannot look into TBB, which worker_arena.cpp wraps.
#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/check.h"
#include "base/worker_arena.h"

#if defined(__SANITIZE_THREAD__)
#define MW_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MW_THREAD_SANITIZER 1
#endif
#endif

#if defined(MW_THREAD_SANITIZER)
// TBB's own memset and memcpy; what parallel_for's bodies do is still checked.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libtbb.so\n"; }
#endif

namespace millwright {

namespace {

// Never destroyed: other static objects may still use the pool while the process ends.
WorkerArena& arena() {
  static WorkerArena* const instance =
      new WorkerArena(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  return *instance;
}

thread_local bool inside_parallel_for = false;

struct Job {
  FunctionRef<void(int64_t)> body;
  int64_t chunks;
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> finished_workers{0};
};

// Orders a caller's writes before every worker's reads of the job, in the thread sanitizer's sight. It is not part of
// the job, because even the first touch of an atomic there must come after the job's construction.
std::atomic<uint64_t> jobs_published{0};

// One worker's share of a job.
void run_chunks(void* opaque) {
  jobs_published.load(std::memory_order_acquire);
  auto& job = *static_cast<Job*>(opaque);
  inside_parallel_for = true;  // nested calls run inline
  for (int64_t chunk = job.next.fetch_add(1, std::memory_order_relaxed); chunk < job.chunks;
       chunk = job.next.fetch_add(1, std::memory_order_relaxed)) {
    job.body(chunk);
  }
  inside_parallel_for = false;
  job.finished_workers.fetch_add(1, std::memory_order_release);
}

}  // namespace

void parallel_for(int64_t chunks, FunctionRef<void(int64_t)> body) {
  if (chunks <= 0) return;
  if (chunks == 1 || inside_parallel_for || arena().threads() == 1) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
    return;
  }
  Job job{body, chunks};
  jobs_published.fetch_add(1, std::memory_order_release);
  const auto workers = static_cast<int>(std::min<int64_t>(chunks, arena().threads()));
  arena().run(workers, run_chunks, &job);
  const int64_t finished = job.finished_workers.load(std::memory_order_acquire);
  MW_CHECK(finished == workers, "{} of {} workers finished", finished, workers);
}

void set_thread_count(int count) {
  MW_CHECK(count >= 1, "thread count {}", count);
  MW_CHECK(!inside_parallel_for, "set_thread_count inside a parallel_for");
  if (count != arena().threads()) arena().resize(count);
}

int thread_count() { return arena().threads(); }

}  // namespace millwright
