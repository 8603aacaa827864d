#include "model/weights.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"

namespace millwright::model {
namespace {

// Buffers that some exporters store beside the weights and that the configuration already determines.
bool is_derived(const std::string& name, const LlamaConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tie_embeddings && name == "lm_head.weight");
}

Result<Path> weights_path(const Path& folder_or_file) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder_or_file, error)) return folder_or_file;
  Path path = folder_or_file / kWeightsFileName;
  if (!std::filesystem::exists(path, error)) {
    const bool sharded = std::filesystem::exists(folder_or_file / "model.safetensors.index.json", error);
    return fail(ErrorKind::io, "{}: no {} in this folder{}", folder_or_file.string(), kWeightsFileName,
                sharded ? "; weights split over several files are not supported, join them first" : "");
  }
  return path;
}

// Every tensor of the file is one of the model's.
Status check_no_extra(const SafetensorsFile& file, std::span<const ParameterDescription> list,
                      const LlamaConfig& config) {
  for (const SafetensorsEntry& entry : file.entries()) {
    const bool known = std::any_of(list.begin(), list.end(), [&](const auto& p) { return p.name == entry.name; });
    if (!known && !is_derived(entry.name, config)) {
      return fail("{}: tensor {} is not part of this model ({} layers, {} embeddings)", file.path().string(),
                  entry.quoted_name(), config.layers, config.tie_embeddings ? "tied" : "untied");
    }
  }
  return {};
}

}  // namespace

Status load_weights(const Path& folder_or_file, const LlamaConfig& config, std::span<const std::span<float>> values) {
  MW_TRY(validate(config));
  MW_ASSIGN(const Path path, weights_path(folder_or_file));
  MW_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
  const std::vector<ParameterDescription> list = parameters(config);
  MW_CHECK(values.size() == list.size(), "{} buffers for {} parameters", values.size(), list.size());

  MW_TRY(check_no_extra(file, list, config));
  for (size_t i = 0; i < list.size(); ++i) {
    const SafetensorsEntry* entry = file.find(list[i].name);
    if (entry == nullptr) {
      return fail("{}: tensor \"{}\" is missing; expected shape {}", path.string(), list[i].name,
                  mil::shape_text(list[i].shape));
    }
    if (entry->shape != list[i].shape) {
      return fail("{}: tensor \"{}\" has shape {}; the configuration expects {}", path.string(), entry->name,
                  mil::shape_text(entry->shape), mil::shape_text(list[i].shape));
    }
    MW_TRY(file.read(*entry, values[i]));
  }
  return {};
}

Status save_model(const Path& folder, const LlamaConfig& config, std::span<const std::span<const float>> values,
                  const SafetensorsMetadata& metadata) {
  const std::vector<ParameterDescription> list = parameters(config);
  MW_CHECK(values.size() == list.size(), "{} buffers for {} parameters", values.size(), list.size());
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const ParameterDescription& parameter : list) tensors.push_back({parameter.name, parameter.shape});

  // transformers refuses a file that does not say which framework's layout its tensors have.
  SafetensorsMetadata entries = metadata;
  entries.emplace("format", "pt");

  MW_TRY(make_directories(folder));
  MW_TRY(write_config(folder / kConfigFileName, config));
  MW_ASSIGN(SafetensorsWriter writer, SafetensorsWriter::open(folder / kWeightsFileName, tensors, entries));
  for (const std::span<const float> tensor : values) MW_TRY(writer.write(tensor));
  return writer.finish();
}

}  // namespace millwright::model
