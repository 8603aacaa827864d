#include "plan/pipeline.h"

#include <fmt/ranges.h>

#include <array>

#include "base/spelling.h"

namespace millwright::plan {
namespace {

constexpr std::string_view kResidual = "the residual stream stays in fp32";
constexpr std::string_view kNorm = "norms stay in fp32";
constexpr std::string_view kNormGradient = "sums of squares of fp32 activations";
constexpr std::string_view kSoftmax = "mask and softmax in fp32";
constexpr std::string_view kProducts = "matrix products and what stands between them";
constexpr std::string_view kScale = "one number scales every element";

enum class Norms : uint8_t { cpu, engine };

using Rules = std::vector<SegmentRule>;

void add(Rules& rules, std::initializer_list<SegmentRule> more) { rules.insert(rules.end(), more); }

// The forward pass of a layer: two programs, or three where the scores leave the engine.
void add_forward(Rules& rules, Norms norms, Attention attention) {
  add(rules, {{"attention", "residual", false, {}, kResidual}, {"ffn", "residual", false, {}, kResidual}});
  if (norms == Norms::cpu) add(rules, {{"attention", "norm", false, {}, kNorm}, {"ffn", "norm", false, {}, kNorm}});
  if (attention == Attention::split) {
    add(rules, {{"attention", "scaled_scores", false, {}, kSoftmax},
                {"attention", "masked_scores", false, {}, kSoftmax},
                {"attention", "probabilities", false, {}, kSoftmax},
                {"attention", "mixed", false, "attention_mix", kProducts},
                {"attention", "mixed_channels", false, "attention_mix", kProducts},
                {"attention", "o", false, "attention_mix", kProducts},
                {"attention", "out", false, "attention_mix", kProducts},
                {"attention", "", false, "attention_scores", kProducts}});
  } else {
    add(rules, {{"attention", "", false, "attention_forward", kProducts}});
  }
  add(rules, {{"ffn", "", false, "ffn_forward", kProducts}});
}

// Gradients of norms: the sums stay on the CPU, or become a program per norm, with the additions to the gradient of the
// residual stream left in fp32.
void add_norm_gradients(Rules& rules, Norms norms) {
  if (norms == Norms::cpu) {
    add(rules, {{"attention", "norm", true, {}, kNormGradient}, {"ffn", "norm", true, {}, kNormGradient}});
    return;
  }
  add(rules, {{"attention", "norm", true, {}, kResidual, "add"},
              {"ffn", "norm", true, {}, kResidual, "add"},
              {"attention", "norm", true, "attention_norm_backward", "offloaded"},
              {"ffn", "norm", true, "ffn_norm_backward", "offloaded"}});
}

// Gradients of a layer's activations: four programs. Fused into one, attention's gradient meets the compiler's "cycle
// path" error (C0B).
void add_backward(Rules& rules, Attention attention) {
  add(rules, {{"ffn", "", true, "ffn_backward", kProducts}});
  for (const std::string_view operation : {"out", "o", "mixed_channels", "mixed"}) {
    add(rules, {{"attention", operation, true, "attention_backward_1", kProducts}});
  }
  for (const std::string_view operation : {"q", "k", "v", "q_heads", "k_heads", "v_heads"}) {
    add(rules, {{"attention", operation, true, "qkv_backward", kProducts}});
  }
  if (attention == Attention::split) {
    for (const std::string_view operation : {"probabilities", "masked_scores", "scaled_scores"}) {
      add(rules, {{"attention", operation, true, {}, kSoftmax}});
    }
  }
  add(rules, {{"attention", "", true, "attention_backward_2", kProducts}});
}

// What the published pipeline with extras runs on the engine besides: the last norm, the classifier, and the softmax
// over the vocabulary, which is the gradient of the loss (the fact base, training.md section 3).
void add_offload(Rules& rules) {
  add(rules, {{"classifier", "norm", false, "final_norm", "offloaded"},
              {"classifier", "logits", false, "classifier", "offloaded"},
              {"loss", "normalizer", true, {}, kScale, "mul"},
              {"loss", "normalizer", true, "vocabulary_softmax", "offloaded"}});
}

// q and k after RoPE, so that the backward programs do not rotate again.
std::vector<Tap> taps_of(Attention attention) {
  std::vector<Tap> taps = {{"attention", "o"},
                           {"attention", "rope_q.out"},
                           {"attention", "rope_k.out"},
                           {"attention", "v"},
                           {"attention", "mixed"},
                           {"ffn", "w1"},
                           {"ffn", "w3"},
                           {"ffn", "hidden"},
                           {"ffn", "w2"},
                           {"classifier", "logits"},
                           {"classifier", "norm.out"}};
  if (attention == Attention::split) {
    taps.push_back({"attention", "scores"});
  } else {
    // Computed again in the first of the backward programs, which hands them to the second.
    taps.push_back({"attention", "probabilities", "attention_backward_1"});
  }
  return taps;
}

constexpr std::array kPipelines = {
    PipelineDescription{"static", "weights are constants of the programs, which are compiled anew for every update"},
    PipelineDescription{"static-offload",
                        "static, with norms' gradients, last norm, classifier and its softmax on the engine"},
    PipelineDescription{"dynamic", "weights are inputs of programs that all layers share and that are compiled once"},
};

template <class Names>
tl::unexpected<Error> unknown(std::string_view what, std::string_view name, const Names& names) {
  const std::string_view nearest = nearest_spelling(name, names);
  if (!nearest.empty()) return fail("unknown {} \"{}\"; did you mean {}?", what, name, nearest);
  return fail("unknown {} \"{}\"; expected one of {}", what, name, fmt::join(names, ", "));
}

}  // namespace

std::span<const PipelineDescription> pipelines() { return kPipelines; }

Result<Pipeline> make_pipeline(std::string_view name, Attention attention) {
  Pipeline pipeline;
  pipeline.name = name;
  pipeline.taps = taps_of(attention);
  if (name == "static" || name == "static-offload") {
    const bool offloads = name == "static-offload";
    pipeline.weights = WeightPolicy::constants;
    add_forward(pipeline.segments, Norms::engine, attention);
    add_norm_gradients(pipeline.segments, offloads ? Norms::engine : Norms::cpu);
    add_backward(pipeline.segments, attention);
    if (offloads) add_offload(pipeline.segments);
    return pipeline;
  }
  if (name == "dynamic") {
    // Norms on the CPU, as published (training.md section 4), so that every weight of a program is a matrix.
    pipeline.weights = WeightPolicy::surfaces;
    add_forward(pipeline.segments, Norms::cpu, attention);
    add_norm_gradients(pipeline.segments, Norms::cpu);
    add_backward(pipeline.segments, attention);
    return pipeline;
  }
  std::vector<std::string_view> names;
  for (const PipelineDescription& each : kPipelines) names.push_back(each.name);
  return unknown("pipeline", name, names);
}

Result<Attention> find_attention(std::string_view name) {
  if (name == "fused") return Attention::fused;
  if (name == "split") return Attention::split;
  return unknown("attention", name, std::vector<std::string_view>{"fused", "split"});
}

}  // namespace millwright::plan
