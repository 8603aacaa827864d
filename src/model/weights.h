// A model on disk: a folder with config.json and model.safetensors, as Hugging Face's tools write and read it.
#pragma once

#include <span>

#include "base/files.h"
#include "base/result.h"
#include "model/llama_config.h"
#include "model/llama_parameters.h"
#include "model/safetensors.h"

namespace millwright::model {

inline constexpr const char* kConfigFileName = "config.json";
inline constexpr const char* kWeightsFileName = "model.safetensors";

// The weights of `config` from a model folder or a safetensors file into the caller's memory, one span per entry of
// parameters(config). A missing, extra or mis-shaped tensor is an error that names it.
Status load_weights(const Path& folder_or_file, const LlamaConfig& config, std::span<const std::span<float>> values);

// Writes config.json and model.safetensors into `folder`, which is made where it is missing. The weights appear last,
// so a folder with weights is complete.
Status save_model(const Path& folder, const LlamaConfig& config, std::span<const std::span<const float>> values,
                  const SafetensorsMetadata& metadata = {});

}  // namespace millwright::model
