#include "train/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace millwright::train {
namespace {

// A stream that keeps what was written.
class Recording {
 public:
  Recording() : file_(open_memstream(&text_, &size_)) {}
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() {
    std::fclose(file_);
    std::free(text_);
  }
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* file_;
};

ProgressPoint point(int64_t update, int64_t updates = 1000) {
  return {.update = update, .updates = updates, .loss = 4.2134, .tokens_per_second = 8412.4, .seconds_left = 200};
}

TEST(ProgressText, SaysWhereTheRunStands) {
  EXPECT_EQ(progress_text(point(120)), "update 120/1000  12%  loss 4.213  8,412 tokens/s  3 min 20 s left");
}

TEST(DurationText, UsesTheTwoLargestUnits) {
  EXPECT_EQ(duration_text(44.6), "45 s");
  EXPECT_EQ(duration_text(60), "1 min 00 s");
  EXPECT_EQ(duration_text(7500), "2 h 05 min");
}

TEST(CountText, GroupsDigitsByThree) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(count_text(-1234), "-1,234");
}

TEST(ProgressDisplay, WritesPlainLinesNowAndThen) {
  Recording recording;
  ProgressDisplay display(recording.file(), false, 80);
  for (int64_t update = 1; update <= 12; ++update) display.show(point(update, 12), 0.1 * static_cast<double>(update));
  display.finish();
  std::string expected;
  for (const int64_t update : {1, 2, 5, 10, 12}) expected += progress_text(point(update, 12)) + "\n";
  EXPECT_EQ(recording.text(), expected);
}

TEST(ProgressDisplay, WritesAPlainLineAtLeastEveryTenSeconds) {
  Recording recording;
  ProgressDisplay display(recording.file(), false, 80);
  display.show(point(100), 0);
  display.show(point(101), 9);
  display.show(point(102), 10);
  EXPECT_EQ(recording.text(), progress_text(point(100)) + "\n" + progress_text(point(102)) + "\n");
}

TEST(ProgressDisplay, OverwritesItsLineOnATerminal) {
  Recording recording;
  ProgressDisplay display(recording.file(), true, 200);
  display.show(point(1), 0);
  display.show(point(2), 0.05);  // too soon
  display.show(point(3), 0.2);
  display.finish();
  const std::string first = progress_text(point(1));
  EXPECT_EQ(recording.text(), first + "\r" + std::string(first.size(), ' ') + "\r" + progress_text(point(3)) + "\n");
}

TEST(ProgressDisplay, CutsItsLineToTheTerminal) {
  Recording recording;
  ProgressDisplay display(recording.file(), true, 30);
  display.show(point(1), 0);
  EXPECT_EQ(recording.text(), progress_text(point(1)).substr(0, 29));
}

TEST(ProgressDisplay, PutsNotesAboveItsLine) {
  Recording recording;
  ProgressDisplay display(recording.file(), true, 200);
  display.show(point(1), 0);
  display.note("saved");
  const std::string line = progress_text(point(1));
  EXPECT_EQ(recording.text(), line + "\r" + std::string(line.size(), ' ') + "\rsaved\n" + line);
}

TEST(ProgressDisplay, IsSilentWithoutAStream) {
  ProgressDisplay display(nullptr, true, 80);
  display.show(point(1), 0);
  display.note("saved");
  display.finish();
}

}  // namespace
}  // namespace millwright::train
