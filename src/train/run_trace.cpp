#include "train/run_trace.h"

#include <chrono>

namespace millwright::train {

namespace {

using Clock = runtime::TraceRecorder::Clock;

double seconds_of(Clock::time_point time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

Clock::time_point time_of(double seconds) {
  return Clock::time_point(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
}

}  // namespace

Status RunTrace::prepare(const Path& file) { return write_file_atomically(file, runtime::trace_json({}, {})); }

std::unique_ptr<RunTrace> RunTrace::begin(Path file, runtime::QueueNames queues) {
  return std::unique_ptr<RunTrace>(new RunTrace(std::move(file), std::move(queues), Clock::now(), {}));
}

Result<std::unique_ptr<RunTrace>> RunTrace::go_on(Path file, runtime::QueueNames queues, const TraceHandover& earlier) {
  MW_ASSIGN(std::vector<runtime::TraceSpan> spans, runtime::parse_trace(earlier.spans, "handover"));
  std::unique_ptr<RunTrace> trace(
      new RunTrace(std::move(file), std::move(queues), time_of(earlier.origin), std::move(spans)));
  trace->recorder_.record("restart", runtime::Queue::cpu, time_of(earlier.left));
  return trace;
}

Status RunTrace::write() const { return write_file_atomically(file_, runtime::trace_json(recorder_.spans(), queues_)); }

TraceHandover RunTrace::hand_over() const {
  return {runtime::trace_json(recorder_.spans(), queues_), seconds_of(recorder_.origin()), seconds_of(Clock::now())};
}

}  // namespace millwright::train
