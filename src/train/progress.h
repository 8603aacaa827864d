// The progress display of a run: one line that overwrites itself on a terminal, plain lines now and then elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace millwright::train {

struct ProgressPoint {
  int64_t update = 0;
  int64_t updates = 0;  // planned
  double loss = 0;
  double tokens_per_second = 0;
  double seconds_left = 0;
};

// "update 120/1000  12%  loss 4.213  8,412 tokens/s  3 min 20 s left"
std::string progress_text(const ProgressPoint& point);
std::string duration_text(double seconds);  // "45 s", "3 min 20 s", "2 h 05 min"
std::string count_text(int64_t value);      // "12,345"

class ProgressDisplay {
 public:
  // A null stream shows nothing.
  ProgressDisplay(std::FILE* stream, bool is_terminal, int width);
  // Looks at the stream itself.
  static ProgressDisplay on(std::FILE* stream);

  // Another process has shown what came before this update, `seconds` after the start.
  void go_on_behind(int64_t update, double seconds);
  // A point of the loop at `now` seconds of a steady clock. A terminal is refreshed up to ten times a second; elsewhere
  // a line is written at update 1, 2, 5, 10, 20, … and at least every ten seconds, and at the last one.
  void show(const ProgressPoint& point, double now);
  // A line that stays, above the progress line.
  void note(std::string_view line);
  // Ends the progress line, so that other output begins on a new one.
  void finish();

 private:
  bool is_due(const ProgressPoint& point, double now) const;
  void erase();

  std::FILE* stream_;
  bool is_terminal_;
  int width_;
  double last_shown_ = -1e9;
  int64_t next_milestone_ = 1;
  std::string line_;  // on the terminal now
};

}  // namespace millwright::train
