// A corpus and settings so small that a run of the built command takes a fraction of a second.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "apps/command.h"
#include "base/random.h"

namespace millwright::app {

// English enough for a tokenizer: sentences of a few words, the same in every test.
inline std::string tiny_text(int sentences) {
  static const char* const kWords[] = {"the",  "sea",   "ship",  "saw",   "a",     "whale",   "captain", "and",
                                       "long", "white", "water", "under", "light", "morning", "came",    "of"};
  RandomStream random(5);
  std::string text;
  for (int i = 0; i < sentences; ++i) {
    const uint64_t length = 4 + random.below(8);
    for (uint64_t word = 0; word < length; ++word) {
      text += kWords[random.below(std::size(kWords))];
      text += word + 1 == length ? ".\n" : " ";
    }
  }
  return text;
}

// A folder with text and what the tests train from it.
class TinyRun {
 public:
  TinyRun() { folder_.write("text.txt", tiny_text(300)); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  const TemporaryFolder& folder() const { return folder_; }

  // The arguments of a run into `out`. Of `more`, --data replaces the text and other flags the settings here.
  Arguments train(const std::string& out, const Arguments& more = {}) const {
    Arguments arguments = {"train", "--out", path(out), "--vocabulary", "320", "--dim", "16", "--hidden-dim", "32"};
    const Arguments shape = {"--layers", "1", "--heads", "2", "--kv-heads", "1", "--sequence", "16", "--batch", "2"};
    const Arguments length = {"--steps", "12", "--checkpoint-every", "4", "--threads", "1"};
    const Arguments data = {"--data", path("text.txt")};
    const bool own_data = std::find(more.begin(), more.end(), "--data") != more.end();
    for (const Arguments& part : {shape, length, own_data ? Arguments() : data, more}) {
      arguments.insert(arguments.end(), part.begin(), part.end());
    }
    return arguments;
  }

  void train_successfully(const std::string& out, const Arguments& more = {}) const {
    const Outcome outcome = run(train(out, more));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }

  std::string file(const std::string& name) const { return read_whole_file(folder_ / name); }

 private:
  TemporaryFolder folder_;
};

}  // namespace millwright::app
