#include "runtime/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace millwright::runtime {
namespace {

TraceSpan some_span() {
  return {"ffn_forward", Queue::engine, 0.25, 0.5, {{"update", int64_t{3}}, {"norms", 1.5}, {"phases", "engine"}}};
}

TEST(Trace, IsReadBackAsItWasWritten) {
  const std::vector<TraceSpan> spans = {{"batch", Queue::cpu, 0, 0.125}, some_span()};
  const auto read = parse_trace(trace_json(spans, {"CPU", "engine"}), "t.json");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_THAT(*read, ::testing::ElementsAre(spans[0],
                                            TraceSpan{"ffn_forward",
                                                      Queue::engine,
                                                      0.25,
                                                      0.5,
                                                      {{"norms", 1.5}, {"phases", "engine"}, {"update", int64_t{3}}}}));
}

// The text that Perfetto documents: complete events with microseconds, and metadata events for the names of threads.
TEST(Trace, HasThePublishedFormat) {
  const std::vector<TraceSpan> spans = {some_span()};
  EXPECT_EQ(trace_json(spans, {"CPU (measured)", "engine (measured)"}),
            "{\"displayTimeUnit\":\"ms\",\"traceEvents\":["
            "{\"args\":{\"name\":\"CPU (measured)\"},\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":0},"
            "{\"args\":{\"name\":\"engine (measured)\"},\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1},"
            "{\"args\":{\"norms\":1.5,\"phases\":\"engine\",\"update\":3},\"dur\":500000.0,\"name\":\"ffn_forward\","
            "\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":250000.0}]}\n");
}

TEST(Trace, LeavesOutAQueueWithoutAName) {
  EXPECT_EQ(trace_json({}, {"CPU", ""}).find("\"tid\":1"), std::string::npos);
}

TEST(Trace, RefusesWhatIsNone) {
  EXPECT_EQ(parse_trace("{}", "t.json").error().message, "t.json: no list \"traceEvents\"");
  EXPECT_EQ(parse_trace(R"({"traceEvents":[{"ph":"X","name":"a","tid":2,"ts":0,"dur":1}]})", "t.json").error().message,
            "t.json: tid is 2; expected 0 for the CPU or 1 for the engine");
}

TEST(TraceRecorder, KnowsUpdateAndStepOfASpan) {
  const auto origin = TraceRecorder::Clock::now();
  TraceRecorder recorder(origin, {some_span()});
  recorder.begin_update(4);
  recorder.begin_step(1);
  recorder.record("classifier", Queue::cpu, origin, "norms, classifier");
  recorder.end_steps();
  recorder.record("update", Queue::cpu, origin);
  const auto spans = recorder.spans();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0], some_span());
  EXPECT_EQ(spans[1].start, 0);
  EXPECT_GE(spans[1].seconds, 0);
  EXPECT_THAT(spans[1].arguments, ::testing::ElementsAre(std::pair("update", int64_t{4}), std::pair("step", int64_t{1}),
                                                         std::pair("phases", std::string("norms, classifier"))));
  EXPECT_THAT(spans[2].arguments, ::testing::ElementsAre(std::pair("update", int64_t{4})));
}

TEST(TraceRecorder, TakesSpansOfBothQueuesAtOnce) {
  TraceRecorder recorder(TraceRecorder::Clock::now());
  const auto record = [&](Queue queue) {
    for (int i = 0; i < 1000; ++i) recorder.record("task", queue, recorder.origin());
  };
  std::thread engine([&] { record(Queue::engine); });
  record(Queue::cpu);
  engine.join();
  EXPECT_EQ(recorder.size(), 2000u);
}

}  // namespace
}  // namespace millwright::runtime
