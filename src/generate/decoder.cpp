#include "generate/decoder.h"

#include <algorithm>

#include "base/check.h"
#include "model/llama.h"
#include "model/llama_parameters.h"
#include "model/weights.h"
#include "plan/plan.h"

namespace millwright::generate {
namespace {

Result<runtime::ParameterStore> load_store(const Path& folder, const model::LlamaConfig& config) {
  std::vector<runtime::ParameterSpecification> specifications;
  for (const model::ParameterDescription& parameter : model::parameters(config)) {
    specifications.push_back({parameter.name, parameter.shape, parameter.decay});
  }
  MW_ASSIGN(auto store, runtime::ParameterStore::create(specifications, runtime::StoreContents::weights_only));
  std::vector<std::span<float>> values;
  for (size_t i = 0; i < specifications.size(); ++i) values.push_back(store.master(i));
  MW_TRY(model::load_weights(folder, config, values));
  return store;
}

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::open(const Path& folder, const model::LlamaConfig& config, int64_t capacity,
                                               device::Device& device) {
  MW_CHECK(capacity >= 1 && capacity <= config.sequence_length, "capacity {} of {}", capacity, config.sequence_length);
  MW_ASSIGN(auto store, load_store(folder, config));
  std::unique_ptr<Decoder> decoder(new Decoder(config, capacity, std::move(store)));
  MW_ASSIGN(decoder->single_, decoder->make_program(1, device));
  MW_ASSIGN(decoder->prompt_, decoder->make_program(std::min(kPromptChunk, capacity), device));
  decoder->logits_.resize(static_cast<size_t>(config.vocabulary_size));
  return decoder;
}

Result<Decoder::Program> Decoder::make_program(int64_t chunk, device::Device& device) {
  MW_ASSIGN(auto step, model::build_decode(config_, {.chunk = chunk, .capacity = capacity_}));
  if (caches_.empty()) {
    for (size_t i = 0; i < step.cache_count; ++i) {
      MW_ASSIGN(auto cache, device::Surface::allocate(step.function->inputs()[step.first_cache_input + i]->type()));
      caches_.push_back(std::move(cache));
    }
  }
  std::vector<std::pair<size_t, device::Surface>> bound;
  for (size_t i = 0; i < store_.entries().size(); ++i) {
    bound.emplace_back(step.first_parameter_input + i, store_.master_surface(i));
  }
  for (size_t i = 0; i < caches_.size(); ++i) {
    bound.emplace_back(step.first_cache_input + i, device::Surface::view(caches_[i].type(), caches_[i].data()));
  }
  // The caches alias inputs, so the logits are the one result with a surface of its own, behind those of the inputs.
  Program program{chunk, step.tokens_input, step.position_input, step.function->inputs().size(), nullptr};
  auto plan = plan::whole_function_plan(std::move(step.function), plan::PlanPurpose::inference);
  MW_ASSIGN(program.runner, runtime::ScheduleRunner::create(std::move(plan), device, nullptr, std::move(bound)));
  return program;
}

Status Decoder::feed(std::span<const int32_t> tokens) {
  const auto count = static_cast<int64_t>(tokens.size());
  MW_CHECK(count >= 1 && position_ + count <= capacity_, "{} tokens at position {} of {}", count, position_, capacity_);
  while (!tokens.empty()) {
    const auto remaining = static_cast<int64_t>(tokens.size());
    // A chunk must fit the cache whole, its filling included.
    const bool chunk_fits = remaining > 1 && position_ + prompt_.chunk <= capacity_;
    const int64_t taken = chunk_fits ? std::min(remaining, prompt_.chunk) : 1;
    MW_TRY(evaluate(chunk_fits ? prompt_ : single_, tokens.first(static_cast<size_t>(taken))));
    tokens = tokens.subspan(static_cast<size_t>(taken));
  }
  return {};
}

Status Decoder::evaluate(Program& program, std::span<const int32_t> tokens) {
  for (const int32_t token : tokens) {
    MW_CHECK(token >= 0 && token < config_.vocabulary_size, "token {} of {}", token, config_.vocabulary_size);
  }
  const std::span<int32_t> input = program.runner->surface(program.tokens_surface).as<int32_t>();
  std::ranges::fill(input, 0);
  std::ranges::copy(tokens, input.begin());
  program.runner->surface(program.position_surface).as<int32_t>()[0] = static_cast<int32_t>(position_);
  MW_TRY(program.runner->run_step());
  position_ += static_cast<int64_t>(tokens.size());

  // [1, V, T]: the column of the last real token.
  const std::span<const float> columns = program.runner->surface(program.logits_surface).as<float>();
  const auto stride = static_cast<size_t>(program.chunk);
  for (size_t row = 0; row < logits_.size(); ++row) logits_[row] = columns[row * stride + tokens.size() - 1];
  return {};
}

int64_t Decoder::bytes() const {
  int64_t bytes = store_.bytes() + prompt_.runner->bytes() + single_.runner->bytes();
  for (const device::Surface& cache : caches_) bytes += static_cast<int64_t>(cache.bytes());
  return bytes;
}

}  // namespace millwright::generate
