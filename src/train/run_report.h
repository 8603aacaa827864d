// What stands at the end of a run: loss.svg, report.html, and the table of a profile.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cpu/executor.h"
#include "runtime/schedule_runner.h"
#include "train/metrics.h"
#include "train/run_preparation.h"
#include "train/trainer.h"

namespace millwright::train {

Status write_run_report(const PreparedRun& run, const RunSummary& summary, const MetricsHistory& history);

// Phases, then the operations that took the most time, one line each.
std::vector<std::string> profile_lines(const std::vector<runtime::PhaseTime>& phases,
                                       std::vector<cpu::ProfileEntry> operations);

}  // namespace millwright::train
