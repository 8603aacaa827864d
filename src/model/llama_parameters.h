// The parameters of a Llama model: names, shapes, weight decay and initial values, in the one order that functions,
// parameter store, checkpoints and weight files share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mil/type.h"
#include "model/llama_config.h"

namespace millwright::model {

inline constexpr double kInitialStandardDeviation = 0.02;

struct ParameterDescription {
  enum class Kind : uint8_t { embedding, matrix, norm };

  std::string name;      // Hugging Face's: "model.layers.0.self_attn.q_proj.weight"
  std::string mil_name;  // the name of the function input: "model_layers_0_self_attn_q_proj_weight"
  mil::Shape shape;      // matrices [out, in], the embedding [vocabulary, dim], norms [dim]
  Kind kind = Kind::matrix;
  bool decay = false;                     // takes weight decay: everything but norms and 1-D tensors
  double initial_standard_deviation = 0;  // of a normal distribution around 0; norms start at 1 and have 0 here

  int64_t count() const { return mil::element_count(shape); }
};

// The embedding; per layer attention norm, q, k, v, o, feed-forward norm, gate, up, down; the last norm; the classifier
// where it is not tied. The configuration must be valid.
std::vector<ParameterDescription> parameters(const LlamaConfig& config);

// Fills `values` with the initial weights: a pure function of the seed and the parameter's name, the same bits on every
// platform and for any number of threads. Deviation 0.02, and 0.02 / sqrt(2 · layers) for the two projections per layer
// that add to the residual stream, so that its variance does not grow with depth (GPT-2's report, section 2.3).
void initialize(const ParameterDescription& parameter, uint64_t seed, std::span<float> values);

}  // namespace millwright::model
