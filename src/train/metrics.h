// metrics.jsonl: what a run measured, one JSON object per line, appended while it trains. Two kinds of line:
//   {"update":12,"loss":…,"learning_rate":…,"gradient_norm":…,"tokens":…,"seconds":…,"tokens_per_second":…}
//   {"update":100,"validation_loss":…,"perplexity":…}
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace millwright::train {

inline constexpr const char* kMetricsFileName = "metrics.jsonl";

struct UpdateMetrics {
  int64_t update = 0;
  double loss = 0;
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping
  int64_t tokens = 0;        // since update 0
  double seconds = 0;        // of this update
  double tokens_per_second = 0;
};

struct ValidationMetrics {
  int64_t update = 0;
  double loss = 0;
  double perplexity() const;
};

struct MetricsHistory {
  std::vector<UpdateMetrics> updates;
  std::vector<ValidationMetrics> validations;
};

// Lines up to `last_update`. Stops at the first line that is torn or not ours: what a killed process may leave at the
// end.
Result<MetricsHistory> read_metrics(const Path& path, int64_t last_update);

class MetricsWriter {
 public:
  // Keeps the lines of updates 1 … last_update and drops the others, so that a resumed run repeats none; 0 begins anew.
  static Result<MetricsWriter> open(const Path& path, int64_t last_update);

  // Each is one write, so that a killed process leaves at most one torn line.
  Status append(const UpdateMetrics& metrics);
  Status append(const ValidationMetrics& metrics);
  // Down to the disk; before a checkpoint that counts on the lines.
  Status sync();

  const MetricsHistory& history() const { return history_; }

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Status append_line(const std::string& line);

  Path path_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  MetricsHistory history_;
};

}  // namespace millwright::train
