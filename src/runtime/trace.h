// Traces: timelines of both queues in the format that Perfetto and chrome://tracing open, of a simulated step or of a
// real run.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "runtime/step_run.h"

namespace millwright::runtime {

struct TraceSpan {
  std::string name;
  Queue queue = Queue::cpu;
  double start = 0;  // seconds
  double seconds = 0;
  std::vector<std::pair<std::string, std::variant<int64_t, double, std::string>>> arguments = {};

  bool operator==(const TraceSpan&) const = default;
};

// Empty: the queue is not shown.
struct QueueNames {
  std::string cpu;
  std::string engine;
};

// The file's text; the queues' names say whether the times are predicted or measured.
std::string trace_json(std::span<const TraceSpan> spans, const QueueNames& names);
// The spans of such a text, in microseconds' precision; `source` is for errors.
Result<std::vector<TraceSpan>> parse_trace(std::string_view json, const std::string& source);

// Collects the spans of a real run. Queues record at the same time.
class TraceRecorder {
 public:
  using Clock = std::chrono::steady_clock;

  // Spans are counted from `origin`; those of a process that this one replaces come first.
  explicit TraceRecorder(Clock::time_point origin, std::vector<TraceSpan> earlier = {})
      : origin_(origin), spans_(std::move(earlier)) {}

  // What is recorded from now on belongs to this update, and to no step.
  void begin_update(int64_t update);
  void begin_step(int64_t step);
  void end_steps();
  // A span that ends now. `phases` are the names of what it did; empty: none.
  void record(std::string_view name, Queue queue, Clock::time_point start, std::string_view phases = {});

  Clock::time_point origin() const { return origin_; }
  std::vector<TraceSpan> spans() const;
  size_t size() const;

 private:
  Clock::time_point origin_;
  mutable std::mutex mutex_;  // guards everything below
  int64_t update_ = 0;
  std::optional<int64_t> step_;
  std::vector<TraceSpan> spans_;
};

}  // namespace millwright::runtime
