#include "plan/pipeline.h"

#include <fmt/ranges.h>

#include <array>
#include <vector>

#include "base/spelling.h"

namespace millwright::plan {
namespace {

constexpr std::string_view kResidual = "the residual stream stays in fp32";
constexpr std::string_view kNormGradient = "sums of squares of fp32 activations";

// The six programs per layer of the published static pipeline (the fact base, training.md section 2), with RoPE and its
// gradient inside. Fused into one, attention's gradient meets the compiler's "cycle path" error (C0B).
constexpr std::array kStaticSegments = {
    SegmentRule{"attention", "residual", false, {}, kResidual},
    SegmentRule{"attention", "", false, "attention_forward"},
    SegmentRule{"ffn", "residual", false, {}, kResidual},
    SegmentRule{"ffn", "", false, "ffn_forward"},
    SegmentRule{"ffn", "norm", true, {}, kNormGradient},
    SegmentRule{"ffn", "", true, "ffn_backward"},
    SegmentRule{"attention", "norm", true, {}, kNormGradient},
    SegmentRule{"attention", "out", true, "attention_backward_1"},
    SegmentRule{"attention", "o", true, "attention_backward_1"},
    SegmentRule{"attention", "mixed_channels", true, "attention_backward_1"},
    SegmentRule{"attention", "mixed", true, "attention_backward_1"},
    SegmentRule{"attention", "q", true, "qkv_backward"},
    SegmentRule{"attention", "k", true, "qkv_backward"},
    SegmentRule{"attention", "v", true, "qkv_backward"},
    SegmentRule{"attention", "q_heads", true, "qkv_backward"},
    SegmentRule{"attention", "k_heads", true, "qkv_backward"},
    SegmentRule{"attention", "v_heads", true, "qkv_backward"},
    SegmentRule{"attention", "", true, "attention_backward_2"},
};

// The same programs with the weights as inputs. Norms stay on the CPU, as in the published dynamic pipeline
// (training.md section 4), so that every weight of a program is a matrix.
constexpr std::string_view kNorm = "norms stay in fp32";
constexpr std::array kDynamicSegments = {
    SegmentRule{"attention", "residual", false, {}, kResidual},
    SegmentRule{"attention", "norm", false, {}, kNorm},
    SegmentRule{"attention", "", false, "attention_forward"},
    SegmentRule{"ffn", "residual", false, {}, kResidual},
    SegmentRule{"ffn", "norm", false, {}, kNorm},
    SegmentRule{"ffn", "", false, "ffn_forward"},
    SegmentRule{"ffn", "norm", true, {}, kNormGradient},
    SegmentRule{"ffn", "", true, "ffn_backward"},
    SegmentRule{"attention", "norm", true, {}, kNormGradient},
    SegmentRule{"attention", "out", true, "attention_backward_1"},
    SegmentRule{"attention", "o", true, "attention_backward_1"},
    SegmentRule{"attention", "mixed_channels", true, "attention_backward_1"},
    SegmentRule{"attention", "mixed", true, "attention_backward_1"},
    SegmentRule{"attention", "q", true, "qkv_backward"},
    SegmentRule{"attention", "k", true, "qkv_backward"},
    SegmentRule{"attention", "v", true, "qkv_backward"},
    SegmentRule{"attention", "q_heads", true, "qkv_backward"},
    SegmentRule{"attention", "k_heads", true, "qkv_backward"},
    SegmentRule{"attention", "v_heads", true, "qkv_backward"},
    SegmentRule{"attention", "", true, "attention_backward_2"},
};

// q and k after RoPE, so that the backward programs do not rotate again; the probabilities are computed again in the
// first of them, which hands them to the second.
constexpr std::array kStaticTaps = {
    Tap{"attention", "o"},
    Tap{"attention", "rope_q.out"},
    Tap{"attention", "rope_k.out"},
    Tap{"attention", "v"},
    Tap{"attention", "mixed"},
    Tap{"attention", "probabilities", "attention_backward_1"},
    Tap{"ffn", "w1"},
    Tap{"ffn", "w3"},
    Tap{"ffn", "hidden"},
    Tap{"ffn", "w2"},
};

constexpr std::array kPipelines = {
    Pipeline{"static", "weights are constants of the programs, which are compiled anew for every update",
             WeightPolicy::constants, kStaticSegments, kStaticTaps},
    Pipeline{"dynamic", "weights are inputs of programs that all layers share and that are compiled once",
             WeightPolicy::surfaces, kDynamicSegments, kStaticTaps},
};

}  // namespace

std::span<const Pipeline> pipelines() { return kPipelines; }

Result<const Pipeline*> find_pipeline(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Pipeline& pipeline : kPipelines) {
    if (pipeline.name == name) return &pipeline;
    names.push_back(pipeline.name);
  }
  const std::string_view nearest = nearest_spelling(name, names);
  if (!nearest.empty()) return fail("unknown pipeline \"{}\"; did you mean {}?", name, nearest);
  return fail("unknown pipeline \"{}\"; expected one of {}", name, fmt::join(names, ", "));
}

}  // namespace millwright::plan
