#include "model/llama.h"

#include <array>
#include <numeric>

#include "autodiff/differentiate.h"
#include "base/check.h"
#include "mil/builder.h"
#include "model/llama_forward.h"

namespace millwright::model {
namespace {

using mil::Builder;
using mil::ElementType;
using mil::Literal;
using mil::Type;
using mil::Value;

constexpr const char* kOpset = "ios18";
constexpr int64_t kMaxPositions = int64_t{1} << 24;  // of a batch; with the bounds of a configuration nothing overflows

Status check_shape(const LlamaConfig& config, int64_t batch, int64_t sequence) {
  MW_TRY(validate(config));
  if (batch < 1 || sequence < 1) {
    return fail("batch {} and sequence {}: expected at least 1 of each", batch, sequence);
  }
  if (sequence > config.sequence_length) {
    return fail("a sequence of {} tokens is longer than the model's {} positions; use at most {}", sequence,
                config.sequence_length, config.sequence_length);
  }
  if (batch > kMaxPositions / sequence) {
    return fail("a batch of {} sequences of {} tokens is more than the {} positions of one step", batch, sequence,
                kMaxPositions);
  }
  return {};
}

std::unique_ptr<mil::Function> new_function() { return std::make_unique<mil::Function>("main", kOpset); }

Value* token_input(Builder& b, std::string_view name, int64_t batch, int64_t sequence) {
  return b.input(name, Type::tensor(ElementType::int32, {batch, sequence}));
}

// token_losses [B, S] → their mean, a scalar
Value* mean_loss(Builder& b, Value* token_losses) {
  const Builder::Scope scope(b, "loss");
  return b.reduce("reduce_mean", token_losses, std::array<int64_t, 2>{0, 1}, false, "mean");
}

}  // namespace

Result<TrainingStep> build_training_step(const LlamaConfig& config, const TrainingShape& shape) {
  MW_TRY(check_shape(config, shape.batch, shape.sequence));
  TrainingStep step;
  step.function = new_function();
  Builder b(*step.function);
  LlamaForward forward(b, config, shape.element, shape.batch, shape.sequence);

  Value* tokens = token_input(b, "tokens", shape.batch, shape.sequence);
  Value* targets = token_input(b, "targets", shape.batch, shape.sequence);
  Value* loss_scale = b.input("loss_scale", Type::scalar(shape.element));
  forward.declare_parameters();
  const std::vector<Value*>& weights = forward.parameter_values();
  step.parameter_count = weights.size();
  step.first_gradient_input = step.first_parameter_input + weights.size();
  std::vector<Value*> buffers;
  if (shape.accumulate) {
    for (const Value* weight : weights) buffers.push_back(b.input(weight->name() + "_gradient", weight->type()));
  }

  Value* loss = mean_loss(b, forward.token_losses(forward.logits(tokens, forward.causal_tables()), targets));
  Value* scaled = b.mul(loss, loss_scale, "loss.scaled");
  MW_ASSIGN(std::vector<Value*> gradients, autodiff::differentiate(*step.function, scaled, weights));
  std::vector<Value*> results = {loss};
  for (size_t i = 0; i < gradients.size(); ++i) {
    Value* gradient = gradients[i];
    if (shape.accumulate) {
      gradient = b.add(buffers[i], gradient, "gradients." + weights[i]->name());
      step.function->alias(gradient, buffers[i]);
    }
    results.push_back(gradient);
  }
  step.function->block().set_results(std::move(results));
  return step;
}

Result<Evaluation> build_evaluation(const LlamaConfig& config, const BatchShape& shape) {
  MW_TRY(check_shape(config, shape.batch, shape.sequence));
  Evaluation evaluation;
  evaluation.function = new_function();
  Builder b(*evaluation.function);
  LlamaForward forward(b, config, shape.element, shape.batch, shape.sequence);

  Value* tokens = token_input(b, "tokens", shape.batch, shape.sequence);
  Value* targets = token_input(b, "targets", shape.batch, shape.sequence);
  forward.declare_parameters();
  Value* losses = forward.token_losses(forward.logits(tokens, forward.causal_tables()), targets);
  evaluation.function->block().set_results({mean_loss(b, losses), losses});
  return evaluation;
}

Result<Logits> build_logits(const LlamaConfig& config, const BatchShape& shape) {
  MW_TRY(check_shape(config, shape.batch, shape.sequence));
  Logits logits;
  logits.function = new_function();
  Builder b(*logits.function);
  LlamaForward forward(b, config, shape.element, shape.batch, shape.sequence);

  Value* tokens = token_input(b, "tokens", shape.batch, shape.sequence);
  forward.declare_parameters();
  logits.function->block().set_results({forward.logits(tokens, forward.causal_tables())});
  return logits;
}

namespace {

// Tables of the T positions from `position` on, against all positions of the cache.
PositionTables decode_tables(Builder& b, LlamaForward& forward, Value* positions, int64_t capacity,
                             ElementType element) {
  PositionTables tables;
  const auto [cosine, sine] = forward.rotary_tables(capacity);
  tables.cosine = b.gather(cosine, positions, 1, "rope.cosine_here");
  tables.sine = b.gather(sine, positions, 1, "rope.sine_here");

  const Builder::Scope scope(b, "mask");
  std::vector<int64_t> columns(static_cast<size_t>(capacity));
  std::iota(columns.begin(), columns.end(), 0);
  Value* keys = b.int32_vector(columns);                                            // [capacity]
  Value* queries = b.expand_dims(positions, std::array<int64_t, 1>{1}, "queries");  // [T, 1]
  Value* is_later = b.binary("greater", keys, queries, "is_later");                 // [T, capacity]
  Value* masked = b.scalar(element, kMasked);
  Value* open = b.scalar(element, 0.0);
  tables.mask = b.select(is_later, masked, open, "out");
  return tables;
}

// The cache with the keys or values of the T `positions` stored, [1, Hkv, 1, D, capacity].
Value* store(Builder& b, Value* cache, Value* positions, Value* fresh, std::string_view label) {
  return b.emit("scatter",
                {mil::operand("data", cache), mil::operand("indices", positions), mil::operand("updates", fresh),
                 mil::operand("axis", b.int32(4)), mil::operand("mode", b.text("update"))},
                label);
}

}  // namespace

Result<DecodeStep> build_decode(const LlamaConfig& config, const DecodeShape& shape) {
  MW_TRY(check_shape(config, 1, shape.chunk));
  const int64_t capacity = shape.capacity == 0 ? config.sequence_length : shape.capacity;
  if (capacity < shape.chunk || capacity > config.sequence_length) {
    return fail("a cache of {} positions; expected {} (the chunk) to {} (the model's positions)", capacity, shape.chunk,
                config.sequence_length);
  }
  DecodeStep step;
  step.function = new_function();
  Builder b(*step.function);
  LlamaForward forward(b, config, shape.element, 1, shape.chunk);

  Value* tokens = token_input(b, "tokens", 1, shape.chunk);
  Value* position = b.input("position", Type::scalar(ElementType::int32));
  forward.declare_parameters();
  step.first_cache_input = step.first_parameter_input + forward.parameter_values().size();
  const Type cache_type = Type::tensor(shape.element, {1, config.kv_heads, 1, config.head_dim, capacity});
  std::vector<Value*> caches;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (const char* kind : {"k", "v"}) caches.push_back(b.input(fmt::format("{}_cache_{}", kind, layer), cache_type));
  }
  step.cache_count = caches.size();

  std::vector<int64_t> offsets(static_cast<size_t>(shape.chunk));
  std::iota(offsets.begin(), offsets.end(), 0);
  Value* positions = b.add(b.int32_vector(offsets), position, "positions");  // [T]
  const PositionTables tables = decode_tables(b, forward, positions, capacity, shape.element);

  std::vector<Value*> results(1 + caches.size());
  results[0] = forward.logits(tokens, tables, [&](int64_t layer, KeysAndValues fresh) {
    const auto slot = 2 * static_cast<size_t>(layer);
    Value* keys = store(b, caches[slot], positions, fresh.first, "k_cache");
    Value* values = store(b, caches[slot + 1], positions, fresh.second, "v_cache");
    step.function->alias(keys, caches[slot]);
    step.function->alias(values, caches[slot + 1]);
    results[1 + slot] = keys;
    results[2 + slot] = values;
    return KeysAndValues{keys, values};
  });
  step.function->block().set_results(std::move(results));
  return step;
}

}  // namespace millwright::model
