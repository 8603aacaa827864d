// `millwright info`: what a file or folder is, and what it says about itself. One table of the kinds it knows.

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "common_options.h"
#include "model/llama_config.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "output.h"
#include "text/shard.h"
#include "text/shard_set.h"
#include "text/statistics.h"
#include "text/tokenizer.h"
#include "train/checkpoint.h"
#include "train/config_file.h"
#include "train/provenance.h"
#include "train/trainer.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples =
    "  millwright info run\n"
    "  millwright info run/checkpoints/update-000200 --verify\n"
    "  millwright info tokenizer.model --json\n";

constexpr size_t kLargestStateFile = size_t{1} << 24;

struct InfoCommand {
  std::string path;
  bool verify = false;
  bool statistics = false;
  bool json = false;
  Verbosity verbosity;
};

bool is_there(const Path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool is_folder(const Path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

std::string first_bytes(const Path& path, size_t count) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(count, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

Json config_json(const model::LlamaConfig& config) {
  return {{"parameters", model::parameter_count(config)},
          {"vocabulary_size", config.vocabulary_size},
          {"dim", config.dim},
          {"hidden_dim", config.hidden_dim},
          {"layers", config.layers},
          {"heads", config.heads},
          {"kv_heads", config.kv_heads},
          {"head_dim", config.head_dim},
          {"sequence_length", config.sequence_length},
          {"tie_embeddings", config.tie_embeddings}};
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json state_json(const train::CheckpointState& state) {
  return {{"update", state.update},
          {"tokens", state.tokens},
          {"loss", state.loss},
          {"validation_loss", optional_json(state.validation_loss)},
          {"best_validation_loss", optional_json(state.best_validation_loss)},
          {"best_update", state.best_update},
          {"seed", state.seed},
          {"data_hash", state.data_hash},
          {"tokenizer_hash", state.tokenizer_hash},
          {"version", state.version}};
}

Result<Json> describe_weights(const Path& path, const InfoCommand&) {
  MW_ASSIGN(const model::SafetensorsFile file, model::SafetensorsFile::open(path));
  int64_t parameters = 0;
  Json tensors = Json::object();
  for (const model::SafetensorsEntry& entry : file.entries()) {
    parameters += entry.count();
    tensors[entry.name] = fmt::format("{} {}", entry.dtype, mil::shape_text(entry.shape));
  }
  Json metadata = Json::object();
  for (const auto& [key, value] : file.metadata()) metadata[key] = value;
  return Json{{"parameters", parameters},
              {"tensor_count", file.entries().size()},
              {"metadata", std::move(metadata)},
              {"tensors", std::move(tensors)}};
}

Result<Json> describe_config(const Path& path, const InfoCommand&) {
  MW_ASSIGN(const model::LlamaConfig config, model::read_config(path));
  return config_json(config);
}

Result<Json> describe_model(const Path& path, const InfoCommand& command) {
  MW_ASSIGN(Json facts, describe_config(path / model::kConfigFileName, command));
  MW_ASSIGN(const Json weights, describe_weights(path / model::kWeightsFileName, command));
  facts["tensor_count"] = weights["tensor_count"];
  facts["has_tokenizer"] = is_there(path / train::kTokenizerFileName);
  return facts;
}

Result<Json> describe_checkpoint(const Path& path, const InfoCommand& command) {
  MW_ASSIGN(const train::CheckpointState state,
            command.verify ? train::verify_checkpoint(path) : train::read_checkpoint_state(path));
  Json facts = state_json(state);
  if (command.verify) facts["verified_files"] = state.files.size();
  MW_ASSIGN(facts["model"], describe_config(path / model::kConfigFileName, command));
  return facts;
}

// A checkpoint's state.json on its own; `--verify` is for the checkpoint around it.
Result<Json> describe_state(const Path& path, const InfoCommand&) {
  MW_ASSIGN(const std::string text, read_text_file(path, kLargestStateFile));
  MW_ASSIGN(const train::CheckpointState state, train::parse_checkpoint_state(text, path.string()));
  Json facts = state_json(state);
  Json files = Json::object();
  for (const train::CheckpointFile& file : state.files) files[file.name] = file.bytes;
  facts["files"] = std::move(files);
  return facts;
}

Result<Json> describe_provenance(const Path& path, const InfoCommand&) {
  MW_ASSIGN(const train::Provenance provenance, train::read_provenance(path.parent_path()));
  return Json{{"version", provenance.version},
              {"seed", provenance.seed},
              {"data_hash", provenance.data_hash},
              {"train_tokens", provenance.train_tokens},
              {"validation_tokens", provenance.validation_tokens},
              {"tokenizer_hash", provenance.tokenizer_hash},
              {"tokenizer_size", provenance.tokenizer_size},
              {"parameters", provenance.parameters}};
}

Result<Json> describe_run(const Path& path, const InfoCommand& command) {
  MW_ASSIGN(const train::TrainConfig config, train::run_config(path));
  Json settings = Json::object();
  for (const train::Setting& setting : train::settings()) {
    settings[std::string(setting.key)] = train::value_text(setting, config);
  }
  Json facts = {{"settings", std::move(settings)}};
  MW_ASSIGN(const train::CheckpointSearch search, train::find_latest_checkpoint(path));
  if (!search.warnings.empty()) facts["damaged_checkpoints"] = search.warnings;
  facts["checkpoint"] = search.found ? Json(search.found->path.string()) : Json(nullptr);
  if (search.found) {
    MW_ASSIGN(facts["state"], describe_checkpoint(search.found->path, command));
  }
  return facts;
}

Result<Json> describe_tokenizer(const Path& path, const InfoCommand&) {
  MW_ASSIGN(const text::Tokenizer tokenizer,
            text::Tokenizer::load(is_folder(path) ? path / train::kTokenizerFileName : path));
  return Json{{"vocabulary_size", tokenizer.vocabulary_size()},
              {"bos", tokenizer.bos()},
              {"eos", tokenizer.eos()},
              {"unknown", tokenizer.unknown()},
              {"hash", tokenizer.hash()}};
}

Result<Json> describe_shards(const Path& path, const InfoCommand& command) {
  const Path folder = is_folder(path) ? path : path.parent_path();
  MW_ASSIGN(const text::ShardManifest manifest, text::read_manifest(folder));
  Json facts = {{"vocabulary_size", manifest.identity.vocabulary_size},
                {"train_tokens", manifest.train_tokens},
                {"validation_tokens", manifest.validation_tokens},
                {"documents", manifest.documents},
                {"text_bytes", manifest.text_bytes},
                {"train_files", manifest.train_files},
                {"validation_files", manifest.validation_files},
                {"tokenizer_hash", manifest.identity.tokenizer_hash},
                {"corpus_hash", manifest.identity.corpus_hash}};
  if (command.verify || command.statistics) {
    MW_ASSIGN(const text::ShardSet shards, text::ShardSet::open(folder));
    if (command.statistics) {
      facts["unigram_entropy"] = text::unigram_entropy(shards.train(), manifest.identity.vocabulary_size);
    }
  }
  return facts;
}

Result<Json> describe_shard(const Path& path, const InfoCommand&) {
  MW_ASSIGN(const text::Shard shard, text::Shard::open(path));
  return Json{{"vocabulary_size", shard.identity().vocabulary_size},
              {"tokens", shard.size()},
              {"tokenizer_hash", shard.identity().tokenizer_hash},
              {"corpus_hash", shard.identity().corpus_hash}};
}

struct Kind {
  const char* name;
  bool (*recognizes)(const Path&);
  Result<Json> (*describe)(const Path&, const InfoCommand&);
};

// The first that recognizes a path describes it: a checkpoint is a model too, and a run holds tokenizer and shards.
constexpr Kind kFolders[] = {
    {"run", [](const Path& path) { return is_there(path / train::kRunConfigFileName); }, describe_run},
    {"checkpoint", [](const Path& path) { return is_there(path / train::kStateFileName); }, describe_checkpoint},
    {"model", [](const Path& path) { return is_there(path / model::kConfigFileName); }, describe_model},
    {"shards", [](const Path& path) { return is_there(path / text::kManifestName); }, describe_shards},
    {"tokenizer", [](const Path& path) { return is_there(path / train::kTokenizerFileName); }, describe_tokenizer},
};
constexpr Kind kFiles[] = {
    {"shard", [](const Path& path) { return first_bytes(path, 8) == "MWSHARD1"; }, describe_shard},
    {"shards", [](const Path& path) { return path.filename() == text::kManifestName; }, describe_shards},
    {"weights", [](const Path& path) { return path.extension() == ".safetensors"; }, describe_weights},
    {"checkpoint state", [](const Path& path) { return path.filename() == train::kStateFileName; }, describe_state},
    {"provenance", [](const Path& path) { return path.filename() == train::kProvenanceFileName; }, describe_provenance},
    {"configuration", [](const Path& path) { return path.extension() == ".json"; }, describe_config},
    {"tokenizer", [](const Path& path) { return path.extension() == ".model"; }, describe_tokenizer},
};

template <size_t count>
const Kind* find_kind(const Kind (&kinds)[count], const Path& path) {
  for (const Kind& kind : kinds) {
    if (kind.recognizes(path)) return &kind;
  }
  return nullptr;
}

Status run_info(const InfoCommand& command) {
  command.verbosity.apply();
  const Path path = command.path;
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return system_error("open", path, ENOENT);
  if (error) return system_error("open", path, error.value());
  const bool folder = type == std::filesystem::file_type::directory;
  if (!folder && type != std::filesystem::file_type::regular) {  // reading one could wait for ever
    return fail(ErrorKind::io, "cannot read {}: expected a regular file or a folder, found a device, pipe or socket",
                command.path);
  }
  const Kind* kind = folder ? find_kind(kFolders, path) : find_kind(kFiles, path);
  if (kind == nullptr) {
    return fail("{}: not a {} that Millwright knows; expected a {}", command.path, folder ? "folder" : "file",
                folder
                    ? "run, checkpoint, model, shards or tokenizer"
                    : "shard, shards.json, state.json, provenance.json, .safetensors, config.json or tokenizer .model");
  }
  MW_ASSIGN(const Json description, kind->describe(path, command));
  Json facts = {{"path", command.path}, {"kind", kind->name}};
  facts.update(description);
  command.json ? print_json(facts) : print_facts(facts);
  return {};
}

}  // namespace

void add_info(CommandTree& tree) {
  Command& command = tree.add("info", "Say what a run, checkpoint, model, tokenizer or shard is", kExamples);
  auto options = std::make_shared<InfoCommand>();
  command.text("path", options->path, "PATH", "The file or folder").required = true;
  command.flag("--verify", options->verify, "Check sizes and hashes of a checkpoint's files, or every shard");
  command.flag("--statistics", options->statistics,
               "Of shards: the entropy of single tokens, the loss of a model that ignores context");
  command.flag("--json", options->json, "Print JSON");
  options->verbosity.add_to(command);
  command.on_run([options] { return run_info(*options); });
}

}  // namespace millwright::app
