// The doors of the train layer: start a run, resume one, evaluate a model. What a run folder holds:
//   run.toml, provenance.json, tokenizer and shards where the run made them, metrics.jsonl, checkpoints/update-000100/
//   …, and at the end loss.svg and report.html.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "device/device.h"
#include "train/train_config.h"

namespace millwright::train {

struct RunOptions {
  // Progress and notes go here; null is silent. Overwrites its line where the stream is a terminal.
  std::FILE* output = stderr;
  // Runs on this device instead of opening config.device.
  device::Device* device = nullptr;
  // What a process left that this one replaces (RunSummary::handover); resume_run goes on from there.
  std::optional<int> handover = {};
  // The timeline of the first updates goes there (run_trace.h); empty: nowhere.
  Path trace = {};
};

struct RunSummary {
  Path run;
  Path checkpoint;              // the newest, complete
  int64_t updates = 0;          // done in the whole run
  int64_t planned_updates = 0;  // of the resolved configuration
  bool interrupted = false;     // by SIGINT or SIGTERM; a checkpoint of the last update was written
  // The engine has no compile budget left for the next update: a process that replaces this one by exec goes on from
  // this descriptor. No checkpoint was written for it.
  std::optional<int> handover = {};
  double loss = 0;                  // mean of the last update's steps
  double validation_loss = 0;       // the last one; NaN where there was none
  double best_validation_loss = 0;  // NaN where there was none
  int64_t best_update = 0;
  double epochs = 0;  // passes over the training text in the whole run
  int64_t parameters = 0;
  int64_t tokens = 0;              // trained on by this process and those that it replaced
  double seconds = 0;              // of training in them
  std::vector<std::string> notes;  // such as a tokenizer smaller than the model
};

// A new run in config.out, which must not hold one already.
Result<RunSummary> start_run(const TrainConfig& config, const RunOptions& options = {});

// The settings of a run folder, e.g. to apply flags to before resume_run.
Result<TrainConfig> run_config(const Path& run);

// Goes on from the newest complete checkpoint, bit for bit as if never interrupted; from the start where there is none.
// `config` is run_config(run), with changes to bookkeeping settings only: others are refused by name, and so are
// changed data and tokenizers.
Result<RunSummary> resume_run(const Path& run, const TrainConfig& config, const RunOptions& options = {});

}  // namespace millwright::train
