#include "runtime/update_pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/parallel.h"
#include "cpu/kernels/adamw.h"

namespace millwright::runtime {

namespace {

// 256 KiB of each of the four arrays: a chunk stays in the second-level cache between the sweep and the clearing, and a
// layer of a small model still gives several chunks.
constexpr size_t kChunkElements = size_t{1} << 16;

struct Chunk {
  size_t entry;
  size_t begin;
  size_t count;
};

std::vector<Chunk> cut_into_chunks(const ParameterStore& store) {
  std::vector<Chunk> chunks;
  for (size_t entry = 0; entry < store.entries().size(); ++entry) {
    const size_t count = store.entries()[entry].count;
    for (size_t begin = 0; begin < count; begin += kChunkElements) {
      chunks.push_back({entry, begin, std::min(kChunkElements, count - begin)});
    }
  }
  return chunks;
}

tl::unexpected<Error> non_finite_gradient(const ParameterStore& store, int64_t update) {
  for (size_t i = 0; i < store.entries().size(); ++i) {
    for (const float value : store.gradient(i)) {
      if (std::isfinite(value)) continue;
      return fail(ErrorKind::numeric,
                  "update {}: the gradient of {} is {}; try a lower learning rate or a smaller clip", update,
                  store.entries()[i].name, std::isnan(value) ? "NaN" : "infinite");
    }
  }
  return fail(ErrorKind::numeric, "update {}: the gradient norm is infinite; try a lower learning rate", update);
}

}  // namespace

double gradient_norm(const ParameterStore& store) {
  double sum = 0;
  for (size_t i = 0; i < store.entries().size(); ++i) {
    const auto gradient = store.gradient(i);
    sum += cpu::sum_of_squares(gradient.data(), static_cast<int64_t>(gradient.size()));
  }
  return std::sqrt(sum);
}

Result<UpdateReport> update_pass(ParameterStore& store, const UpdateSettings& settings) {
  UpdateReport report;
  report.gradient_norm = gradient_norm(store) * settings.gradient_scale;
  if (!std::isfinite(report.gradient_norm)) return non_finite_gradient(store, settings.update);
  if (settings.clip > 0 && report.gradient_norm > settings.clip) {
    report.clip_factor = settings.clip / report.gradient_norm;
  }

  const cpu::AdamWStep plain =
      cpu::with_bias_corrections({.learning_rate = settings.learning_rate,
                                  .beta1 = settings.beta1,
                                  .beta2 = settings.beta2,
                                  .epsilon = settings.epsilon,
                                  .weight_decay = 0,
                                  .gradient_scale = report.clip_factor * settings.gradient_scale},
                                 settings.update);
  cpu::AdamWStep decaying = plain;
  decaying.weight_decay = settings.weight_decay;

  const std::vector<Chunk> chunks = cut_into_chunks(store);
  parallel_for(static_cast<int64_t>(chunks.size()), [&](int64_t index) {
    const Chunk& chunk = chunks[static_cast<size_t>(index)];
    float* gradient = store.gradient(chunk.entry).data() + chunk.begin;
    cpu::adamw_update(store.entries()[chunk.entry].decay ? decaying : plain, gradient,
                      store.master(chunk.entry).data() + chunk.begin,
                      store.first_moment(chunk.entry).data() + chunk.begin,
                      store.second_moment(chunk.entry).data() + chunk.begin, static_cast<int64_t>(chunk.count));
    if (settings.clear_gradients) std::memset(gradient, 0, chunk.count * sizeof(float));
  });
  return report;
}

}  // namespace millwright::runtime
