// RunTrace: the file with the timeline of a training's first updates, measured on this machine.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "runtime/trace.h"
#include "train/handover.h"

namespace millwright::train {

// Recording ends behind so many updates, or behind the first that has filled so many spans: a file of a few MB.
inline constexpr int64_t kTracedUpdates = 10;
inline constexpr size_t kTracedSpans = 20000;

class RunTrace {
 public:
  // Leaves a trace without spans in the file, so that one that cannot be written is known before anything else is done.
  static Status prepare(const Path& file);
  // For a training that begins now.
  static std::unique_ptr<RunTrace> begin(Path file, runtime::QueueNames queues);
  // For a process that replaces another: what that one recorded, and the time in between as the span "restart".
  static Result<std::unique_ptr<RunTrace>> go_on(Path file, runtime::QueueNames queues, const TraceHandover& earlier);

  runtime::TraceRecorder& recorder() { return recorder_; }
  // After that many updates of the training nothing is to be recorded any more.
  bool is_complete(int64_t updates) const { return updates >= kTracedUpdates || recorder_.size() >= kTracedSpans; }
  // What was recorded, into the file.
  Status write() const;
  TraceHandover hand_over() const;

 private:
  RunTrace(Path file, runtime::QueueNames queues, runtime::TraceRecorder::Clock::time_point origin,
           std::vector<runtime::TraceSpan> earlier)
      : file_(std::move(file)), queues_(std::move(queues)), recorder_(origin, std::move(earlier)) {}

  Path file_;
  runtime::QueueNames queues_;
  runtime::TraceRecorder recorder_;
};

}  // namespace millwright::train
