#include "model/llama.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"
#include "model/run_function.h"

namespace millwright::model {
namespace {

// Two query heads per key-value head, heads wider than dim / heads.
LlamaConfig tiny_config() {
  LlamaConfig config;
  config.vocabulary_size = 11;
  config.dim = 8;
  config.hidden_dim = 12;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 6;
  config.sequence_length = 10;
  return config;
}

Numbers random_ids(const LlamaConfig& config, int64_t count, uint64_t seed) {
  RandomStream random(seed);
  Numbers ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<double>(random.below(static_cast<uint64_t>(config.vocabulary_size))));
  }
  return ids;
}

// Weights wide enough that every path matters.
Tensors random_parameters(const LlamaConfig& config) {
  RandomStream random(5);
  Tensors tensors;
  for (const ParameterDescription& parameter : parameters(config)) {
    Numbers& values = tensors.emplace_back();
    const double spread = parameter.kind == ParameterDescription::Kind::norm
                              ? 0.2
                              : 1.0 / std::sqrt(static_cast<double>(parameter.shape[1]));
    const double mean = parameter.kind == ParameterDescription::Kind::norm ? 1.0 : 0.0;
    for (int64_t i = 0; i < parameter.count(); ++i) values.push_back(mean + spread * double{random.normal()});
  }
  return tensors;
}

Tensors joined(Tensors first, const Tensors& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string input_names(const mil::Function& function) {
  std::string names;
  for (const auto& input : function.inputs()) {
    names += fmt::format("{} {}\n", input->name(), mil::type_text(input->type()));
  }
  return names;
}

void expect_near(const Numbers& actual, const Numbers& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(actual[i], expected[i], tolerance) << what << " " << i;
}

// Double precision with sums of at most a hundred terms of size about one.
constexpr double kDoubleTolerance = 1e-11;

TEST(TrainingStep, TakesItsInputsInTheDocumentedOrder) {
  LlamaConfig config = tiny_config();
  config.layers = 1;
  config.tie_embeddings = false;
  const auto step = build_training_step(config, {2, 5});
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_EQ(input_names(*step->function),
            "tokens tensor<int32, [2, 5]>\n"
            "targets tensor<int32, [2, 5]>\n"
            "loss_scale fp32\n"
            "model_embed_tokens_weight tensor<fp32, [11, 8]>\n"
            "model_layers_0_input_layernorm_weight tensor<fp32, [8]>\n"
            "model_layers_0_self_attn_q_proj_weight tensor<fp32, [24, 8]>\n"
            "model_layers_0_self_attn_k_proj_weight tensor<fp32, [12, 8]>\n"
            "model_layers_0_self_attn_v_proj_weight tensor<fp32, [12, 8]>\n"
            "model_layers_0_self_attn_o_proj_weight tensor<fp32, [8, 24]>\n"
            "model_layers_0_post_attention_layernorm_weight tensor<fp32, [8]>\n"
            "model_layers_0_mlp_gate_proj_weight tensor<fp32, [12, 8]>\n"
            "model_layers_0_mlp_up_proj_weight tensor<fp32, [12, 8]>\n"
            "model_layers_0_mlp_down_proj_weight tensor<fp32, [8, 12]>\n"
            "model_norm_weight tensor<fp32, [8]>\n"
            "lm_head_weight tensor<fp32, [11, 8]>\n");
  EXPECT_EQ(step->parameter_count, 12u);
  EXPECT_EQ(step->function->results().size(), 13u);
  EXPECT_TRUE(step->function->results()[step->loss_result]->type().is_scalar());
}

TEST(TrainingStep, StoresAccumulatedGradientsIntoTheirBuffers) {
  const auto step = build_training_step(tiny_config(), {1, 4, true});
  ASSERT_TRUE(step) << step.error().message;
  const mil::Function& function = *step->function;
  ASSERT_EQ(function.inputs().size(), step->first_gradient_input + step->parameter_count);
  for (size_t i = 0; i < step->parameter_count; ++i) {
    const mil::Value* gradient = function.results()[step->first_gradient_result + i];
    const mil::Value* buffer = function.inputs()[step->first_gradient_input + i].get();
    EXPECT_EQ(function.aliased_input(gradient), buffer) << buffer->name().view();
    EXPECT_EQ(gradient->type(), function.inputs()[step->first_parameter_input + i]->type());
  }
}

TEST(TrainingStep, AddsToTheBuffersWhenAccumulatingAndScalesGradientsButNotTheLoss) {
  const LlamaConfig config = tiny_config();
  const auto plain = build_training_step(config, {2, 4}).value();
  const auto accumulating = build_training_step(config, {2, 4, true}).value();
  const Tensors batch = {random_ids(config, 8, 1), random_ids(config, 8, 2)};
  const Tensors weights = random_parameters(config);

  const Tensors expected = interpret(*plain.function, joined(joined(batch, {{1.0}}), weights));
  const Tensors inputs = joined(joined(joined(batch, {{4.0}}), weights), weights);  // the weights as full buffers
  const Tensors results = interpret(*accumulating.function, inputs);

  expect_near(results[accumulating.loss_result], expected[plain.loss_result], 0.0, "loss");
  for (size_t i = 0; i < weights.size(); ++i) {
    Numbers sum = weights[i];
    for (size_t j = 0; j < sum.size(); ++j) sum[j] += 4.0 * expected[plain.first_gradient_result + i][j];
    expect_near(results[accumulating.first_gradient_result + i], sum, kDoubleTolerance, parameters(config)[i].name);
  }
}

TEST(TrainingStep, LabelsEveryOperationWithAScope) {
  const auto step = build_training_step(tiny_config(), {1, 4}).value();
  const std::vector<std::string> scopes = {"embedding",    "classifier",         "loss",        "layers.0.attention",
                                           "layers.0.ffn", "layers.1.attention", "layers.1.ffn"};
  for (const auto& operation : step.function->block().operations()) {
    if (operation->is_const()) continue;
    const std::string label = operation->label();
    const bool known = std::any_of(scopes.begin(), scopes.end(), [&](const std::string& scope) {
      return label.starts_with(scope) && (label.size() == scope.size() || label[scope.size()] == '.');
    });
    EXPECT_TRUE(known) << describe(*operation);
  }
}

TEST(Evaluation, IsTheNegativeLogLikelihoodOfTheTargets) {
  const LlamaConfig config = tiny_config();
  const int64_t batch = 2, sequence = 5, vocabulary = config.vocabulary_size;
  const auto evaluation = build_evaluation(config, {batch, sequence}).value();
  const auto logits = build_logits(config, {batch, sequence}).value();
  const Numbers tokens = random_ids(config, batch * sequence, 3), targets = random_ids(config, batch * sequence, 4);
  const Tensors weights = random_parameters(config);
  const Numbers scores = interpret(*logits.function, joined({tokens}, weights))[logits.logits_result];
  const Tensors results = interpret(*evaluation.function, joined({tokens, targets}, weights));

  Numbers losses;
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t s = 0; s < sequence; ++s) {
      const auto score = [&](int64_t v) { return scores[static_cast<size_t>((b * vocabulary + v) * sequence + s)]; };
      double sum = 0;
      for (int64_t v = 0; v < vocabulary; ++v) sum += std::exp(score(v));
      const auto target = static_cast<int64_t>(targets[static_cast<size_t>(b * sequence + s)]);
      losses.push_back(std::log(sum) - score(target));
    }
  }
  expect_near(results[evaluation.token_losses_result], losses, kDoubleTolerance, "token losses");
  const double mean = std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  expect_near(results[evaluation.loss_result], {mean}, kDoubleTolerance, "loss");
}

// Feeds `tokens` in chunks of the given sizes through a cache; logits [V] of every position, one after another.
Numbers decoded(const LlamaConfig& config, const Numbers& tokens, const std::vector<int64_t>& chunks, int64_t capacity,
                const RunFunction& run) {
  const Tensors weights = random_parameters(config);
  const auto cache_size = static_cast<size_t>(config.kv_dim() * capacity);
  Tensors caches(static_cast<size_t>(2 * config.layers), Numbers(cache_size, 0.0));
  Numbers logits;
  int64_t position = 0;
  for (const int64_t chunk : chunks) {
    const auto step = build_decode(config, {chunk, capacity}).value();
    EXPECT_EQ(step.cache_count, caches.size());
    const Numbers part(tokens.begin() + position, tokens.begin() + position + chunk);
    const Tensors inputs = joined(joined({part, {static_cast<double>(position)}}, weights), caches);
    const Tensors results = run(*step.function, inputs);
    const Numbers& scores = results[step.logits_result];  // [1, V, T]
    for (int64_t t = 0; t < chunk; ++t) {
      for (int64_t v = 0; v < config.vocabulary_size; ++v) {
        logits.push_back(scores[static_cast<size_t>(v * chunk + t)]);
      }
    }
    for (size_t i = 0; i < caches.size(); ++i) caches[i] = results[step.first_cache_result + i];
    position += chunk;
  }
  return logits;
}

// The same from one pass over the whole sequence.
Numbers full_pass(const LlamaConfig& config, const Numbers& tokens) {
  const auto sequence = static_cast<int64_t>(tokens.size());
  const auto logits = build_logits(config, {1, sequence}).value();
  const Tensors results = interpret(*logits.function, joined({tokens}, random_parameters(config)));
  Numbers rows;
  for (int64_t s = 0; s < sequence; ++s) {
    for (int64_t v = 0; v < config.vocabulary_size; ++v) {
      rows.push_back(results[logits.logits_result][static_cast<size_t>(v * sequence + s)]);
    }
  }
  return rows;
}

TEST(Decoding, EqualsTheFullForwardAtEveryPosition) {
  const LlamaConfig config = tiny_config();
  const Numbers tokens = random_ids(config, 8, 6);
  const Numbers expected = full_pass(config, tokens);
  const std::vector<int64_t> singly(8, 1);
  expect_near(decoded(config, tokens, singly, 10, interpret), expected, kDoubleTolerance, "one by one");
  expect_near(decoded(config, tokens, {3, 3, 1, 1}, 8, interpret), expected, kDoubleTolerance, "in chunks");
  expect_near(decoded(config, tokens, {8}, 10, interpret), expected, kDoubleTolerance, "at once");
}

TEST(Decoding, RunsOnTheExecutorWithTheCacheInPlace) {
  const LlamaConfig config = tiny_config();
  const Numbers tokens = random_ids(config, 8, 6);
  // fp32 sums of at most a hundred terms of size about one, through two layers.
  expect_near(decoded(config, tokens, {3, 3, 1, 1}, 9, execute), full_pass(config, tokens), 5e-5, "in chunks");
}

TEST(Decoding, StoresTheCachesIntoTheirInputs) {
  const auto step = build_decode(tiny_config(), {2}).value();
  ASSERT_EQ(step.cache_count, 4u);
  EXPECT_EQ(step.function->inputs()[step.first_cache_input + 1]->name(), "v_cache_0");
  for (size_t i = 0; i < step.cache_count; ++i) {
    const mil::Value* cache = step.function->inputs()[step.first_cache_input + i].get();
    EXPECT_EQ(step.function->aliased_input(step.function->results()[step.first_cache_result + i]), cache);
    EXPECT_EQ(cache->shape(), (mil::Shape{1, 2, 1, 6, 10}));
  }
}

TEST(LlamaFunctions, PassTheVerifierAndComeBackFromTheirText) {
  const auto step = build_training_step(tiny_config(), {2, 4, true}).value();
  const auto decode = build_decode(tiny_config(), {2}).value();
  for (const mil::Function* function : {step.function.get(), decode.function.get()}) {
    const Status status = mil::verify(*function);
    EXPECT_TRUE(status) << status.error().message;
    mil::Program program;
    program.add_function(mil::clone(*function));
    const std::string text = mil::print(program);
    const auto back = mil::parse_program(text, "printed");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(mil::print(*back), text);
  }
}

TEST(LlamaFunctions, RefuseASequenceLongerThanTheModels) {
  const std::string message = "a sequence of 11 tokens is longer than the model's 10 positions; use at most 10";
  EXPECT_EQ(build_training_step(tiny_config(), {1, 11}).error().message, message);
  EXPECT_EQ(build_evaluation(tiny_config(), {1, 11}).error().message, message);
  EXPECT_EQ(build_logits(tiny_config(), {1, 11}).error().message, message);
  EXPECT_EQ(build_decode(tiny_config(), {11}).error().message, message);
}

TEST(LlamaFunctions, RefuseShapesThatCannotBe) {
  EXPECT_EQ(build_logits(tiny_config(), {0, 4}).error().message, "batch 0 and sequence 4: expected at least 1 of each");
  EXPECT_EQ(build_logits(tiny_config(), {int64_t{1} << 40, 4}).error().message,
            "a batch of 1099511627776 sequences of 4 tokens is more than the 16777216 positions of one step");
  EXPECT_EQ(build_decode(tiny_config(), {4, 3}).error().message,
            "a cache of 3 positions; expected 4 (the chunk) to 10 (the model's positions)");
  LlamaConfig config = tiny_config();
  config.layers = 0;
  EXPECT_EQ(build_logits(config, {1, 4}).error().message, "model configuration: layers is 0; expected 1 to 1024");
}

}  // namespace
}  // namespace millwright::model
