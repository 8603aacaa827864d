// TrainingSession: a model with its parameter store and its plans on one device. It computes updates and validation
// losses; the loop around it (trainer.h), text and files are not its business.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "device/device.h"
#include "model/llama_config.h"
#include "plan/pipeline.h"
#include "runtime/parameter_store.h"
#include "runtime/schedule_runner.h"
#include "runtime/update_pass.h"
#include "train/loss_scale.h"

namespace millwright::train {

struct SessionOptions {
  int64_t batch = 1;     // sequences per step
  int64_t sequence = 1;  // tokens per sequence
  int64_t accumulate = 1;
  bool training = true;    // can update; else only validate
  bool validation = true;  // can validate
  bool profile = false;
  // Trains on an engine by this pipeline (plan/pipeline.h); empty: the device runs the whole step.
  std::string pipeline = {};
  plan::Attention attention = plan::Attention::fused;
  // What the loss is multiplied with before the backward pass; the update divides by it. 0: 1 without a pipeline, and
  // on an engine a scale that follows head-room.
  double loss_scale = 0;
};

// Fills tokens and targets, both [batch, sequence], of batch number `index`.
using FillBatch = FunctionRef<void(int64_t index, std::span<int32_t> tokens, std::span<int32_t> targets)>;

struct UpdateResult {
  double loss = 0;  // mean over the steps, with the weights before the update
  double gradient_norm = 0;
};

class TrainingSession {
 public:
  // The device must outlive the session. With a pipeline it is the engine, which runs its programs; the CPU runs what
  // stands between them, and validates.
  static Result<std::unique_ptr<TrainingSession>> create(const model::LlamaConfig& config,
                                                         const SessionOptions& options, device::Device& device);

  // Initial weights, zero moments: the state before update 1.
  void initialize(uint64_t seed);

  // With an engine an update whose gradients overflow is not applied: its steps are taken again with a smaller scale.
  // One update of `accumulate` steps on batches 0 … accumulate - 1 of `fill`. Weights and moments stay as they were
  // where it fails: on a loss or gradient that is not finite, on an interrupt between two steps, and, with
  // ErrorKind::exhausted, where the engine has no compile budget left for it.
  Result<UpdateResult> update(const runtime::UpdateSettings& settings, FillBatch fill);

  // The mean loss over `batches` batches. Stops at an interrupt between two batches.
  Result<double> validate(int64_t batches, FillBatch fill);

  runtime::ParameterStore& store() { return store_; }
  // Part of the state of a run, as weights and moments are.
  const LossScale& loss_scale() const { return loss_scale_; }
  void set_loss_scale(double scale, int64_t quiet);
  const model::LlamaConfig& config() const { return config_; }
  const SessionOptions& options() const { return options_; }
  int64_t tokens_per_update() const { return options_.batch * options_.sequence * options_.accumulate; }

  // Batches and tasks of training leave spans there from now on; null: none do.
  void record_into(runtime::TraceRecorder* trace);

  std::vector<runtime::PhaseTime> phases() const;  // of training
  std::vector<cpu::ProfileEntry> profile() const;  // of training
  int64_t bytes() const;                           // store, surfaces, executables

 private:
  TrainingSession(const model::LlamaConfig& config, const SessionOptions& options, runtime::ParameterStore store)
      : config_(config), options_(options), store_(std::move(store)) {}
  Status build_training(device::Device& device);
  Status build_pipeline(device::Device& engine);
  Status build_validation(device::Device& device);
  Result<double> run_steps(int64_t update, FillBatch fill);
  int64_t steps_per_update() const { return options_.accumulate * (options_.pipeline.empty() ? 1 : options_.batch); }

  model::LlamaConfig config_;
  SessionOptions options_;
  runtime::ParameterStore store_;
  LossScale loss_scale_;
  runtime::TraceRecorder* trace_ = nullptr;
  std::unique_ptr<device::Device> cpu_;  // beside an engine
  std::unique_ptr<runtime::ScheduleRunner> training_;
  std::unique_ptr<runtime::ScheduleRunner> validation_;
  // Surfaces of the training plan, then of the validation plan.
  size_t tokens_ = 0;
  size_t targets_ = 0;
  size_t loss_ = 0;
  size_t loss_scale_surface_ = 0;
  size_t validation_tokens_ = 0;
  size_t validation_targets_ = 0;
  size_t validation_loss_ = 0;
};

}  // namespace millwright::train
