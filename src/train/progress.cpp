#include "train/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/terminal.h"

namespace millwright::train {

namespace {

constexpr double kTerminalInterval = 0.1;  // seconds
constexpr double kPlainInterval = 10.0;

// 1, 2, 5, 10, 20, 50, …
int64_t milestone_after(int64_t update) {
  int64_t decade = 1;
  while (true) {
    for (const int64_t factor : {1, 2, 5}) {
      if (factor * decade > update) return factor * decade;
    }
    decade *= 10;
  }
}

}  // namespace

std::string count_text(int64_t value) {
  std::string digits = fmt::format("{}", value < 0 ? -value : value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return value < 0 ? "-" + digits : digits;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::clamp(seconds, 0.0, 1e9)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string progress_text(const ProgressPoint& point) {
  const int64_t percent = point.updates > 0 ? 100 * point.update / point.updates : 0;
  return fmt::format("update {}/{}  {}%  loss {:.3f}  {} tokens/s  {} left", point.update, point.updates, percent,
                     point.loss, count_text(std::llround(point.tokens_per_second)), duration_text(point.seconds_left));
}

ProgressDisplay::ProgressDisplay(std::FILE* stream, bool is_terminal, int width)
    : stream_(stream), is_terminal_(is_terminal), width_(std::max(width, 20)) {}

ProgressDisplay ProgressDisplay::on(std::FILE* stream) {
  const bool is_terminal = (stream == stderr && stderr_is_terminal()) || (stream == stdout && stdout_is_terminal());
  return ProgressDisplay(stream, is_terminal, is_terminal ? terminal_width() : 80);
}

bool ProgressDisplay::is_due(const ProgressPoint& point, double now) const {
  if (point.update == point.updates) return true;
  if (is_terminal_) return now - last_shown_ >= kTerminalInterval;
  return point.update >= next_milestone_ || now - last_shown_ >= kPlainInterval;
}

void ProgressDisplay::go_on_behind(int64_t update, double seconds) {
  next_milestone_ = milestone_after(update);
  last_shown_ = seconds;
}

void ProgressDisplay::show(const ProgressPoint& point, double now) {
  if (stream_ == nullptr || !is_due(point, now)) return;
  last_shown_ = now;
  next_milestone_ = milestone_after(point.update);
  std::string text = progress_text(point);
  if (is_terminal_) {
    erase();
    // One column stays free: a full line would wrap and could not be overwritten.
    line_ = text.substr(0, static_cast<size_t>(width_ - 1));
    std::fputs(line_.c_str(), stream_);
  } else {
    std::fputs((text + "\n").c_str(), stream_);
  }
  std::fflush(stream_);
}

void ProgressDisplay::note(std::string_view line) {
  if (stream_ == nullptr) return;
  const std::string shown = line_;
  erase();
  std::fputs((std::string(line) + "\n" + shown).c_str(), stream_);
  std::fflush(stream_);
  line_ = shown;
}

void ProgressDisplay::finish() {
  if (line_.empty()) return;
  std::fputc('\n', stream_);
  std::fflush(stream_);
  line_.clear();
}

void ProgressDisplay::erase() {
  if (line_.empty()) return;
  std::fputs(("\r" + std::string(line_.size(), ' ') + "\r").c_str(), stream_);
  line_.clear();
}

}  // namespace millwright::train
