// state.json: text in and out, and the comparison with the files it lists.
#include <algorithm>
#include <cmath>
#include <system_error>

#include "base/hash.h"
#include "base/json.h"
#include "model/weights.h"
#include "train/checkpoint.h"

namespace millwright::train {

namespace {

constexpr int64_t kFormat = 1;  // of state.json
constexpr size_t kLargestStateFile = size_t{1} << 20;
constexpr size_t kMostFiles = 64;
constexpr int64_t kMostUpdates = int64_t{1} << 53;

bool is_hash(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// A file directly inside the checkpoint's folder.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

// In quotation marks, on one line whatever it holds.
std::string json_text(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<std::string> json_hash(const Json& object, const std::string& key, const std::string& source) {
  MW_ASSIGN(std::string hash, json_string(object, key, source));
  if (!is_hash(hash)) return fail("{}: \"{}\": expected 32 hexadecimal digits, found {}", source, key, json_text(hash));
  return hash;
}

// Absent or null: no value.
Result<std::optional<double>> json_optional_number(const Json& object, const std::string& key,
                                                   const std::string& source) {
  if (!object.contains(key) || object.at(key).is_null()) return std::optional<double>();
  MW_ASSIGN(const double value, json_number(object, key, source));
  return std::optional<double>(value);
}

Result<CheckpointFile> parse_file(const Json& object, const std::string& source) {
  CheckpointFile file;
  MW_ASSIGN(file.name, json_string(object, "name", source));
  if (!is_plain_name(file.name))
    return fail("{}: \"name\": expected a file of this folder, found {}", source, json_text(file.name));
  MW_ASSIGN(file.bytes, json_integer(object, "bytes", source, 0));
  MW_ASSIGN(file.hash, json_hash(object, "xxh3", source));
  return file;
}

Status check_file(const Path& checkpoint, const CheckpointFile& file) {
  const Path path = checkpoint / file.name;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorKind::io, "{}: {} is missing", checkpoint.string(), file.name);
  if (bytes != static_cast<uintmax_t>(file.bytes)) {
    return fail("{}: {} has {} bytes, expected {}", checkpoint.string(), file.name, bytes, file.bytes);
  }
  MW_ASSIGN(const std::string hash, hash_file(path));
  if (hash != file.hash) {
    return fail("{}: {} has hash {}, expected {}", checkpoint.string(), file.name, hash, file.hash);
  }
  return {};
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

Result<CheckpointState> parse_run_state(std::string_view text, const std::string& source) {
  MW_ASSIGN(const Json object, parse_json(text, source));
  MW_ASSIGN(const int64_t format, json_integer(object, "format", source, 1));
  if (format != kFormat) {
    return fail("{}: written in format {}, but this version reads {}; use the version that wrote it", source, format,
                kFormat);
  }
  CheckpointState state;
  MW_ASSIGN(state.version, json_string(object, "version", source));
  MW_ASSIGN(state.update, json_integer(object, "update", source, 0, kMostUpdates));
  MW_ASSIGN(state.position, json_integer(object, "position", source, 0, kMostUpdates));
  MW_ASSIGN(state.tokens, json_integer(object, "tokens", source, 0, kMostUpdates));
  MW_ASSIGN(state.loss, json_number(object, "loss", source));
  MW_ASSIGN(state.validation_loss, json_optional_number(object, "validation_loss", source));
  MW_ASSIGN(state.best_validation_loss, json_optional_number(object, "best_validation_loss", source));
  MW_ASSIGN(state.best_update, json_integer(object, "best_update", source, 0, kMostUpdates));
  MW_ASSIGN(state.loss_scale, json_optional_number(object, "loss_scale", source));
  if (state.loss_scale && !(*state.loss_scale > 0)) {
    return fail("{}: \"loss_scale\": expected more than 0, found {}", source, *state.loss_scale);
  }
  if (state.loss_scale) {
    MW_ASSIGN(state.quiet_updates, json_integer(object, "quiet_updates", source, 0, kMostUpdates));
  }
  MW_ASSIGN(state.seed, json_integer(object, "seed", source, 0));
  MW_ASSIGN(state.data_hash, json_hash(object, "data_hash", source));
  MW_ASSIGN(state.tokenizer_hash, json_hash(object, "tokenizer_hash", source));
  MW_ASSIGN(const Json* files, json_array(object, "files", source));
  if (files->size() > kMostFiles)
    return fail("{}: \"files\": expected at most {}, found {}", source, kMostFiles, files->size());
  for (const Json& entry : *files) {
    MW_ASSIGN(CheckpointFile file, parse_file(entry, source));
    state.files.push_back(std::move(file));
  }
  return state;
}

Result<CheckpointState> parse_checkpoint_state(std::string_view text, const std::string& source) {
  MW_ASSIGN(CheckpointState state, parse_run_state(text, source));
  for (const char* name : {model::kWeightsFileName, model::kConfigFileName, kOptimizerFileName}) {
    const auto is_it = [&](const CheckpointFile& file) { return file.name == name; };
    if (std::none_of(state.files.begin(), state.files.end(), is_it)) {
      return fail("{}: \"files\": {} is missing", source, name);
    }
  }
  return state;
}

std::string checkpoint_state_text(const CheckpointState& state) {
  Json files = Json::array();
  for (const CheckpointFile& file : state.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"xxh3", file.hash}});
  }
  Json object = {{"format", kFormat},
                 {"version", state.version},
                 {"update", state.update},
                 {"position", state.position},
                 {"tokens", state.tokens},
                 {"loss", state.loss},
                 {"validation_loss", optional_json(state.validation_loss)},
                 {"best_validation_loss", optional_json(state.best_validation_loss)},
                 {"best_update", state.best_update},
                 {"seed", state.seed},
                 {"data_hash", state.data_hash},
                 {"tokenizer_hash", state.tokenizer_hash},
                 {"files", files}};
  if (state.loss_scale) {
    object["loss_scale"] = *state.loss_scale;
    object["quiet_updates"] = state.quiet_updates;
  }
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<CheckpointState> read_checkpoint_state(const Path& checkpoint) {
  const Path path = checkpoint / kStateFileName;
  MW_ASSIGN(const std::string text, read_text_file(path, kLargestStateFile));
  return parse_checkpoint_state(text, path.string());
}

Result<CheckpointState> verify_checkpoint(const Path& checkpoint) {
  MW_ASSIGN(CheckpointState state, read_checkpoint_state(checkpoint));
  for (const CheckpointFile& file : state.files) MW_TRY(check_file(checkpoint, file));
  return state;
}

}  // namespace millwright::train
