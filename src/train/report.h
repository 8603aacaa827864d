// What a run leaves for people: the loss curve as SVG, and a self-contained HTML page around it.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "train/metrics.h"

namespace millwright::train {

inline constexpr const char* kLossCurveFileName = "loss.svg";
inline constexpr const char* kReportFileName = "report.html";

// Training loss (raw and smoothed) and validation loss over updates.
std::string loss_curve_svg(const MetricsHistory& history);

struct ReportRow {
  std::string name;
  std::string value;
};
struct Report {
  std::string title;
  std::vector<ReportRow> summary;        // loss, perplexity, speed, …
  std::vector<ReportRow> configuration;  // every setting
  std::vector<ReportRow> provenance;     // version, seed, hashes
};
std::string report_html(const Report& report, const MetricsHistory& history);

}  // namespace millwright::train
