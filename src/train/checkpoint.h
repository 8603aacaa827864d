// Checkpoints: one folder per checkpoint under RUN/checkpoints, complete or absent. Each is a model folder that other
// tools read (model.safetensors, config.json, tokenizer) with the optimizer's state beside it:
//   optimizer.safetensors  both moments of every parameter
//   state.json             where the run stood, and size and hash of every other file
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/llama_config.h"
#include "runtime/parameter_store.h"

namespace millwright::train {

inline constexpr const char* kCheckpointsFolderName = "checkpoints";
inline constexpr const char* kStateFileName = "state.json";
inline constexpr const char* kOptimizerFileName = "optimizer.safetensors";
inline constexpr const char* kTokenizerFileName = "tokenizer.model";

struct CheckpointFile {
  std::string name;  // inside the checkpoint's folder
  int64_t bytes = 0;
  std::string hash;
};

struct CheckpointState {
  int64_t update = 0;    // updates done
  int64_t position = 0;  // steps done: the next one takes batch number `position`
  int64_t tokens = 0;    // trained on since update 0
  double loss = 0;       // of the last update
  // Of the weights in this checkpoint; absent where they were not validated (a run that was interrupted).
  std::optional<double> validation_loss;
  // Of the run so far; absent before the first validation.
  std::optional<double> best_validation_loss;
  int64_t best_update = 0;
  // Of a run on an engine; absent where it never changes.
  std::optional<double> loss_scale;
  int64_t quiet_updates = 0;  // LossScale::quiet
  int64_t seed = 0;
  std::string data_hash;
  std::string tokenizer_hash;
  std::string version;  // of Millwright
  std::vector<CheckpointFile> files;
};

// Writes RUN/checkpoints/update-000123 from the store and a copy of the tokenizer's file; `state.files` is filled in.
// Replaces a folder of that name. Returns its path. After any failure nothing of it remains.
Result<Path> write_checkpoint(const Path& run, CheckpointState state, const model::LlamaConfig& config,
                              const Path& tokenizer, const runtime::ParameterStore& store);

// Replaces the state of a complete checkpoint by one with the same files, such as after a validation of its weights.
Status replace_checkpoint_state(const Path& checkpoint, const CheckpointState& state);

// Masters and moments of a checkpoint into the store. The checkpoint must be of this configuration.
Status load_checkpoint(const Path& checkpoint, const model::LlamaConfig& config, runtime::ParameterStore& store);

// state.json alone: shape and ranges checked, the other files not looked at.
Result<CheckpointState> read_checkpoint_state(const Path& checkpoint);
Result<CheckpointState> parse_checkpoint_state(std::string_view json, const std::string& source);
// The same of a state that belongs to no folder: it may list no files.
Result<CheckpointState> parse_run_state(std::string_view json, const std::string& source);
std::string checkpoint_state_text(const CheckpointState& state);

// Reads state.json and compares size and hash of every file.
Result<CheckpointState> verify_checkpoint(const Path& checkpoint);

struct FoundCheckpoint {
  Path path;
  CheckpointState state;
};
struct CheckpointSearch {
  std::optional<FoundCheckpoint> found;
  // Checkpoints that would have come first but are not complete, and one line to warn of each.
  std::vector<Path> damaged;
  std::vector<std::string> warnings;
};
// The newest complete one of a run.
Result<CheckpointSearch> find_latest_checkpoint(const Path& run);
// The complete one with the lowest validation loss; the newest where none has been validated.
Result<CheckpointSearch> find_best_checkpoint(const Path& run);

// The folder with config.json and weights that a user means by `path`: itself, or a run's newest checkpoint.
Result<Path> resolve_model_folder(const Path& path);

// Renames a damaged checkpoint to damaged-update-000123, so that it is looked at no more.
Status set_aside(const Path& checkpoint);

// Removes all but the newest `keep_last` and the best one, and leftovers of interrupted writing and removing. Call it
// from the one process that trains in this run.
Status prune_checkpoints(const Path& run, int64_t keep_last);

}  // namespace millwright::train
