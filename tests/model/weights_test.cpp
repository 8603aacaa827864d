#include "model/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/temporary_folder.h"

namespace millwright::model {
namespace {

LlamaConfig small_config() {
  LlamaConfig config = find_preset("stories260k").value();
  config.layers = 1;
  config.vocabulary_size = 10;
  return config;
}

// Values of a model, each tensor filled by its initialisation.
struct Values {
  explicit Values(const LlamaConfig& config) {
    for (const ParameterDescription& parameter : parameters(config)) {
      tensors.emplace_back(static_cast<size_t>(parameter.count()));
      initialize(parameter, 11, tensors.back());
    }
  }
  std::vector<std::span<const float>> constant() const { return {tensors.begin(), tensors.end()}; }
  std::vector<std::span<float>> writable() { return {tensors.begin(), tensors.end()}; }

  std::vector<std::vector<float>> tensors;
};

std::string load_error(const Path& path, const LlamaConfig& config) {
  Values values(config);
  const auto spans = values.writable();
  const Status status = load_weights(path, config, spans);
  return status ? "loaded" : status.error().message;
}

// Writes the tensors of `config`'s model with the names and shapes that `change` leaves.
Path write_changed(const TemporaryFolder& folder, const LlamaConfig& config,
                   const std::function<void(std::vector<SafetensorsWriter::Tensor>&)>& change) {
  std::vector<SafetensorsWriter::Tensor> tensors;
  for (const ParameterDescription& parameter : parameters(config)) tensors.push_back({parameter.name, parameter.shape});
  change(tensors);
  const Path path = folder / "changed.safetensors";
  auto writer = SafetensorsWriter::open(path, tensors).value();
  for (const auto& tensor : tensors) {
    EXPECT_TRUE(writer.write(std::vector<float>(static_cast<size_t>(mil::element_count(tensor.shape)))));
  }
  EXPECT_TRUE(writer.finish());
  return path;
}

TEST(ModelFolder, GivesBackWhatWasSaved) {
  const TemporaryFolder folder;
  const LlamaConfig config = small_config();
  const Values values(config);
  ASSERT_TRUE(save_model(folder / "model", config, values.constant(), {{"steps", "20"}}));

  const auto read = read_config(folder / "model" / kConfigFileName);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, config);
  Values loaded(config);
  for (std::vector<float>& tensor : loaded.tensors) std::ranges::fill(tensor, 0.0F);
  const Status status = load_weights(folder / "model", config, loaded.writable());
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(loaded.tensors, values.tensors);
  const auto file = SafetensorsFile::open(folder / "model" / "model.safetensors");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->metadata(), (SafetensorsMetadata{{"format", "pt"}, {"steps", "20"}}));
}

TEST(ModelFolder, SavesTheSameBytesForTheSameModel) {
  const TemporaryFolder folder;
  const Values values(small_config());
  ASSERT_TRUE(save_model(folder / "a", small_config(), values.constant()));
  ASSERT_TRUE(save_model(folder / "b", small_config(), values.constant()));
  EXPECT_EQ(read_whole_file(folder / "a/model.safetensors"), read_whole_file(folder / "b/model.safetensors"));
  EXPECT_EQ(read_whole_file(folder / "a/config.json"), read_whole_file(folder / "b/config.json"));
}

TEST(LoadingWeights, NamesAMissingTensor) {
  const TemporaryFolder folder;
  const Path path = write_changed(folder, small_config(), [](auto& tensors) { tensors.erase(tensors.begin() + 2); });
  EXPECT_EQ(load_error(path, small_config()),
            path.string() + ": tensor \"model.layers.0.self_attn.q_proj.weight\" is missing; expected shape [64, 64]");
}

TEST(LoadingWeights, NamesATensorTooMany) {
  const TemporaryFolder folder;
  const Path path = write_changed(folder, small_config(), [](auto& tensors) {
    tensors.push_back({"model.layers.1.mlp.up_proj.weight", {172, 64}});
  });
  EXPECT_EQ(load_error(path, small_config()),
            path.string() +
                ": tensor \"model.layers.1.mlp.up_proj.weight\" is not part of this model (1 layers, tied "
                "embeddings)");
}

TEST(LoadingWeights, NamesAMisshapenTensor) {
  const TemporaryFolder folder;
  const Path path = write_changed(folder, small_config(), [](auto& tensors) { tensors[0].shape = {11, 64}; });
  EXPECT_EQ(
      load_error(path, small_config()),
      path.string() + ": tensor \"model.embed_tokens.weight\" has shape [11, 64]; the configuration expects [10, 64]");
}

TEST(LoadingWeights, PassesOverWhatTheConfigurationDetermines) {
  const TemporaryFolder folder;
  const Path path = write_changed(folder, small_config(), [](auto& tensors) {
    tensors.push_back({"lm_head.weight", {10, 64}});  // tied
    tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {4}});
  });
  EXPECT_EQ(load_error(path, small_config()), "loaded");
}

TEST(LoadingWeights, SaysWhereTheFolderHasNoWeights) {
  const TemporaryFolder folder;
  EXPECT_EQ(load_error(folder.path(), small_config()),
            folder.path().string() + ": no model.safetensors in this folder");
  folder.write("model.safetensors.index.json", "{}");
  EXPECT_EQ(load_error(folder.path(), small_config()),
            folder.path().string() +
                ": no model.safetensors in this folder; weights split over several files are not "
                "supported, join them first");
}

TEST(LoadingWeights, RefusesATruncatedFile) {
  const TemporaryFolder folder;
  const Values values(small_config());
  ASSERT_TRUE(save_model(folder.path(), small_config(), values.constant()));
  const std::string whole = read_whole_file(folder / "model.safetensors");
  const Path path = folder.write("cut.safetensors", whole.substr(0, whole.size() - 100));
  const std::string message = load_error(path, small_config());
  EXPECT_EQ(message.substr(0, path.string().size() + 9), path.string() + ": tensor ");
  EXPECT_NE(message.find("the file may be truncated"), std::string::npos) << message;
}

TEST(LoadingWeights, SaysWhichFileIsMissing) {
  const TemporaryFolder folder;
  EXPECT_EQ(load_error(folder / "nothing" / kWeightsFileName, small_config()),
            "cannot open " + (folder / "nothing" / kWeightsFileName).string() +
                ": No such file or directory; check the path");
}

}  // namespace
}  // namespace millwright::model
