// Loss and perplexity of a model on text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "device/device.h"

namespace millwright::train {

struct EvaluateOptions {
  Path model = {};  // a model folder, checkpoint or run folder (its newest checkpoint)
  std::vector<std::string> data =
      {};               // text files and folders, or one folder of shards; none: the run's validation text
  Path tokenizer = {};  // empty: the one in the model's folder
  int64_t batch = 8;
  int64_t sequence = 0;  // 0: the model's
  int64_t batches = 0;   // 0: all of the text
  std::string device = "cpu";
};

struct Evaluation {
  double loss = 0;  // nats per token
  double perplexity = 0;
  int64_t tokens = 0;
  Path model;  // the folder that was read
};

// Fails on fewer tokens than one sequence.
Result<Evaluation> evaluate(const EvaluateOptions& options);

}  // namespace millwright::train
