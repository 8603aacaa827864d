// Validation of a run: the same batches each time, spread evenly over the validation text.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "text/batches.h"
#include "train/train_config.h"
#include "train/training_session.h"
#include "train/training_text.h"

namespace millwright::train {

// Whether the validation text holds at least one sequence.
bool can_validate(const TrainingText& text, int64_t sequence);

class Validator {
 public:
  static Result<Validator> create(const TrainingText& text, const TrainConfig& config);
  // Mean loss in nats per token.
  Result<double> run(TrainingSession& session) const;
  int64_t batches() const { return batches_; }

 private:
  Validator(text::SequentialBatches source, int64_t batches) : source_(std::move(source)), batches_(batches) {}
  text::SequentialBatches source_;
  int64_t batches_;
};

}  // namespace millwright::train
