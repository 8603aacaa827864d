#include "train/checkpoint.h"

#include <algorithm>
#include <span>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "train/checkpoint_names.h"

namespace millwright::train {

namespace {

using runtime::ParameterStore;

constexpr size_t kLargestTokenizerFile = size_t{1} << 30;

// The two moments of one parameter in optimizer.safetensors.
std::string first_moment_name(const ParameterStore::Entry& entry) { return entry.name + ".first_moment"; }
std::string second_moment_name(const ParameterStore::Entry& entry) { return entry.name + ".second_moment"; }

// Removes the folder unless told that it is finished.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(Path path) : path_(std::move(path)) {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    if (!finished_) std::filesystem::remove_all(path_, error);
  }
  const Path& path() const { return path_; }
  void finish() { finished_ = true; }

 private:
  Path path_;
  bool finished_ = false;
};

Status write_weights(const Path& folder, const model::LlamaConfig& config, const ParameterStore& store) {
  std::vector<std::span<const float>> masters;
  for (size_t i = 0; i < store.entries().size(); ++i) masters.push_back(store.master(i));
  return model::save_model(folder, config, masters, {{"format", "pt"}});
}

Status write_moments(const Path& path, const ParameterStore& store) {
  std::vector<model::SafetensorsWriter::Tensor> tensors;
  for (const ParameterStore::Entry& entry : store.entries()) {
    tensors.push_back({first_moment_name(entry), entry.shape});
    tensors.push_back({second_moment_name(entry), entry.shape});
  }
  MW_ASSIGN(auto writer, model::SafetensorsWriter::open(path, tensors));
  for (size_t i = 0; i < store.entries().size(); ++i) {
    MW_TRY(writer.write(store.first_moment(i)));
    MW_TRY(writer.write(store.second_moment(i)));
  }
  return writer.finish();
}

Status copy_tokenizer(const Path& from, const Path& to) {
  MW_ASSIGN(const std::string bytes, read_text_file(from, kLargestTokenizerFile));
  return write_file_atomically(to, bytes);
}

// Every file of the folder, by name.
Result<std::vector<CheckpointFile>> list_files(const Path& folder) {
  std::vector<CheckpointFile> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return system_error("list the folder", folder, error.value());
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    CheckpointFile file{entries->path().filename().string(), 0, ""};
    file.bytes = static_cast<int64_t>(entries->file_size(error));
    if (error) return system_error("read the size of", entries->path(), error.value());
    MW_ASSIGN(file.hash, hash_file(entries->path()));
    files.push_back(std::move(file));
  }
  if (error) return system_error("list the folder", folder, error.value());  // which also ended the loop
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

// A folder of this name is an older, damaged checkpoint of the same update: it makes room by a rename.
Status make_room(const Path& final_name) {
  std::error_code error;
  if (!std::filesystem::exists(final_name, error)) return {};
  return remove_checkpoint(final_name);
}

Status read_moment(const model::SafetensorsFile& file, const std::string& name, const mil::Shape& shape,
                   std::span<float> values) {
  const model::SafetensorsEntry* entry = file.find(name);
  if (entry == nullptr) return fail("{}: tensor {} is missing", file.path().string(), name);
  if (entry->shape != shape) {
    return fail("{}: tensor {} is {}, expected {}", file.path().string(), name, mil::shape_text(entry->shape),
                mil::shape_text(shape));
  }
  return file.read(*entry, values);
}

}  // namespace

Result<Path> write_checkpoint(const Path& run, CheckpointState state, const model::LlamaConfig& config,
                              const Path& tokenizer, const ParameterStore& store) {
  const Path folder = run / kCheckpointsFolderName;
  const Path final_name = folder / checkpoint_name(state.update);
  TemporaryFolder temporary(folder / fmt::format("{}{}", kWritingPrefix, checkpoint_name(state.update)));
  std::error_code error;
  std::filesystem::remove_all(temporary.path(), error);  // left by a process that was killed
  MW_TRY(make_directories(temporary.path()));
  MW_TRY(write_weights(temporary.path(), config, store));
  MW_TRY(write_moments(temporary.path() / kOptimizerFileName, store));
  MW_TRY(copy_tokenizer(tokenizer, temporary.path() / kTokenizerFileName));
  MW_ASSIGN(state.files, list_files(temporary.path()));
  MW_TRY(write_file_atomically(temporary.path() / kStateFileName, checkpoint_state_text(state)));
  MW_TRY(make_room(final_name));
  MW_TRY(rename_directory_atomically(temporary.path(), final_name));
  temporary.finish();
  return final_name;
}

Status replace_checkpoint_state(const Path& checkpoint, const CheckpointState& state) {
  return write_file_atomically(checkpoint / kStateFileName, checkpoint_state_text(state));
}

Status load_checkpoint(const Path& checkpoint, const model::LlamaConfig& config, ParameterStore& store) {
  MW_ASSIGN(const model::LlamaConfig found, model::read_config(checkpoint / model::kConfigFileName));
  if (const std::string difference = model::describe_difference(found, config); !difference.empty()) {
    return fail("{}: a checkpoint of another configuration ({})", checkpoint.string(), difference);
  }
  std::vector<std::span<float>> masters;
  for (size_t i = 0; i < store.entries().size(); ++i) masters.push_back(store.master(i));
  MW_TRY(model::load_weights(checkpoint, config, masters));
  MW_ASSIGN(const auto moments, model::SafetensorsFile::open(checkpoint / kOptimizerFileName));
  for (size_t i = 0; i < store.entries().size(); ++i) {
    const ParameterStore::Entry& entry = store.entries()[i];
    MW_TRY(read_moment(moments, first_moment_name(entry), entry.shape, store.first_moment(i)));
    MW_TRY(read_moment(moments, second_moment_name(entry), entry.shape, store.second_moment(i)));
  }
  return {};
}

}  // namespace millwright::train
