// What stands before update 1: the run folder with its resolved settings, tokenizer, shards and model configuration. A
// process that is killed in between leaves a folder that is prepared again from its run.toml.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "device/device.h"
#include "text/batches.h"
#include "train/provenance.h"
#include "train/train_config.h"
#include "train/training_session.h"
#include "train/training_text.h"

namespace millwright::train {

struct PreparedRun {
  Path folder;
  TrainConfig config;  // resolved: steps, vocabulary and sequence are known
  TrainingText text;
  Provenance provenance;
  std::unique_ptr<TrainingSession> session;  // weights not yet set
  std::vector<std::string> notes;
};

// Prepares the folder from `config` (paths made absolute), or opens it where that is done already; then the text must
// still be what it was.
Result<PreparedRun> prepare_run(const Path& run, const TrainConfig& config, device::Device& device);

// What the parts of a run cost, measured.
struct Pace {
  double seconds_per_update = 0;
  double seconds_per_validation = 0;  // 0 without validation
  double seconds_per_checkpoint = 0;
};
// Updates that fit into `seconds`, at least 1, with the validations and checkpoints that the configuration asks for.
int64_t updates_within(double seconds, const Pace& pace, const TrainConfig& config);

}  // namespace millwright::train
