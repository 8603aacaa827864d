#include "train/validation.h"

#include <algorithm>

namespace millwright::train {

bool can_validate(const TrainingText& text, int64_t sequence) {
  return text.validation.size() > static_cast<size_t>(sequence);
}

Result<Validator> Validator::create(const TrainingText& text, const TrainConfig& config) {
  MW_ASSIGN(auto source, text::SequentialBatches::create(text.validation, config.sequence, config.batch));
  const auto available = static_cast<int64_t>(source.count());
  const int64_t batches = config.validation_batches == 0 ? available : std::min(available, config.validation_batches);
  return Validator(std::move(source), batches);
}

Result<double> Validator::run(TrainingSession& session) const {
  const auto available = static_cast<int64_t>(source_.count());
  return session.validate(batches_, [&](int64_t index, auto tokens, auto targets) {
    source_.fill(static_cast<uint64_t>(index * available / batches_), tokens, targets);
  });
}

}  // namespace millwright::train
