#include "generate/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace millwright::generate {
namespace {

// Streams of one seed are independent: this one is the sampler's.
constexpr uint64_t kSamplingStream = 0x5A3F1E;

// In [0, 1), 53 bits: 24 would miss rare tokens of a large vocabulary.
double uniform(RandomStream& random) { return static_cast<double>(random.next_u64() >> 11) * 0x1p-53; }

}  // namespace

Status validate(const SamplingSettings& settings) {
  if (!(settings.temperature >= 0) || !std::isfinite(settings.temperature)) {
    return fail("temperature {}: expected a number from 0 (greedy) up", settings.temperature);
  }
  if (settings.top_k < 0) return fail("top-k {}: expected 0 (all tokens) or more", settings.top_k);
  if (!(settings.top_p > 0) || settings.top_p > 1) {
    return fail("top-p {}: expected a probability above 0, at most 1 (all tokens)", settings.top_p);
  }
  return {};
}

Sampler::Sampler(const SamplingSettings& settings) : settings_(settings), random_(settings.seed, kSamplingStream) {
  MW_CHECK(validate(settings), "{}", validate(settings).error().message);
}

Result<int32_t> Sampler::sample(std::span<const float> logits) {
  MW_CHECK(!logits.empty(), "no logits to sample from");
  const auto not_finite = std::ranges::find_if_not(logits, [](float logit) { return std::isfinite(logit); });
  if (not_finite != logits.end()) {
    return fail(ErrorKind::numeric,
                "the model gives {} for token {}: its weights are damaged or it was trained into NaN; use an earlier "
                "checkpoint",
                *not_finite, not_finite - logits.begin());
  }
  const auto largest = std::ranges::max_element(logits);
  if (settings_.temperature == 0) return static_cast<int32_t>(largest - logits.begin());

  candidates_.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const double distance = static_cast<double>(logits[i]) - static_cast<double>(*largest);
    candidates_[i] = {std::exp(distance / settings_.temperature), static_cast<int32_t>(i)};
  }
  keep_most_likely();

  double remaining = uniform(random_) * total_weight();
  for (const Candidate& candidate : candidates_) {
    remaining -= candidate.weight;
    if (remaining < 0) return candidate.token;
  }
  // Rounding can leave a last crumb: the last token that could have been drawn takes it.
  const auto last = std::ranges::find_if(candidates_.rbegin(), candidates_.rend(),
                                         [](const Candidate& candidate) { return candidate.weight > 0; });
  return last->token;
}

double Sampler::total_weight() const {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  return total;
}

// Takes the most likely candidates off a heap until enough are there: far fewer steps than sorting a vocabulary.
void Sampler::keep_most_likely() {
  const size_t count = candidates_.size();
  const size_t top_k = settings_.top_k == 0 ? count : std::min(count, static_cast<size_t>(settings_.top_k));
  if (top_k == count && settings_.top_p >= 1) return;

  const auto less_likely = [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.token > b.token;
  };
  // pop_heap moves the most likely candidate behind the heap: the kept ones end up last, the most likely at the end.
  std::ranges::make_heap(candidates_, less_likely);
  auto heap_end = candidates_.end();
  for (size_t i = 0; i < top_k; ++i) std::ranges::pop_heap(candidates_.begin(), heap_end--, less_likely);
  candidates_.erase(candidates_.begin(), heap_end);
  std::ranges::reverse(candidates_);
  if (settings_.top_p >= 1) return;

  const double wanted = settings_.top_p * total_weight();
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || sum < wanted)) sum += candidates_[kept++].weight;
  candidates_.resize(kept);
}

}  // namespace millwright::generate
