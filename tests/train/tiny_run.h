// A run that takes a second: a model of a few thousand weights on a few pages of made-up sentences.
#pragma once

#include <filesystem>
#include <string>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "train/train_config.h"

namespace millwright::train {

// Sentences of a small grammar, a pure function of the seed.
inline std::string made_up_text(uint64_t seed, int sentences) {
  static const char* const subjects[] = {"The miller", "A quiet river", "Her brother", "The old wheel", "My neighbour"};
  static const char* const verbs[] = {"turned", "watched", "carried", "remembered", "found", "measured"};
  static const char* const objects[] = {"the grain", "a heavy stone", "the morning light", "an open door", "the road"};
  RandomStream random(seed);
  std::string text;
  for (int i = 0; i < sentences; ++i) {
    text += std::string(subjects[random.below(5)]) + " " + verbs[random.below(6)] + " " + objects[random.below(5)] +
            (random.below(4) == 0 ? ".\n" : ". ");
  }
  return text;
}

inline TrainConfig tiny_run_on(const std::string& book, const std::filesystem::path& run) {
  TrainConfig config;
  config.model = "stories260k";
  config.dim = 16;
  config.hidden_dim = 24;
  config.layers = 1;
  config.heads = 2;
  config.kv_heads = 1;
  config.vocabulary = 300;
  config.sequence = 16;
  config.data = {book};
  config.batch = 2;
  config.steps = 12;
  config.learning_rate = 0.01;
  config.warmup = 2;
  config.validation_every = 4;
  config.validation_batches = 2;
  config.checkpoint_every = 4;
  config.out = run.string();
  return config;
}

// On a text of its own, in the folder "run".
inline TrainConfig tiny_run(const TemporaryFolder& folder) {
  return tiny_run_on(folder.write("book.txt", made_up_text(1, 600)).string(), folder / "run");
}

}  // namespace millwright::train
