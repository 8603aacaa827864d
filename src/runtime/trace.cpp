#include "runtime/trace.h"

#include "base/json.h"

namespace millwright::runtime {

namespace {

constexpr int kProcess = 1;
constexpr double kMicroseconds = 1e6;

Json json_of(const TraceSpan& span) {
  Json arguments = Json::object();
  for (const auto& [name, value] : span.arguments) {
    std::visit([&, &name = name](const auto& known) { arguments[name] = known; }, value);
  }
  return {{"ph", "X"},
          {"pid", kProcess},
          {"tid", static_cast<int>(span.queue)},
          {"name", span.name},
          {"ts", span.start * kMicroseconds},
          {"dur", span.seconds * kMicroseconds},
          {"args", std::move(arguments)}};
}

Result<TraceSpan> span_of(const Json& event, const std::string& source) {
  TraceSpan span;
  MW_ASSIGN(span.name, json_string(event, "name", source));
  MW_ASSIGN(const int64_t queue, json_integer(event, "tid", source, 0));
  if (queue > 1) return fail("{}: tid is {}; expected 0 for the CPU or 1 for the engine", source, queue);
  span.queue = static_cast<Queue>(queue);
  MW_ASSIGN(const double start, json_number(event, "ts", source));
  MW_ASSIGN(const double duration, json_number(event, "dur", source));
  span.start = start / kMicroseconds;
  span.seconds = duration / kMicroseconds;
  const auto arguments = event.find("args");
  if (arguments == event.end()) return span;
  for (const auto& [name, value] : arguments->items()) {
    if (value.is_number_integer()) span.arguments.emplace_back(name, value.get<int64_t>());
    if (value.is_number_float()) span.arguments.emplace_back(name, value.get<double>());
    if (value.is_string()) span.arguments.emplace_back(name, value.get<std::string>());
  }
  return span;
}

}  // namespace

std::string trace_json(std::span<const TraceSpan> spans, const QueueNames& names) {
  Json events = Json::array();
  for (const auto& [queue, name] : {std::pair(Queue::cpu, &names.cpu), std::pair(Queue::engine, &names.engine)}) {
    if (name->empty()) continue;
    events.push_back({{"ph", "M"},
                      {"pid", kProcess},
                      {"tid", static_cast<int>(queue)},
                      {"name", "thread_name"},
                      {"args", {{"name", *name}}}});
  }
  for (const TraceSpan& span : spans) events.push_back(json_of(span));
  return Json{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}}.dump() + "\n";
}

Result<std::vector<TraceSpan>> parse_trace(std::string_view json, const std::string& source) {
  MW_ASSIGN(const Json object, parse_json(json, source));
  const auto events = object.find("traceEvents");
  if (events == object.end() || !events->is_array()) return fail("{}: no list \"traceEvents\"", source);
  std::vector<TraceSpan> spans;
  for (const Json& event : *events) {
    MW_ASSIGN(const std::string kind, json_string(event, "ph", source));
    if (kind != "X") continue;
    MW_ASSIGN(TraceSpan span, span_of(event, source));
    spans.push_back(std::move(span));
  }
  return spans;
}

void TraceRecorder::begin_update(int64_t update) {
  const std::lock_guard lock(mutex_);
  update_ = update;
  step_.reset();
}

void TraceRecorder::begin_step(int64_t step) {
  const std::lock_guard lock(mutex_);
  step_ = step;
}

void TraceRecorder::end_steps() {
  const std::lock_guard lock(mutex_);
  step_.reset();
}

void TraceRecorder::record(std::string_view name, Queue queue, Clock::time_point start, std::string_view phases) {
  const auto end = Clock::now();
  const auto seconds = [](Clock::duration duration) { return std::chrono::duration<double>(duration).count(); };
  const std::lock_guard lock(mutex_);
  TraceSpan span{std::string(name), queue, seconds(start - origin_), seconds(end - start)};
  span.arguments.emplace_back("update", update_);
  if (step_) span.arguments.emplace_back("step", *step_);
  if (!phases.empty()) span.arguments.emplace_back("phases", std::string(phases));
  spans_.push_back(std::move(span));
}

std::vector<TraceSpan> TraceRecorder::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

size_t TraceRecorder::size() const {
  const std::lock_guard lock(mutex_);
  return spans_.size();
}

}  // namespace millwright::runtime
