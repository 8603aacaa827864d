#include "train/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/progress.h"
#include "train/report.h"

namespace millwright::train {

namespace {

constexpr size_t kMostOperations = 40;  // lines of the profile; what follows is a small part of the time

std::string loss_text(double loss) {
  return std::isfinite(loss) ? fmt::format("{:.4f} (perplexity {:.2f})", loss, std::exp(loss)) : "none";
}

// Of the updates of every process that had a part in the run, as it measured them; without validations and checkpoints.
double update_seconds(const MetricsHistory& history) {
  double seconds = 0;
  for (const UpdateMetrics& update : history.updates) seconds += update.seconds;
  return seconds;
}

std::vector<ReportRow> summary_rows(const PreparedRun& run, const RunSummary& summary, const MetricsHistory& history) {
  std::vector<ReportRow> rows = {
      {"updates", fmt::format("{} of {}", count_text(summary.updates), count_text(summary.planned_updates))},
      {"parameters", count_text(summary.parameters)},
      {"tokens per update", count_text(run.session->tokens_per_update())},
      {"passes over the training text", fmt::format("{:.3g}", summary.epochs)},
      {"training loss", loss_text(summary.loss)},
      {"validation loss", loss_text(summary.validation_loss)},
      {"best validation loss",
       std::isfinite(summary.best_validation_loss)
           ? fmt::format("{} at update {}", loss_text(summary.best_validation_loss), count_text(summary.best_update))
           : "none"}};
  const double seconds = update_seconds(history);
  if (seconds > 0) {
    const auto tokens = static_cast<double>(history.updates.back().tokens);
    rows.push_back({"time of the updates", duration_text(seconds)});
    rows.push_back({"tokens/s", count_text(std::llround(tokens / seconds))});
  }
  return rows;
}

}  // namespace

Status write_run_report(const PreparedRun& run, const RunSummary& summary, const MetricsHistory& history) {
  Report report;
  report.title = fmt::format("Training run {}", run.folder.lexically_normal().filename().string());
  report.summary = summary_rows(run, summary, history);
  for (const Setting& setting : settings()) {
    report.configuration.push_back({std::string(setting.key), value_text(setting, run.config)});
  }
  const Provenance& p = run.provenance;
  report.provenance = {{"Millwright", p.version},
                       {"seed", fmt::format("{}", p.seed)},
                       {"data", p.data_hash},
                       {"training tokens", count_text(p.train_tokens)},
                       {"validation tokens", count_text(p.validation_tokens)},
                       {"tokenizer", fmt::format("{} ({} tokens)", p.tokenizer_hash, count_text(p.tokenizer_size))}};
  MW_TRY(write_file_atomically(run.folder / kLossCurveFileName, loss_curve_svg(history)));
  return write_file_atomically(run.folder / kReportFileName, report_html(report, history));
}

std::vector<std::string> profile_lines(const std::vector<runtime::PhaseTime>& phases,
                                       std::vector<cpu::ProfileEntry> operations) {
  std::vector<std::string> lines = {fmt::format("{:<48} {:>8} {:>10} {:>8}", "phase", "calls", "ms/call", "seconds")};
  for (const runtime::PhaseTime& phase : phases) {
    const double calls = static_cast<double>(std::max<int64_t>(phase.calls, 1));
    lines.push_back(fmt::format("{:<48} {:>8} {:>10.3f} {:>8.2f}", phase.name, phase.calls, 1e3 * phase.seconds / calls,
                                phase.seconds));
  }
  std::sort(operations.begin(), operations.end(), [](const auto& a, const auto& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.label < b.label;
  });
  if (!operations.empty()) {
    lines.push_back(fmt::format("{:<48} {:<20} {:>8} {:>10} {:>9} {:>7}", "operation", "kernel", "calls", "ms/call",
                                "GFLOP/s", "GB/s"));
  }
  for (size_t i = 0; i < std::min(operations.size(), kMostOperations); ++i) {
    const cpu::ProfileEntry& entry = operations[i];
    const double seconds = entry.seconds / static_cast<double>(std::max<int64_t>(entry.calls, 1));
    const double rate = seconds > 0 ? 1e-9 / seconds : 0;
    lines.push_back(fmt::format("{:<48} {:<20} {:>8} {:>10.3f} {:>9.1f} {:>7.1f}", entry.label, entry.kernel,
                                entry.calls, 1e3 * seconds, rate * entry.flops, rate * entry.bytes));
  }
  return lines;
}

}  // namespace millwright::train
