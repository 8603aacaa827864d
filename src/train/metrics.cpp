#include "train/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <system_error>

#include "base/json.h"

namespace millwright::train {

namespace {

constexpr size_t kLargestMetricsFile = size_t{1} << 32;

std::string line_text(const UpdateMetrics& m) {
  return fmt::format(
      "{{\"update\":{},\"loss\":{},\"learning_rate\":{},\"gradient_norm\":{},\"tokens\":{},\"seconds\":{:.6f},"
      "\"tokens_per_second\":{:.1f}}}\n",
      m.update, m.loss, m.learning_rate, m.gradient_norm, m.tokens, m.seconds, m.tokens_per_second);
}

std::string line_text(const ValidationMetrics& m) {
  return fmt::format("{{\"update\":{},\"validation_loss\":{},\"perplexity\":{}}}\n", m.update, m.loss, m.perplexity());
}

Result<UpdateMetrics> parse_update(const Json& object, const std::string& source) {
  UpdateMetrics m;
  MW_ASSIGN(m.update, json_integer(object, "update", source, 0));
  MW_ASSIGN(m.loss, json_number(object, "loss", source));
  MW_ASSIGN(m.learning_rate, json_number(object, "learning_rate", source));
  MW_ASSIGN(m.gradient_norm, json_number(object, "gradient_norm", source));
  MW_ASSIGN(m.tokens, json_integer(object, "tokens", source, 0));
  MW_ASSIGN(m.seconds, json_number(object, "seconds", source));
  MW_ASSIGN(m.tokens_per_second, json_number(object, "tokens_per_second", source));
  return m;
}

Result<ValidationMetrics> parse_validation(const Json& object, const std::string& source) {
  ValidationMetrics m;
  MW_ASSIGN(m.update, json_integer(object, "update", source, 0));
  MW_ASSIGN(m.loss, json_number(object, "validation_loss", source));
  return m;
}

// Adds one line to the history, where it is of an update up to `last_update`.
Status add_line(std::string_view line, const std::string& source, int64_t last_update, MetricsHistory& history) {
  MW_ASSIGN(const Json object, parse_json(line, source));
  if (object.is_object() && object.contains("validation_loss")) {
    MW_ASSIGN(const ValidationMetrics m, parse_validation(object, source));
    if (m.update <= last_update) history.validations.push_back(m);
    return {};
  }
  MW_ASSIGN(const UpdateMetrics m, parse_update(object, source));
  if (m.update <= last_update) history.updates.push_back(m);
  return {};
}

// The lines of a history in the order in which a run writes them: an update, then its validation.
std::string history_text(const MetricsHistory& history) {
  std::string text;
  size_t validation = 0;
  for (const UpdateMetrics& m : history.updates) {
    while (validation < history.validations.size() && history.validations[validation].update < m.update) {
      text += line_text(history.validations[validation++]);
    }
    text += line_text(m);
  }
  while (validation < history.validations.size()) text += line_text(history.validations[validation++]);
  return text;
}

}  // namespace

double ValidationMetrics::perplexity() const { return std::exp(loss); }

Result<MetricsHistory> read_metrics(const Path& path, int64_t last_update) {
  MW_ASSIGN(const std::string text, read_text_file(path, kLargestMetricsFile));
  MetricsHistory history;
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    if (!add_line(std::string_view(text).substr(begin, end - begin), path.string(), last_update, history)) break;
  }
  return history;
}

Result<MetricsWriter> MetricsWriter::open(const Path& path, int64_t last_update) {
  MetricsWriter writer;
  writer.path_ = path;
  std::error_code error;
  if (last_update > 0 && std::filesystem::exists(path, error)) {
    MW_ASSIGN(writer.history_, read_metrics(path, last_update));
  }
  MW_TRY(write_file_atomically(path, history_text(writer.history_)));
  writer.file_.reset(std::fopen(path.c_str(), "ab"));
  if (!writer.file_) return system_error("append to", path, errno);
  return writer;
}

Status MetricsWriter::append_line(const std::string& line) {
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0) {
    return system_error("append to", path_, errno);
  }
  return {};
}

Status MetricsWriter::append(const UpdateMetrics& metrics) {
  MW_TRY(append_line(line_text(metrics)));
  history_.updates.push_back(metrics);
  return {};
}

Status MetricsWriter::append(const ValidationMetrics& metrics) {
  MW_TRY(append_line(line_text(metrics)));
  history_.validations.push_back(metrics);
  return {};
}

Status MetricsWriter::sync() {
  if (fsync(fileno(file_.get())) != 0) return system_error("sync", path_, errno);
  return {};
}

}  // namespace millwright::train
