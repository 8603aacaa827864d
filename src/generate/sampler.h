// Picks the next token from a model's logits: temperature, top-k, top-p, or greedily at temperature 0. The choice is a
// pure function of settings, logits and how many tokens were drawn before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace millwright::generate {

struct SamplingSettings {
  double temperature = 0.8;  // 0: always the most likely token
  int64_t top_k = 0;         // only the k most likely tokens; 0: all
  double top_p = 0.95;       // only the most likely tokens that together reach this probability; 1: all
  uint64_t seed = 1;
};

// Ranges; the message names the setting.
Status validate(const SamplingSettings& settings);

class Sampler {
 public:
  // The settings must be valid.
  explicit Sampler(const SamplingSettings& settings);

  // The index of the token taken. Top-k comes first, then top-p of what it left. Of equally likely tokens the one with
  // the smaller index counts as more likely. Fails on logits that are not numbers.
  Result<int32_t> sample(std::span<const float> logits);

 private:
  struct Candidate {
    double weight = 0;  // in proportion to its probability
    int32_t token = 0;
  };
  void keep_most_likely();
  double total_weight() const;

  SamplingSettings settings_;
  RandomStream random_;
  std::vector<Candidate> candidates_;  // kept between calls for its memory
};

}  // namespace millwright::generate
