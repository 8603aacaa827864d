// WorkerArena: the threads behind parallel_for, held by oneTBB. Included by parallel.cpp only.
#pragma once

#include <memory>

namespace millwright {

class WorkerArena {
 public:
  explicit WorkerArena(int threads);
  ~WorkerArena();
  WorkerArena(const WorkerArena&) = delete;
  WorkerArena& operator=(const WorkerArena&) = delete;

  int threads() const { return threads_; }
  void resize(int threads);  // not while run() is active

  // Calls share(argument) `times` times, on any threads, the calling one among them, and returns when all have
  // returned.
  void run(int times, void (*share)(void*), void* argument);

 private:
  struct Tbb;
  std::unique_ptr<Tbb> tbb_;
  int threads_ = 0;
};

}  // namespace millwright
